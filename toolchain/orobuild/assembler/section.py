"""Sections: their attributes, and the stream of what statements put into them.

Owns the defaults of the well-known names (binutils 2.40, bfd/elf.c `special_sections` and
bfd/elf64-x86-64.c `elf_x86_64_special_sections`). It decides nothing about strictness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.fragment import Fragment
from orobuild.elf import constants as c
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.assembler.cfi import Frame
    from orobuild.assembler.fragment import Fix
    from orobuild.assembler.processor import Processor
    from orobuild.assembler.relocation import ExplicitRelocation
    from orobuild.assembler.symbol import Place, Symbol

_A: Final = c.SHF_ALLOC
_AW: Final = c.SHF_ALLOC | c.SHF_WRITE
_AX: Final = c.SHF_ALLOC | c.SHF_EXECINSTR
_AWT: Final = _AW | c.SHF_TLS
_LARGE: Final = c.SHF_X86_64_LARGE
SHT_GNU_HASH: Final = 0x6FFFFFF6


@dataclass(frozen=True, slots=True)
class Defaults:
    """The type, flags and entry size of a section whose name says what it is."""

    sh_type: int
    sh_flags: int
    sh_entsize: int = 0


_EXACT: Final = {
    ".comment": Defaults(c.SHT_PROGBITS, 0),
    ".data1": Defaults(c.SHT_PROGBITS, _AW),
    ".debug": Defaults(c.SHT_PROGBITS, 0),
    ".debug_line": Defaults(c.SHT_PROGBITS, 0),
    ".debug_info": Defaults(c.SHT_PROGBITS, 0),
    ".debug_abbrev": Defaults(c.SHT_PROGBITS, 0),
    ".debug_aranges": Defaults(c.SHT_PROGBITS, 0),
    ".dynamic": Defaults(c.SHT_DYNAMIC, _A, 16),
    ".dynstr": Defaults(c.SHT_STRTAB, _A),
    ".dynsym": Defaults(c.SHT_DYNSYM, _A, 24),
    ".fini": Defaults(c.SHT_PROGBITS, _AX),
    ".got": Defaults(c.SHT_PROGBITS, _AW),
    ".hash": Defaults(c.SHT_HASH, _A, 4),
    ".gnu.hash": Defaults(SHT_GNU_HASH, _A),
    ".init": Defaults(c.SHT_PROGBITS, _AX),
    ".interp": Defaults(c.SHT_PROGBITS, 0),
    ".line": Defaults(c.SHT_PROGBITS, 0),
    ".note.GNU-stack": Defaults(c.SHT_PROGBITS, 0),
    ".persistent.bss": Defaults(c.SHT_NOBITS, _AW),
    ".plt": Defaults(c.SHT_PROGBITS, _AX),
    ".rodata1": Defaults(c.SHT_PROGBITS, _A),
    ".shstrtab": Defaults(c.SHT_STRTAB, 0),
    ".strtab": Defaults(c.SHT_STRTAB, 0),
    ".symtab": Defaults(c.SHT_SYMTAB, 0, 24),
}
# the name itself, or the name followed by a dot
_FAMILIES: Final = {
    ".bss": Defaults(c.SHT_NOBITS, _AW),
    ".data": Defaults(c.SHT_PROGBITS, _AW),
    ".fini_array": Defaults(c.SHT_FINI_ARRAY, _AW, 8),
    ".gnu.linkonce.b": Defaults(c.SHT_NOBITS, _AW),
    ".gnu.linkonce.n": Defaults(c.SHT_NOBITS, _AW),
    ".gnu.linkonce.p": Defaults(c.SHT_PROGBITS, _AW),
    ".init_array": Defaults(c.SHT_INIT_ARRAY, _AW, 8),
    ".noinit": Defaults(c.SHT_NOBITS, _AW),
    ".persistent": Defaults(c.SHT_PROGBITS, _AW),
    ".preinit_array": Defaults(c.SHT_PREINIT_ARRAY, _AW, 8),
    ".rodata": Defaults(c.SHT_PROGBITS, _A),
    ".tbss": Defaults(c.SHT_NOBITS, _AWT),
    ".tdata": Defaults(c.SHT_PROGBITS, _AWT),
    ".text": Defaults(c.SHT_PROGBITS, _AX),
}
_LARGE_FAMILIES: Final = {
    ".gnu.linkonce.lb": Defaults(c.SHT_NOBITS, _AW | _LARGE),
    ".gnu.linkonce.lr": Defaults(c.SHT_PROGBITS, _A | _LARGE),
    ".gnu.linkonce.lt": Defaults(c.SHT_PROGBITS, _AX | _LARGE),
    ".lbss": Defaults(c.SHT_NOBITS, _AW | _LARGE),
    ".ldata": Defaults(c.SHT_PROGBITS, _AW | _LARGE),
    ".lrodata": Defaults(c.SHT_PROGBITS, _A | _LARGE),
}
_PREFIXES: Final = (
    (".debug", Defaults(c.SHT_PROGBITS, 0)),
    (".zdebug", Defaults(c.SHT_PROGBITS, 0)),
    (".gnu.lto_", Defaults(c.SHT_PROGBITS, c.SHF_EXCLUDE)),
    (".note", Defaults(c.SHT_NOTE, 0)),
    (".rela", Defaults(c.SHT_RELA, 0, 24)),
    (".rel", Defaults(c.SHT_REL, 0, 16)),
)


def defaults(name: str, bits: int) -> Defaults | None:
    """What GNU as takes for granted about a section called `name`; None for a custom one."""
    found = _EXACT.get(name)
    if found is None:
        families = {**_FAMILIES, **_LARGE_FAMILIES} if bits == 64 else _FAMILIES
        parts = name.split(".")
        for count in range(2, len(parts) + 1):
            if found := families.get(".".join(parts[:count])):
                break
    if found is None:
        found = next((d for prefix, d in _PREFIXES if name.startswith(prefix)), None)
        if found and found.sh_type == c.SHT_REL and name[4:5] not in ("", "."):
            # bfd/elf.c, _bfd_elf_get_special_section: `.reloc` is a name like any other, except
            # that a class that uses REL leaves its entry size behind
            return None if bits == 64 else Defaults(c.SHT_PROGBITS, 0, 8)
    if found and found.sh_entsize and bits == 32:
        entsize = {24: 12, 16: 8, 8: 4, 4: 4}[found.sh_entsize]
        if found.sh_type == c.SHT_SYMTAB or found.sh_type == c.SHT_DYNSYM:
            entsize = 16
        return Defaults(found.sh_type, found.sh_flags, entsize)
    return found


def well_known_names() -> tuple[str, ...]:
    """The names that need no flags string, for hints."""
    return (*_EXACT, *_FAMILIES, *_LARGE_FAMILIES)


class Stream:
    """What one subsection receives, in order, until it is settled into fragments.

    `items[i]` came from the statement at `places[i]`. Instructions wait here as encoder slots,
    so that the encoder can work in batches. `frame` is the open `.cfi_startproc`. `processor` is
    the one that was appended last; `width` and `near_conditions` are those of what was settled.
    """

    __slots__ = (
        "current",
        "fixes",
        "fragments",
        "frame",
        "intel",
        "items",
        "near_conditions",
        "number",
        "places",
        "processor",
        "width",
    )  # fmt: skip

    def __init__(self, section: Section, number: int) -> None:
        self.number = number
        self.items: list[object] = []
        self.places: list[Place] = []
        self.current = Fragment(section)
        self.fragments = [self.current]
        self.fixes: list[Fix] = []
        self.width = 0
        self.processor: Processor | None = None
        self.near_conditions = True
        self.intel = False
        self.frame: Frame | None = None


@dataclass(slots=True)
class CodeRun:
    """A run of instructions of one width, from one place of a section to another, in bytes."""

    width: int
    start_fragment: Fragment
    start_offset: int
    end_fragment: Fragment
    end_offset: int


class Section:
    """One section under construction; it is told apart by name, group and `identity` (its
    `unique` number, or that and what else makes two sections of one name)."""

    __slots__ = (
        "alignment_power",
        "code_runs",
        "comdat",
        "defined_at",
        "explicit",
        "explicit_relocations",
        "fragments",
        "group",
        "identity",
        "index",
        "is_code",
        "is_frames",
        "link_order",
        "name",
        "sh_entsize",
        "sh_flags",
        "sh_info",
        "sh_type",
        "size",
        "streams",
        "symbol",
    )  # fmt: skip

    def __init__(self, name: str, sh_type: int, sh_flags: int, sh_entsize: int = 0) -> None:
        self.name = name
        self.sh_type = sh_type
        self.sh_flags = sh_flags
        self.sh_entsize = sh_entsize
        self.alignment_power = 0
        self.group: str | None = None
        self.comdat = False
        self.identity: object = None
        self.sh_info = 0
        self.link_order: str | None = None
        self.explicit = False
        self.defined_at: Place | None = None
        self.streams: dict[int, Stream] = {}
        self.fragments: list[Fragment] = []
        self.code_runs: list[CodeRun] = []
        self.explicit_relocations: list[ExplicitRelocation] = []
        self.symbol: Symbol | None = None
        self.size = 0
        self.index = 0
        self.is_frames = name.startswith((".eh_frame", ".debug_frame")) and name[9:10] != "_"
        self.is_code = bool(sh_flags & c.SHF_EXECINSTR)

    @property
    def fixes(self) -> list[Fix]:
        """The fixes of every subsection, in the order of the subsections."""
        return [fix for number in sorted(self.streams) for fix in self.streams[number].fixes]

    @property
    def is_nobits(self) -> bool:
        """Whether the section has no bytes in the file."""
        return self.sh_type == c.SHT_NOBITS

    def stream(self, number: int = 0) -> Stream:
        """Subsection `number`, created on first use."""
        stream = self.streams.get(number)
        if stream is None:
            stream = self.streams[number] = Stream(self, number)
        return stream

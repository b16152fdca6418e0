"""Output sections while they are being laid out.

`OutputSection` is filled by placement and layout and only read afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from orobuild.elf import constants as c
from orobuild.linker.script import nodes

if TYPE_CHECKING:
    from orobuild.diagnostics import Span

_A, _W, _X, _T = c.SHF_ALLOC, c.SHF_WRITE, c.SHF_EXECINSTR, c.SHF_TLS
# What output sections take from their names, also `name.suffix` (bfd/elf.c, special_sections).
_SPECIAL: Final = {
    ".bss": (c.SHT_NOBITS, _A | _W),
    ".data": (c.SHT_PROGBITS, _A | _W),
    ".rodata": (c.SHT_PROGBITS, _A),
    ".text": (c.SHT_PROGBITS, _A | _X),
    ".tbss": (c.SHT_NOBITS, _A | _W | _T),
    ".tdata": (c.SHT_PROGBITS, _A | _W | _T),
    ".lbss": (c.SHT_NOBITS, _A | _W | c.SHF_X86_64_LARGE),
    ".ldata": (c.SHT_PROGBITS, _A | _W | c.SHF_X86_64_LARGE),
    ".lrodata": (c.SHT_PROGBITS, _A | c.SHF_X86_64_LARGE),
    ".init_array": (c.SHT_INIT_ARRAY, _A | _W),
    ".fini_array": (c.SHT_FINI_ARRAY, _A | _W),
    ".preinit_array": (c.SHT_PREINIT_ARRAY, _A | _W),
}
# The same for the exact name only.
_SPECIAL_EXACT: Final = {
    ".data1": (c.SHT_PROGBITS, _A | _W),
    ".rodata1": (c.SHT_PROGBITS, _A),
    ".init": (c.SHT_PROGBITS, _A | _X),
    ".fini": (c.SHT_PROGBITS, _A | _X),
    ".plt": (c.SHT_PROGBITS, _A | _X),
    ".got": (c.SHT_PROGBITS, _A | _W),
}


@dataclass(slots=True)
class InputRun:
    """Consecutive input sections that one rule placed: rows of the section table, in order."""

    rows: list[int]
    rule: nodes.InputStatement | None


Item: TypeAlias = (
    InputRun
    | nodes.Assignment
    | nodes.Assert
    | nodes.Data
    | nodes.Text
    | nodes.Fill
    | nodes.Constructors
)


@dataclass(slots=True, eq=False)
class OutputSection:
    """One output section.

    `vma`, `lma`: addresses; `size`: bytes in memory; `offset`: in the file. The flags are those
    that BFD keeps (SEC_*), from which `sh_flags` and `sh_type` follow. `removed`: it turned out
    empty and is not written; `ignored`: so much so that it does not move the location counter.
    `after_end`: it stands behind an assignment to `end`, `_end` or `__end`.
    `like`: the section that an orphan stands behind, and whose memory region it shares.
    """

    name: str
    index: int
    declaration: nodes.OutputSection | None
    items: list[Item] = field(default_factory=list)
    phdrs: tuple[str, ...] | None = None
    alloc: bool = False
    load: bool = False
    contents: bool = False
    readonly: bool = False
    code: bool = False
    merge: bool = False
    strings: bool = False
    tls: bool = False
    never_load: bool = False
    entsize: int = 0
    input_type: int = c.SHT_NULL
    forced_type: int | None = None
    other_flags: int = 0
    has_input: bool = False
    exists: bool = False
    keep: bool = False
    defines_symbols: bool = False
    removed: bool = False
    ignored: bool = False
    after_end: bool = False
    align: int = 1
    vma: int = 0
    lma: int = 0
    size: int = 0
    offset: int = 0
    header_index: int = 0
    like: OutputSection | None = None

    @property
    def span(self) -> Span | None:
        """Where the script describes it; None for an orphan."""
        return self.declaration.span if self.declaration else None

    @property
    def sh_flags(self) -> int:
        """SHF_* (bfd/elf.c, elf_fake_sections)."""
        flags = self.other_flags
        if not self.has_input:
            flags |= _special(self.name)[1]
        if self.alloc:
            flags |= c.SHF_ALLOC
        if self.alloc and not self.readonly:
            flags |= c.SHF_WRITE
        if self.code:
            flags |= c.SHF_EXECINSTR
        if self.merge:
            flags |= c.SHF_MERGE
            if self.strings:
                flags |= c.SHF_STRINGS
        if self.tls:
            flags |= c.SHF_TLS
        return flags

    @property
    def is_nobits(self) -> bool:
        """Whether it has no bytes in the file."""
        return self.alloc and (not (self.load or self.contents) or self.never_load)

    @property
    def sh_type(self) -> int:
        """SHT_* (bfd/elf.c, elf_fake_sections)."""
        if self.forced_type is not None and self.contents and not self.has_input:
            return self.forced_type  # (TYPE = …) is for sections that the script alone fills
        derived = c.SHT_NOBITS if self.is_nobits else c.SHT_PROGBITS
        kind = self.input_type or _special(self.name)[0]
        if kind == c.SHT_NULL or (kind == c.SHT_NOBITS) != (derived == c.SHT_NOBITS):
            return derived
        return kind

    @property
    def type_so_far(self) -> int:
        """The sh_type known before layout: of its first input, else of its name, else SHT_NULL."""
        return self.input_type or _special(self.name)[0]

    @property
    def header_align(self) -> int:
        """sh_addralign: what the address allows, which a script may choose against the alignment
        (bfd/elf.c, elf_fake_sections)."""
        wanted = self.align | self.vma
        return wanted & -wanted or 1

    @property
    def is_tbss(self) -> bool:
        """Thread-local and without bytes: takes no address space (IS_TBSS in ldlang.c)."""
        return self.tls and not self.load

    @property
    def file_size(self) -> int:
        """Bytes in the file."""
        return 0 if self.sh_type == c.SHT_NOBITS else self.size


def _special(name: str) -> tuple[int, int]:
    """The sh_type and sh_flags that a section has by its name alone."""
    found = _SPECIAL_EXACT.get(name)
    if found is None:
        head = name[: name.find(".", 1)] if "." in name[1:] else name
        found = _SPECIAL.get(head)
    if found is None:
        return (c.SHT_NOTE if name.startswith(".note") else c.SHT_NULL), 0
    return found

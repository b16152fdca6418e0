"""The output file: bytes of sections, relocated, with headers and a symbol table around them.

`fill_image` puts the contents where `segments` decided they lie; `write_elf` adds what makes it
an ELF executable, `flat_binary` lays the loaded bytes out by load address instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import error
from orobuild.elf import constants as c
from orobuild.elf.structures import FileHeader, SectionHeader
from orobuild.errors import InputError
from orobuild.linker.contents import Contents
from orobuild.linker.frames import write_links
from orobuild.linker.got import GlobalOffsetTable
from orobuild.linker.relocate import apply_relocations
from orobuild.linker.relocation_output import (
    RelocationSection,
    named_anew,
    outputs_with_relocations,
    referenced_rows,
    relocation_sections,
)
from orobuild.linker.symtab import SymbolChoice, build_symbol_table
from orobuild.linker.tables import distinct, select
from orobuild.records import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.contents import Padding
    from orobuild.linker.frames import FrameLink
    from orobuild.linker.got import Relaxation
    from orobuild.linker.late import LateContent
    from orobuild.linker.options import LinkOptions
    from orobuild.linker.output import OutputSection
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.segments import FileLayout

_MAX_IMAGE: Final = 1 << 30
_SHORT_GAP: Final = 64  # bytes; gaps up to this are many, longer ones few
# Multi-byte NOPs of 1 … 10 bytes (Intel SDM Vol. 2B, NOP; the last two prefixed with 66h and CS).
_NOPS: Final = (
    b"\x90",
    b"\x66\x90",
    b"\x0f\x1f\x00",
    b"\x0f\x1f\x40\x00",
    b"\x0f\x1f\x44\x00\x00",
    b"\x66\x0f\x1f\x44\x00\x00",
    b"\x0f\x1f\x80\x00\x00\x00\x00",
    b"\x0f\x1f\x84\x00\x00\x00\x00\x00",
    b"\x66\x0f\x1f\x84\x00\x00\x00\x00\x00",
    b"\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00",
)


@dataclass(frozen=True, slots=True)
class Patches:
    """What changes the bytes of the input on their way into the image."""

    relocations: NDArray[Any]
    relaxations: list[Relaxation]
    got: GlobalOffsetTable
    links: list[FrameLink]
    late: tuple[LateContent, ...] = ()

    @classmethod
    def none(cls, relocations: NDArray[Any], links: list[FrameLink]) -> Patches:
        """Nothing is relocated; `relocations` is an empty table."""
        return cls(relocations, [], GlobalOffsetTable(-1, 8), links)


def nop_fill(length: int, e_machine: int) -> bytes:
    """`length` bytes of NOPs as bfd/cpu-i386.c fills gaps in code: the longest ones first."""
    longest = 10 if e_machine == c.EM_X86_64 else 2
    full, rest = divmod(length, longest)
    return _NOPS[longest - 1] * full + (_NOPS[rest - 1] if rest else b"")


def fill_image(
    resolution: Resolution,
    patches: Patches,
    image: NDArray[np.uint8],
) -> None:
    """Write every section's bytes into `image` at its output section's `offset`, relocated."""
    inputs, placement, layout = resolution.inputs, resolution.placement, resolution.layout
    relocations, got = patches.relocations, patches.got
    machine = inputs.e_machine
    offsets = np.array([o.offset for o in placement.outputs] + [0, 0], "u8")
    file_offset = offsets[placement.output_of] + layout.offset_of
    written = [o for o in placement.outputs if not o.removed and o.file_size]
    has_bytes = np.zeros(len(placement.outputs) + 2, bool)
    for output in written:
        has_bytes[output.index] = True
        contents = layout.contents.get(output.index, Contents())
        for gap in contents.gaps:
            pattern = _gap_bytes(gap.pattern, gap.length, output, machine)
            if pattern:
                start = output.offset + gap.start
                image[start : start + gap.length] = np.frombuffer(pattern, "u1")
        for padding in contents.padding:
            _pad(padding, output, machine, image)
        for piece in contents.pieces:
            start = output.offset + piece.start
            image[start : start + piece.size] = np.frombuffer(piece.data, "u1")
    _copy_sections(resolution, has_bytes, image, file_offset)
    for change in patches.relaxations:
        if resolution.live[change.section]:
            start = int(file_offset[change.section]) + change.offset
            image[start : start + len(change.data)] = np.frombuffer(change.data, "u1")
    wanted = has_bytes[placement.output_of] & (inputs.sections["type"] != c.SHT_NOBITS)
    relocations = select(relocations, wanted[relocations["section"]])
    apply_relocations(resolution, relocations, image, file_offset, got)
    _clear_dead_code_ranges(resolution, relocations, image, file_offset)
    live_links = [link for link in patches.links if has_bytes[placement.output_of[link.row]]]
    write_links(live_links, resolution.section_address, file_offset, image)
    if got.row >= 0 and got.symbols and resolution.live[got.row]:
        got.write(resolution, image, int(file_offset[got.row]))
    for content in patches.late:
        content.fill(resolution, image, file_offset)


def _copy_sections(
    resolution: Resolution,
    has_bytes: NDArray[np.bool_],
    image: NDArray[np.uint8],
    file_offset: NDArray[np.uint64],
) -> None:
    """The bytes of every input section to where they belong."""
    inputs, layout = resolution.inputs, resolution.layout
    sections = inputs.sections
    runs = [
        run.rows
        for index in np.flatnonzero(has_bytes[:-2]).tolist()
        for run, _start, _fill in layout.contents.get(index, Contents()).runs
    ]
    rows = np.array([row for run in runs for row in run], "i8")
    made = np.zeros(len(sections), bool)
    made[list(inputs.contents)] = True
    out = image.data
    for row in rows[made[rows]].tolist():
        data = inputs.contents[row]
        start = int(file_offset[row])
        out[start : start + len(data)] = data
    headers = sections[rows]
    rows = rows[~made[rows] & (headers["type"] != c.SHT_NOBITS) & (headers["size"] > 0)]
    headers = sections[rows]
    first, size = headers["offset"].astype("i8"), headers["size"].astype("i8")
    to = file_offset[rows].astype("i8")
    owner = headers["object"]
    # What lies together in the file and in the image is one piece.
    begins = np.ones(len(rows) + 1, bool)
    begins[1:-1] = (
        (owner[1:] != owner[:-1])
        | (first[1:] != first[:-1] + size[:-1])
        | (to[1:] != to[:-1] + size[:-1])
    )
    head, tail = np.flatnonzero(begins[:-1]), np.flatnonzero(begins[1:])
    files = [item.data for item in inputs.objects]
    for number, start, end, begin, stop in zip(
        owner[head].tolist(),
        first[head].tolist(),
        (first + size)[tail].tolist(),
        to[head].tolist(),
        (to + size)[tail].tolist(),
        strict=True,
    ):
        out[begin:stop] = files[number][start:end]


def _gap_bytes(pattern: bytes, length: int, output: OutputSection, machine: int) -> bytes:
    """What fills a gap; nothing where it stays zero."""
    if pattern:
        if not any(pattern):
            return b""
        repeats = -(-length // len(pattern))
        return (pattern * repeats)[:length]
    return nop_fill(length, machine) if output.code else b""


def _pad(padding: Padding, output: OutputSection, machine: int, image: NDArray[np.uint8]) -> None:
    """Fill gaps between sections, all of one length at a time."""
    if not (any(padding.pattern) if padding.pattern else output.code):
        return
    for length in distinct(padding.lengths).tolist():
        content = np.frombuffer(_gap_bytes(padding.pattern, length, output, machine), "u1")
        starts = padding.starts[padding.lengths == length] + output.offset
        if length <= _SHORT_GAP:
            image[starts[:, None] + np.arange(length)] = content
        else:
            for start in starts.tolist():
                image[start : start + length] = content


def _clear_dead_code_ranges(
    resolution: Resolution,
    relocations: NDArray[Any],
    image: NDArray[np.uint8],
    file_offset: NDArray[np.uint64],
) -> None:
    """docs/design.md: an `.oro.code` entry of a discarded section has address 0 and size 0."""
    dead = ~resolution.symbol_live[relocations["symbol"]]
    for entry in select(relocations, dead):
        section = int(entry["section"])
        if resolution.inputs.names[section] == ".oro.code":
            start = int(file_offset[section] + entry["offset"])
            image[start : start + 16] = 0


def refuse_huge(size: int, hint: str) -> None:
    """Raise `InputError` if a file of `size` bytes is more than anybody wants."""
    if size > _MAX_IMAGE:
        message = f"the output would be {size} bytes, more than {_MAX_IMAGE >> 30} GiB"
        raise InputError(error(message, hint=hint, rule="layout"))


def write_elf(
    resolution: Resolution,
    patches: Patches,
    files: FileLayout,
    entry: int,
    options: LinkOptions,
    emitted: NDArray[Any] | None = None,
) -> bytes:
    """The whole ELF executable. `emitted` are the relocations that stay in it (--emit-relocs)."""
    inputs, placement = resolution.inputs, resolution.placement
    ei_class, strip = inputs.ei_class, options.strip == "all"
    base = patches.got.base_row
    table_home = int(placement.output_of[base]) if base >= 0 else -1
    written = [output for output in placement.created if not output.removed]
    with_relocations = outputs_with_relocations(resolution, emitted)
    index = 1
    for output in written:
        output.header_index = index
        index += 2 if output.index in with_relocations else 1
    symtab_index = 0 if strip else index
    end = files.end
    names = bytearray(b"\0")
    headers: list[SectionHeader] = [SectionHeader(0, "", 0, *([0] * 9))]

    def add(name: str, sh_type: int, *fields: int) -> None:
        headers.append(SectionHeader(len(headers), name, len(names), sh_type, *fields))
        names.extend(name.encode("utf-8", "surrogateescape") + b"\0")

    choice = SymbolChoice(discard=options.discard, only=options.retain_symbols)
    parts: dict[int, RelocationSection] = {}
    if emitted is not None:
        choice = replace(choice, referenced=referenced_rows(resolution, emitted))
    table = build_symbol_table(resolution, choice)
    if emitted is not None:
        named = named_anew(resolution, emitted, table, joined=False)
        sections = relocation_sections(resolution, named, addresses=True)
        parts = {part.target: part for part in sections}
    tail = bytearray()
    word = 8 if ei_class == c.ELFCLASS64 else 4
    for output in written:
        link, info = _links(output, written, symtab_index)
        add(
            output.name,
            output.sh_type,
            output.sh_flags | (c.SHF_INFO_LINK if info and output.sh_type in _RELOCATIONS else 0),
            output.vma,
            output.offset,
            output.size,
            link,
            info,
            output.header_align,
            word if output.index == table_home else entry_size(output, ei_class),
        )
        part = parts.get(output.header_index)
        if part is not None:
            tail += bytes(-(end + len(tail)) % word)
            sh_type = c.SHT_RELA if word == 8 else c.SHT_REL
            place = (c.SHF_INFO_LINK, 0, end + len(tail), len(part.data))
            entsize = (c.RELA_SIZE if word == 8 else c.REL_SIZE)[ei_class]
            add(part.name, sh_type, *place, symtab_index, part.target, word, entsize)
            tail += part.data
    if not strip:
        symtab, strtab, locals_count = table.data, table.strings, table.first_global
        tail += bytes(-(end + len(tail)) % word)
        add(
            ".symtab",
            c.SHT_SYMTAB,
            0,
            0,
            end + len(tail),
            len(symtab),
            len(headers) + 1,
            locals_count,
            word,
            c.SYM_SIZE[ei_class],
        )
        tail += symtab
        add(".strtab", c.SHT_STRTAB, 0, 0, end + len(tail), len(strtab), 0, 0, 1, 0)
        tail += strtab
    names_at = end + len(tail)
    add(".shstrtab", c.SHT_STRTAB, 0, 0, names_at, len(names) + len(".shstrtab") + 1, 0, 0, 1, 0)
    tail += names
    tail += bytes(-(end + len(tail)) % 8)
    size = end + len(tail) + len(headers) * c.SHDR_SIZE[ei_class]
    refuse_huge(size, "an address far from the others makes the file large; use AT() or PHDRS")
    if len(headers) >= c.SHN_LORESERVE:
        raise InputError(error(f"the output would have {len(headers)} sections", rule="layout"))
    image = np.zeros(end, "u1")
    fill_image(resolution, patches, image)
    segments = [s.header for s in files.segments if s.header is not None]
    file_header = FileHeader(
        ei_class,
        os_abi(resolution, headers),
        0,
        c.ET_DYN if options.pie else c.ET_EXEC,
        inputs.e_machine,
        c.EV_CURRENT,
        entry,
        c.EHDR_SIZE[ei_class] if segments else 0,
        end + len(tail),
        0,
        c.EHDR_SIZE[ei_class],
        c.PHDR_SIZE[ei_class] if segments else 0,
        len(segments),
        c.SHDR_SIZE[ei_class],
        len(headers),
        len(headers) - 1,
    )
    start = file_header.pack() + b"".join(segment.pack(ei_class) for segment in segments)
    image[: len(start)] = np.frombuffer(start, "u1")
    return b"".join([image.data, tail, *(h.pack(ei_class) for h in headers)])


def os_abi(resolution: Resolution, headers: list[SectionHeader]) -> int:
    """EI_OSABI: ELFOSABI_GNU where something only it has is used (bfd/elf.c, _bfd_elf_final_write)."""
    table = resolution.inputs.symbols
    info = table["info"]
    gnu = np.flatnonzero((info & 0xF == c.STT_GNU_IFUNC) | (info >> 4 == c.STB_GNU_UNIQUE))
    used = resolution.symbol_live[gnu] & (table["section"][gnu] >= 0)
    retained = any(header.sh_flags & c.SHF_GNU_RETAIN for header in headers)
    return c.ELFOSABI_GNU if retained or bool(used.any()) else c.ELFOSABI_NONE


def _links(output: OutputSection, written: list[OutputSection], symtab: int) -> tuple[int, int]:
    """sh_link and sh_info of tables that are loaded (bfd/elf.c, assign_section_numbers)."""
    names = {other.name: other.header_index for other in written}
    if output.sh_type == c.SHT_DYNSYM:
        return names.get(".dynstr", 0), 1
    if output.sh_type == c.SHT_DYNAMIC:
        return names.get(".dynstr", 0), 0
    if output.sh_type in (c.SHT_HASH, c.SHT_GNU_HASH):
        return names.get(".dynsym", 0), 0
    if output.sh_type not in _RELOCATIONS:
        return 0, 0
    target = output.name.removeprefix(".rela").removeprefix(".rel")
    info = names.get(".got.plt", names.get(".got", 0)) if target == ".plt" else names.get(target, 0)
    return names.get(".dynsym", symtab), info


_RELOCATIONS: Final = (c.SHT_RELA, c.SHT_REL)
_ENTRY_SIZES: Final = {
    c.SHT_RELA: c.RELA_SIZE,
    c.SHT_REL: c.REL_SIZE,
    c.SHT_DYNSYM: c.SYM_SIZE,
    c.SHT_DYNAMIC: {c.ELFCLASS32: 8, c.ELFCLASS64: 16},
    c.SHT_HASH: {c.ELFCLASS32: 4, c.ELFCLASS64: 4},
    c.SHT_RELR: {c.ELFCLASS32: 4, c.ELFCLASS64: 8},
}


def entry_size(output: OutputSection, ei_class: int) -> int:
    """sh_entsize in bytes."""
    word = 8 if ei_class == c.ELFCLASS64 else 4
    if output.sh_type in (c.SHT_INIT_ARRAY, c.SHT_FINI_ARRAY, c.SHT_PREINIT_ARRAY):
        return word
    if output.sh_type in _ENTRY_SIZES:
        return _ENTRY_SIZES[output.sh_type][ei_class]
    return output.entsize if output.merge else 0


def flat_binary(
    resolution: Resolution,
    patches: Patches,
) -> bytes:
    """The loaded bytes from the lowest load address on (ld --oformat binary)."""
    loaded = [
        o
        for o in resolution.placement.outputs
        if not o.removed and o.alloc and o.load and o.size and not o.never_load
    ]
    if not loaded:
        return b""
    base = min(o.lma for o in loaded)
    size = max(o.lma + o.size for o in loaded) - base
    if size > _MAX_IMAGE:
        raise InputError(
            error(
                f"the flat binary would be {size} bytes: '{loaded[0].name}' is at "
                f"{loaded[0].lma:#x}, the lowest byte at {base:#x}",
                hint="use AT() to bring the load addresses together",
                rule="layout",
            )
        )
    for output in resolution.placement.outputs:
        output.offset = output.lma - base if output in loaded else 0
        if output not in loaded:
            output.removed = True
    image = np.zeros(size, "u1")
    fill_image(resolution, patches, image)
    return image.tobytes()

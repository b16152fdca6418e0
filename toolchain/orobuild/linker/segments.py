"""Segments: which program header covers which output section, and where both lie in the file.

With PHDRS the script decides; without, sections are grouped as `_bfd_elf_map_sections_to_segments`
does. File offsets follow `assign_file_positions_for_load_sections`; both in bfd/elf.c of binutils
2.40. An offset is congruent to its address modulo the page size, as the gABI demands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from orobuild.diagnostics import did_you_mean, error, warning
from orobuild.elf import constants as c
from orobuild.elf.structures import ProgramHeader
from orobuild.errors import InputError
from orobuild.linker.evaluation import NotReadyError, evaluate, fail

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic
    from orobuild.linker.evaluation import Context
    from orobuild.linker.options import LinkOptions
    from orobuild.linker.output import OutputSection
    from orobuild.linker.script import nodes
    from orobuild.linker.stack import Stack

_NONE: Final = "NONE"


@dataclass(slots=True, eq=False)
class Segment:
    """One program header and the output sections that it covers.

    `flags` and `paddr` are None when they follow from the sections. `base` and `load_base` are the
    addresses of a segment that has none; `base` is also the size of the stack, `end` where PT_GNU_RELRO ends.
    """

    name: str
    p_type: int
    node: nodes.Phdr | None = None
    filehdr: bool = False
    phdrs: bool = False
    flags: int | None = None
    paddr: int | None = None
    base: int = 0
    load_base: int = 0
    end: int | None = None
    sections: list[OutputSection] = field(default_factory=list)
    header: ProgramHeader | None = None

    @property
    def p_flags(self) -> int:
        """PF_*: as declared, else what the sections need."""
        if self.flags is not None:
            return self.flags
        flags = c.PF_R if self.sections or self.filehdr or self.phdrs else 0
        for section in self.sections:
            if section.sh_flags & c.SHF_EXECINSTR:
                flags |= c.PF_X
            if section.sh_flags & c.SHF_WRITE:
                flags |= c.PF_W
        return flags


@dataclass(frozen=True, slots=True)
class FileLayout:
    """Segments in program header order, and the first free file offset after their bytes."""

    segments: tuple[Segment, ...]
    end: int
    headers_size: int
    warnings: tuple[Diagnostic, ...] = ()


def headers_size(ei_class: int, count: int) -> int:
    """SIZEOF_HEADERS: the ELF header and `count` program headers, in bytes."""
    return c.EHDR_SIZE[ei_class] + count * c.PHDR_SIZE[ei_class]


def declared_segments(
    script: nodes.Script, outputs: list[OutputSection], context: Context
) -> list[Segment]:
    """The segments of PHDRS with their sections (ldlang.c, lang_record_phdrs)."""
    segments = [_declared(node, context) for node in script.phdrs]
    by_name = {segment.name: segment for segment in segments}
    _check_names(outputs, by_name)
    last: tuple[str, ...] | None = None
    for position, output in enumerate(outputs):
        names = output.phdrs
        if names is None:
            noload = output.declaration is not None and output.declaration.kind == "NOLOAD"
            if noload or not output.alloc:
                continue
            if last is None:
                last = next((o.phdrs for o in outputs[position:] if o.phdrs is not None), None)
            if last is None:
                raise InputError(
                    error(
                        "PHDRS is given, but no section is put into a segment",
                        segments[0].node.span if segments and segments[0].node else None,
                        hint="write `:segment` after the '}' of an output section",
                        rule="linker-script",
                    )
                )
            names = last
        last = names
        if output.removed or not output.alloc:
            continue
        for name in names:
            if name != _NONE:
                by_name[name].sections.append(output)
    return segments


def _declared(node: nodes.Phdr, context: Context) -> Segment:
    values: dict[str, int | None] = {}
    for key, expression in (("type", node.type), ("flags", node.flags), ("at", node.at)):
        try:
            values[key] = evaluate(expression, context).address if expression else None
        except NotReadyError as problem:
            raise fail(problem.message, problem.span) from None
    p_type = values["type"]
    assert p_type is not None
    flags = values["flags"]
    return Segment(
        node.name,
        p_type & 0xFFFFFFFF,
        node,
        node.filehdr,
        node.phdrs,
        flags & 0xFFFFFFFF if flags is not None else None,
        values["at"],
    )


def _check_names(outputs: list[OutputSection], by_name: dict[str, Segment]) -> None:
    problems = []
    for output in outputs:
        spans = output.declaration.phdr_spans if output.declaration else ()
        for name, span in zip(output.phdrs or (), spans, strict=False):
            if name != _NONE and name not in by_name:
                problems.append(
                    error(
                        f"section '{output.name}' is assigned to segment '{name}', which PHDRS "
                        "does not declare",
                        span,
                        hint=did_you_mean(name, by_name),
                        rule="linker-script",
                    )
                )
    if problems:
        raise InputError(problems)


# -- without PHDRS --------------------------------------------------------------------------


def derived_segments(
    outputs: list[OutputSection],
    size: int,
    options: LinkOptions,
    *,
    wanted: bool,
    stack: Stack | None,
    relro: tuple[int, int] | None = None,
) -> list[Segment]:
    """Segments for a script without PHDRS.

    `size` is what the layout took SIZEOF_HEADERS to be, `wanted` whether the script asked for it,
    `stack` what PT_GNU_STACK says (None for no such header), `relro` the addresses between
    which PT_GNU_RELRO lies.
    """
    page = options.page_size
    allocated = [o for o in outputs if o.alloc and not o.removed]
    allocated.sort(key=lambda o: (o.lma, o.vma, *_file_order(o)))
    loads: list[Segment] = []
    last: OutputSection | None = None
    last_size = 0
    writable = executable = False
    for output in allocated:
        new: bool | None = last is None
        if last is not None:
            apart = options.separate_code and output.code != executable
            new = _must_start_segment(output, last, last_size, page)
            if new is None:
                new = options.paged and _starts_segment(
                    output, last, last_size, page, writable, apart
                )
        if new:
            loads.append(Segment(f"load{len(loads)}", c.PT_LOAD))
            writable = executable = False
        loads[-1].sections.append(output)
        writable |= not output.readonly
        executable |= output.code
        last = output
        last_size = 0 if output.is_tbss else output.size
    segments = loads
    for dynamic in (o for o in allocated if o.name == ".dynamic"):
        segments.append(Segment("dynamic", c.PT_DYNAMIC, sections=[dynamic]))
    notes = [
        o for o in outputs if o.alloc and not o.removed and o.sh_type == o.type_so_far == c.SHT_NOTE
    ]
    for group in _adjacent(notes):
        segments.append(Segment(f"note{len(segments)}", c.PT_NOTE, sections=group))
    tls = [o for o in outputs if o.tls and not o.removed]
    if tls:
        segments.append(Segment("tls", c.PT_TLS, sections=tls, flags=c.PF_R))
    properties = [o for o in notes if o.name == ".note.gnu.property"]
    if properties:
        segments.append(Segment("property", c.PT_GNU_PROPERTY, sections=properties))
    for frames in (o for o in allocated if o.name == ".eh_frame_hdr"):
        segments.append(Segment("frames", c.PT_GNU_EH_FRAME, sections=[frames]))
    if stack is not None:
        segments.append(Segment("stack", c.PT_GNU_STACK, flags=stack.flags, base=stack.size))
    covered = _read_only_later(loads, relro) if relro is not None else []
    if relro is not None and covered:
        relocated = Segment("relro", c.PT_GNU_RELRO, flags=c.PF_R, sections=covered)
        relocated.end = relro[1]
        segments.append(relocated)
    _include_headers(segments, size, options, wanted=wanted)
    return segments


def _read_only_later(loads: list[Segment], relro: tuple[int, int]) -> list[OutputSection]:
    """The sections of PT_GNU_RELRO: those of one load segment between two addresses."""
    start, end = relro
    for segment in (s for s in loads if s.p_type == c.PT_LOAD):
        last = segment.sections[-1]
        if last.vma + (0 if last.is_tbss else last.size) > start and segment.sections[0].vma < end:
            inside = [o for o in segment.sections if start <= o.vma < end]
            return inside if any(o.load for o in inside) else []
    return []


def _file_order(output: OutputSection) -> tuple[bool, int, int]:
    """The order of sections at one address (bfd/elf.c, elf_sort_sections)."""
    return not (output.load or output.tls), output.size if output.load else 0, output.index


def _must_start_segment(
    output: OutputSection, last: OutputSection, last_size: int, page: int
) -> bool | None:
    """_bfd_elf_map_sections_to_segments of bfd/elf.c: why a section needs its own segment, paged
    or not; None if that is not decided by this."""
    end = last.lma + last_size
    if last.lma - last.vma != output.lma - output.vma:
        return True
    if output.lma < end or output.lma < last.lma:
        return True
    if -(-end // page) * page < output.lma // page * page:
        return True
    if (end - 1) // page == output.lma // page:
        return False  # what shares a page shares its permissions
    if not (last.load or last.tls) and (output.load or output.tls):
        return True
    return None


def _starts_segment(
    output: OutputSection,
    last: OutputSection,
    last_size: int,
    page: int,
    writable: bool,
    apart: bool,
) -> bool:
    """Whether permissions ask for another segment."""
    end = last.lma + last_size
    if apart:
        return True  # -z separate-code
    return not writable and not output.readonly and -(-end // page) * page <= output.lma


def _adjacent(notes: list[OutputSection]) -> list[list[OutputSection]]:
    """Runs of note sections that follow one another in memory with equal alignment."""
    groups: list[list[OutputSection]] = []
    for note in notes:
        if groups:
            last = groups[-1][-1]
            end = last.vma + last.size
            if last.align == note.align and -(-end // note.align) * note.align == note.vma:
                groups[-1].append(note)
                continue
        groups.append([note])
    return groups


def _include_headers(
    segments: list[Segment], size: int, options: LinkOptions, *, wanted: bool
) -> None:
    """The first segment covers the headers if its first page has room, or the script wants them.

    -z separate-code: headers that would share a page with code get a segment of their own.
    """
    first = next((s for s in segments if s.p_type == c.PT_LOAD), None)
    if first is None:
        return
    if not options.paged:
        return
    page = options.page_size
    start = first.sections[0]
    room = start.lma % page
    if (room < size and not wanted) or start.lma < size:
        return
    if not start.code or not options.separate_code or start.lma < page:
        first.filehdr = first.phdrs = True
    else:
        own = Segment("headers", c.PT_LOAD, filehdr=True, phdrs=True, flags=c.PF_R)
        own.base = (start.vma - size) // page * page
        own.load_base = start.lma // page * page - page
        segments.insert(0, own)


# -- file offsets ---------------------------------------------------------------------------


def assign_offsets(
    segments: list[Segment], outputs: list[OutputSection], ei_class: int, page: int
) -> FileLayout:
    """Give every output section its `offset` and every segment its `header`.

    `page` is 1 where segments need not begin on pages.
    """
    size = headers_size(ei_class, len(segments))
    position = size
    warnings: list[Diagnostic] = []
    placed: set[int] = set()
    # bfd/elf.c, elf_sort_segments: segments with headers first, then by address.
    loads = [s for s in segments if s.p_type == c.PT_LOAD]
    loads.sort(key=lambda s: (not s.filehdr, not s.phdrs, _first_lma(s)))
    for segment in loads:
        position = _place_load(segment, position, ei_class, size, page, placed, warnings)
    for output in outputs:
        if output.removed or output.index in placed:
            continue
        if output.alloc and segments:
            warnings.append(
                warning(f"allocated section '{output.name}' is in no segment", output.span)
            )
            if output.file_size:
                position += (output.vma - position) % page
        else:
            position += -position % output.align
        output.offset = position
        position += output.file_size
    for segment in segments:
        if segment.header is None:
            segment.header = _other_header(segment, loads, ei_class, size)
    return FileLayout(tuple(segments), position, size, tuple(warnings))


def _first_lma(segment: Segment) -> int:
    if segment.paddr is not None:
        return segment.paddr
    return min((s.lma for s in segment.sections), default=0)


def _place_load(
    segment: Segment,
    position: int,
    ei_class: int,
    size: int,
    page: int,
    placed: set[int],
    warnings: list[Diagnostic],
) -> int:
    sections = segment.sections
    sections.sort(key=lambda o: (o.vma, o.lma, *_file_order(o)))
    align = max([page, *(s.align for s in sections)])
    empty = all(s.is_nobits for s in sections)
    vaddr = sections[0].vma if sections else segment.base
    paddr = sections[0].lma if sections else segment.load_base
    if segment.paddr is not None:
        paddr = segment.paddr
    start = position
    if sections:
        position += (vaddr - position) % align
    offset, filesz, memsz = position, 0, 0
    if segment.filehdr or segment.phdrs:
        ehdr = c.EHDR_SIZE[ei_class]
        offset = 0 if segment.filehdr else ehdr
        filesz = memsz = size - offset if segment.phdrs else ehdr
        if sections:
            lead = position - offset
            if vaddr < lead:
                raise InputError(
                    error(
                        f"not enough room for the headers before '{sections[0].name}' "
                        f"at {vaddr:#x}: they need {lead:#x} bytes",
                        segment.node.span if segment.node else sections[0].span,
                        hint="start the first section at `… + SIZEOF_HEADERS`",
                        rule="segment",
                    )
                )
            vaddr -= lead
            if segment.paddr is None:
                paddr -= lead
            filesz, memsz = (memsz if empty else lead), lead
    elif empty:
        offset = position % align
    file_position = position
    for section in sections:
        gap = section.lma - (paddr + memsz)
        if section.is_tbss:
            section.offset = file_position
            placed.add(section.index)
            continue
        if gap < 0:
            if segment.paddr is None:
                warnings.append(
                    warning(
                        f"load address {section.lma:#x} of '{section.name}' lies before the end "
                        f"of the section before it; adjusted to {paddr + memsz:#x}",
                        section.span,
                    )
                )
            gap = 0
        if segment.paddr is not None:
            gap = section.vma - (vaddr + memsz) if section.vma >= vaddr + memsz else 0
        memsz += gap
        if not section.is_nobits:
            file_position += memsz - filesz
            filesz = memsz
        section.offset = file_position
        placed.add(section.index)
        memsz += section.size
        if not section.is_nobits:
            filesz += section.size
            file_position += section.size
    segment.header = ProgramHeader(
        c.PT_LOAD, segment.p_flags, offset, vaddr, paddr, filesz, memsz, align
    )
    return start if empty else file_position


def _other_header(
    segment: Segment, loads: list[Segment], ei_class: int, size: int
) -> ProgramHeader:
    """The header of a segment that is not PT_LOAD."""
    sections = segment.sections
    if segment.p_type == c.PT_PHDR or (segment.phdrs and not sections):
        return _phdr_header(segment, loads, ei_class, size)
    if not sections:
        align = 16
        if segment.node is not None:
            align = 8 if ei_class == c.ELFCLASS64 else 4
        memsz = segment.base if segment.p_type == c.PT_GNU_STACK else 0
        paddr = segment.paddr or 0
        return ProgramHeader(segment.p_type, segment.p_flags, 0, 0, paddr, 0, memsz, align)
    first = sections[0]
    if segment.end is not None:
        size = segment.end - first.vma
        return ProgramHeader(
            segment.p_type, segment.p_flags, first.offset, first.vma, first.lma, size, size, 1
        )
    filesz = memsz = 0
    for section in sections:
        memsz = max(memsz, section.vma + section.size - first.vma)
        if not section.is_nobits:
            filesz = section.offset + section.size - first.offset
    return ProgramHeader(
        segment.p_type,
        segment.p_flags,
        first.offset,
        first.vma,
        first.lma if segment.paddr is None else segment.paddr,
        filesz,
        memsz if segment.p_type != c.PT_NOTE else filesz,
        max(s.align for s in sections),
    )


def _phdr_header(segment: Segment, loads: list[Segment], ei_class: int, size: int) -> ProgramHeader:
    offset = c.EHDR_SIZE[ei_class]
    carrier: Any = next((s.header for s in loads if s.phdrs and s.header), None)
    base = carrier.p_vaddr - carrier.p_offset if carrier else 0
    physical = carrier.p_paddr - carrier.p_offset if carrier else 0
    return ProgramHeader(
        segment.p_type,
        segment.p_flags,
        offset,
        base + offset,
        segment.paddr if segment.paddr is not None else physical + offset,
        size - offset,
        size - offset,
        8 if ei_class == c.ELFCLASS64 else 4,
    )

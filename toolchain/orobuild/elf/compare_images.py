"""Where two linked ELF images differ: entry, segments, sections, symbols, bytes.

`compare(first, second)` returns one line a difference, in words of the ELF specification; no line
means that a loader and a debugger see the same program. Run as a program:
`python -m orobuild.elf.compare_images ours.elf theirs.elf`. It judges nothing and links nothing.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c
from orobuild.elf import reader
from orobuild.elf.descriptions import PT, SHT, section_flags, segment_flags
from orobuild.errors import OrobuildError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import ProgramHeader, SectionHeader

_MAX_BYTES: Final = 8  # differing places shown per section
_NO_PLACE: Final = frozenset({".symtab", ".strtab", ".shstrtab"})


def compare(
    first: ElfFile,
    second: ElfFile,
    *,
    ignore_sections: Iterable[str] = (),
    debug: bool = False,
) -> list[str]:
    """Every difference that matters, `first` named on the left.

    Sections in `ignore_sections` are not compared. `debug` also compares sections that are not
    allocated (DWARF, .comment), whose contents differ legitimately between linkers that merge
    strings differently.
    """
    ignored = frozenset(ignore_sections) | _NO_PLACE
    lines = []
    if first.header.e_entry != second.header.e_entry:
        lines.append(f"entry: {first.header.e_entry:#x} / {second.header.e_entry:#x}")
    lines += _compare_segments(first, second)
    lines += _compare_sections(first, second, ignored, debug=debug)
    lines += _compare_symbols(first, second)
    return lines


def _compare_segments(first: ElfFile, second: ElfFile) -> list[str]:
    if len(first.segments) != len(second.segments):
        counts = f"{len(first.segments)} / {len(second.segments)}"
        return [f"segments: {counts}: {_kinds(first.segments)} / {_kinds(second.segments)}"]
    lines = []
    for index, (one, two) in enumerate(zip(first.segments, second.segments, strict=True)):
        for name in (
            "p_type",
            "p_flags",
            "p_offset",
            "p_vaddr",
            "p_paddr",
            "p_filesz",
            "p_memsz",
            "p_align",
        ):
            left, right = getattr(one, name), getattr(two, name)
            if left != right:
                lines.append(f"segment {index} {name}: {left:#x} / {right:#x}")
    return lines


def _kinds(segments: tuple[ProgramHeader, ...]) -> str:
    return ", ".join(
        f"{PT.get(s.p_type, hex(s.p_type))} {segment_flags(s.p_flags)}" for s in segments
    )


def _compare_sections(
    first: ElfFile, second: ElfFile, ignored: frozenset[str], *, debug: bool
) -> list[str]:
    left = _sections(first, ignored, debug=debug)
    right = _sections(second, ignored, debug=debug)
    lines = [f"section {name}: only in the first" for name in left if name not in right]
    lines += [f"section {name}: only in the second" for name in right if name not in left]
    for name in (name for name in left if name in right):
        lines += _compare_section(first, second, left[name], right[name])
    return lines


def _sections(elf: ElfFile, ignored: frozenset[str], *, debug: bool) -> dict[str, SectionHeader]:
    """Sections by name; a repeated name gets a number."""
    found: dict[str, SectionHeader] = {}
    for section in elf.sections[1:]:
        # An empty section is nothing to a loader, and linkers differ in which they keep.
        if section.name in ignored or not section.sh_size or not (section.is_alloc or debug):
            continue
        name, number = section.name, 1
        while name in found:
            number += 1
            name = f"{section.name}#{number}"
        found[name] = section
    return found


def _compare_section(
    first: ElfFile, second: ElfFile, one: SectionHeader, two: SectionHeader
) -> list[str]:
    lines = []
    if one.sh_type != two.sh_type:
        names = (SHT.get(s.sh_type, str(s.sh_type)) for s in (one, two))
        lines.append(f"section {one.name} sh_type: {' / '.join(names)}")
    if one.sh_flags != two.sh_flags:
        flags = (f'"{section_flags(s.sh_flags)}"' for s in (one, two))
        lines.append(f"section {one.name} sh_flags: {' / '.join(flags)}")
    for name in ("sh_addr", "sh_offset", "sh_size", "sh_addralign", "sh_entsize"):
        left, right = getattr(one, name), getattr(two, name)
        if left != right and (name != "sh_offset" or one.is_alloc):
            lines.append(f"section {one.name} {name}: {left:#x} / {right:#x}")
    left, right = bytes(first.section_data(one)), bytes(second.section_data(two))
    if left != right and len(left) == len(right):
        lines += _byte_differences(first, one, left, right)
    return lines


def _byte_differences(elf: ElfFile, section: SectionHeader, left: bytes, right: bytes) -> list[str]:
    places = [i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a != b]
    lines = []
    for place in places[:_MAX_BYTES]:
        near = _nearest_symbol(elf, section, section.sh_addr + place)
        lines.append(
            f"section {section.name}+{place:#x}{near}: "
            f"{left[place : place + 8].hex()} / {right[place : place + 8].hex()}"
        )
    if len(places) > _MAX_BYTES:
        lines.append(f"section {section.name}: {len(places)} bytes differ")
    return lines


def _nearest_symbol(elf: ElfFile, section: SectionHeader, address: int) -> str:
    before = [
        s
        for s in elf.symbols
        if s.name and s.st_shndx == section.index and s.st_value <= address and s.type != c.STT_FILE
    ]
    if not before:
        return ""
    symbol = max(before, key=lambda s: s.st_value)
    return f" ({symbol.name}+{address - symbol.st_value:#x})"


def _compare_symbols(first: ElfFile, second: ElfFile) -> list[str]:
    left, right = _symbols(first), _symbols(second)
    lines = []
    for name in sorted(left.keys() | right.keys()):
        one, two = left.get(name), right.get(name)
        if one is None or two is None:
            lines.append(f"symbol {name}: only in the {'second' if one is None else 'first'}")
        elif one != two:
            lines.append(f"symbol {name}: {_show(one)} / {_show(two)}")
    return lines


def _symbols(elf: ElfFile) -> dict[str, list[tuple[int, int, int, int, str]]]:
    """name → sorted (st_value, st_size, st_info, visibility, section)."""
    found: dict[str, list[tuple[int, int, int, int, str]]] = defaultdict(list)
    for symbol in elf.symbols[1:]:
        if symbol.type in (c.STT_FILE, c.STT_SECTION):
            continue
        if symbol.st_shndx == c.SHN_ABS:
            home = "*ABS*"
        elif symbol.st_shndx == c.SHN_UNDEF:
            home = "*UND*"
        else:
            home = elf.sections[symbol.st_shndx].name
        found[symbol.name].append(
            (symbol.st_value, symbol.st_size, symbol.st_info, symbol.visibility, home)
        )
    return {name: sorted(entries) for name, entries in found.items()}


def _show(entries: list[tuple[int, int, int, int, str]]) -> str:
    return ", ".join(
        f"{value:#x} size {size} info {info:#x} visibility {visibility} in {home}"
        for value, size, info, visibility, home in entries
    )


def main(arguments: list[str]) -> int:
    """Print the differences of two images; 0 when there are none, 1 when there are, 2 misuse."""
    debug = "--debug" in arguments
    paths = [argument for argument in arguments if argument != "--debug"]
    if len(paths) != 2:
        sys.stderr.write("usage: python -m orobuild.elf.compare_images [--debug] FIRST SECOND\n")
        return 2
    try:
        first, second = (reader.read(Path(path).read_bytes(), path) for path in paths)
        lines = compare(first, second, debug=debug)
    except OrobuildError as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.exit_status
    except OSError as problem:
        sys.stderr.write(f"error: {problem.filename}: {problem.strerror}\n")
        return 2
    sys.stdout.write("".join(line + "\n" for line in lines))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Comparing two relocatable objects: the same meaning, or where they differ.

``python -m orobuild.elf.compare ours.o theirs.o`` prints the differences and exits with 1 when
there are any. Sections are compared in order with type, flags, alignment, entry size and bytes;
relocations with offset, type, symbol and addend; symbols in order with every field. Where things
lie in the file does not matter.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c
from orobuild.elf.descriptions import SHT, relocation_type, section_flags
from orobuild.elf.reader import read
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import SectionHeader, Symbol

_TABLES: Final = (c.SHT_SYMTAB, c.SHT_STRTAB, c.SHT_REL, c.SHT_RELA, c.SHT_SYMTAB_SHNDX)
_MAX_SHOWN: Final = 20


def compare(ours: bytes, theirs: bytes, *, order: bool = True) -> list[str]:
    """The differences between two objects, one line each; empty when there are none.

    With `order` the symbols and relocations must stand in the same order. Raises `ElfError`
    when one of them cannot be read.
    """
    return _Comparison(read(ours, "ours"), read(theirs, "theirs"), order=order).run()


class _Comparison:
    def __init__(self, ours: ElfFile, theirs: ElfFile, *, order: bool) -> None:
        self.ours = ours
        self.theirs = theirs
        self.order = order
        self.found: list[str] = []

    def run(self) -> list[str]:
        """Compare everything."""
        for name in ("ei_class", "ei_osabi", "e_type", "e_machine", "e_flags"):
            self.same(name, getattr(self.ours.header, name), getattr(self.theirs.header, name))
        mine, other = _contents(self.ours), _contents(self.theirs)
        names, other_names = [s.name for s in mine], [s.name for s in other]
        if names != other_names:
            self.found.append(f"sections: {' '.join(names)} != {' '.join(other_names)}")
        for left, right in zip(mine, other, strict=False):
            if left.name == right.name:
                self.section(left, right)
        self.lists("symbol", _symbols(self.ours), _symbols(self.theirs))
        return self.found

    def same(self, what: str, left: object, right: object) -> None:
        """One value that must be equal."""
        if left != right:
            self.found.append(f"{what}: {left} != {right}")

    def section(self, left: SectionHeader, right: SectionHeader) -> None:
        """One section of each."""
        what = f"section {left.name}"
        self.same(
            f"{what}: type",
            SHT.get(left.sh_type, left.sh_type),
            SHT.get(right.sh_type, right.sh_type),
        )
        self.same(f"{what}: flags", _flags(left.sh_flags), _flags(right.sh_flags))
        self.same(f"{what}: alignment", left.sh_addralign, right.sh_addralign)
        self.same(f"{what}: entry size", left.sh_entsize, right.sh_entsize)
        self.same(f"{what}: size", left.sh_size, right.sh_size)
        if left.sh_type == c.SHT_GROUP:
            self.same(f"{what}: members", _members(self.ours, left), _members(self.theirs, right))
        if left.sh_type not in (c.SHT_NOBITS, c.SHT_GROUP) and right.sh_type == left.sh_type:
            self.data(
                what, bytes(self.ours.section_data(left)), bytes(self.theirs.section_data(right))
            )
        if left.sh_flags & c.SHF_LINK_ORDER:
            self.same(
                f"{what}: linked to",
                self.ours.sections[left.sh_link].name,
                self.theirs.sections[right.sh_link].name,
            )
        self.lists(
            f"{what}: relocation", _relocations(self.ours, left), _relocations(self.theirs, right)
        )

    def data(self, what: str, left: bytes, right: bytes) -> None:
        """Section bytes: where they first differ."""
        if left == right:
            return
        at = next(
            (i for i, (x, y) in enumerate(zip(left, right, strict=False)) if x != y),
            min(len(left), len(right)),
        )
        start = max(0, at - 8)
        self.found.append(
            f"{what}: bytes differ at {at:#x}: …{left[start : at + 16].hex()} != "
            f"…{right[start : at + 16].hex()} (from {start:#x})"
        )

    def lists(self, what: str, left: Sequence[str], right: Sequence[str]) -> None:
        """Two lists of descriptions."""
        if not self.order:
            left, right = sorted(left), sorted(right)
        if list(left) == list(right):
            return
        missing = _without(right, left)
        extra = _without(left, right)
        for text in extra[:_MAX_SHOWN]:
            self.found.append(f"{what} only in ours: {text}")
        for text in missing[:_MAX_SHOWN]:
            self.found.append(f"{what} only in theirs: {text}")
        if not missing and not extra:
            at = next(i for i, (x, y) in enumerate(zip(left, right, strict=True)) if x != y)
            self.found.append(f"{what}s: another order from number {at}: {left[at]} != {right[at]}")


def _without(left: Iterable[str], right: Iterable[str]) -> list[str]:
    rest = list(right)
    out = []
    for text in left:
        if text in rest:
            rest.remove(text)
        else:
            out.append(text)
    return out


def _flags(sh_flags: int) -> str:
    return f"{section_flags(sh_flags)} ({sh_flags:#x})"


def _contents(elf: ElfFile) -> list[SectionHeader]:
    return [s for s in elf.sections[1:] if s.sh_type not in _TABLES]


def _members(elf: ElfFile, section: SectionHeader) -> str:
    data = bytes(elf.section_data(section))
    words = [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]
    table = elf.symbols_of(elf.sections[section.sh_link])
    signature = table[section.sh_info].name if section.sh_info < len(table) else "?"
    return f"{signature} {words[0]} " + " ".join(elf.sections[i].name for i in words[1:])


def _place(elf: ElfFile, st_shndx: int) -> str:
    reserved = {c.SHN_UNDEF: "UND", c.SHN_ABS: "ABS", c.SHN_COMMON: "COM"}
    if st_shndx in reserved:
        return reserved[st_shndx]
    if st_shndx < len(elf.sections):
        return elf.sections[st_shndx].name
    return str(st_shndx)


def _describe(elf: ElfFile, symbol: Symbol) -> str:
    return (
        f"{symbol.name} value={symbol.st_value:#x} size={symbol.st_size:#x} "
        f"info={symbol.st_info:#x} other={symbol.st_other} in={_place(elf, symbol.st_shndx)}"
    )


def _symbols(elf: ElfFile) -> list[str]:
    tables = [s for s in elf.sections if s.sh_type == c.SHT_SYMTAB]
    return [_describe(elf, s) for table in tables for s in elf.symbols_of(table)[1:]]


def _relocations(elf: ElfFile, target: SectionHeader) -> list[str]:
    out = []
    for section in elf.sections:
        if section.sh_type not in (c.SHT_REL, c.SHT_RELA) or section.sh_info != target.index:
            continue
        table = elf.symbols_of(elf.sections[section.sh_link])
        for r in elf.relocations(section):
            symbol = table[r.r_sym] if r.r_sym < len(table) else None
            name = "?" if symbol is None else symbol.name or f"({_place(elf, symbol.st_shndx)})"
            kind = relocation_type(elf.header.e_machine, r.r_type)
            addend = "" if r.r_addend is None else f"{r.r_addend:+#x}"
            out.append(f"{r.r_offset:#x} {kind} {name}{addend}")
    return out


def main(arguments: Sequence[str]) -> int:
    """The command line; 0 the same, 1 differences, 2 wrong usage."""
    from pathlib import Path

    if len(arguments) != 2:
        sys.stderr.write("usage: python -m orobuild.elf.compare OURS THEIRS\n")
        return 2
    try:
        found = compare(*(Path(a).read_bytes() for a in arguments))
    except (OSError, InputError) as why:
        sys.stderr.write(f"{why}\n")
        return 2
    try:
        for line in found:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # somebody has seen enough
        sys.stdout = None  # nothing is flushed at the end
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

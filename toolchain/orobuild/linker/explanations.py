"""`--why NAME`: which object and line brought something, which rule placed it, and what else could.

Answers are text for people, made from a finished link. Nothing here decides or changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import did_you_mean
from orobuild.elf.descriptions import section_flags, segment_flags

if TYPE_CHECKING:
    from orobuild.linker.linkmap import (
        Dropped,
        LinkedImage,
        LinkMap,
        MapSection,
        MapSegment,
        MapSymbol,
        Placed,
    )

_MAX_LISTED: Final = 20


def why(linked: LinkedImage, name: str) -> str:
    """Why `name` (a symbol, a section or an address) is where it is, or why it is not there."""
    return _Explanation(linked).of(name) + "\n"


class _Explanation:
    def __init__(self, linked: LinkedImage) -> None:
        self.linked = linked
        self.map: LinkMap = linked.map

    def of(self, name: str) -> str:
        symbols = [symbol for symbol in self.map.symbols if symbol.name == name]
        if not symbols:
            symbols = self.linked.symbol_rows(name)
        lines = [self.symbol(symbol) for symbol in symbols[:_MAX_LISTED]]
        lines += self.sections(name)
        if lines:
            return "\n".join(lines)
        try:
            return self.address(int(name, 0))
        except ValueError:
            known = {s.name for s in self.map.symbols} | {p.section for p in self.map.placements}
            hint = did_you_mean(name, known)
            return f"nothing in the image is called '{name}'" + (f"; {hint}" if hint else "")

    def sections(self, name: str) -> list[str]:
        placed = [p for p in self.map.placements if p.section == name]
        gone = [d for d in self.map.discarded if d.section == name]
        lines = [self.output(section) for section in self.map.sections if section.name == name]
        lines += [self.placed(p) for p in placed[:_MAX_LISTED]]
        if len(placed) > _MAX_LISTED:
            lines.append(f"and {len(placed) - _MAX_LISTED} more input sections of this name")
        return lines + [self.dropped(d) for d in gone[:_MAX_LISTED]]

    def address(self, address: int) -> str:
        for placed in self.map.placements:
            section = self._output(placed.output)
            allocated = section is not None and section.segments
            if allocated and placed.address <= address < placed.address + placed.size:
                before = [
                    s
                    for s in self.map.symbols
                    if placed.address <= s.address <= address and s.object
                ]
                name = f"{before[-1].name}+{address - before[-1].address:#x}, " if before else ""
                source = self.linked.source_of(placed.row, address - placed.address)
                line = f"{source}, " if source else ""
                return f"{address:#x} is {name}{line}in {self.placed(placed)}"
        for segment in self.map.segments:
            if segment.p_vaddr <= address < segment.p_vaddr + segment.p_memsz:
                return f"{address:#x} is padding or headers in {_segment_text(segment)}"
        return f"{address:#x} is in no segment"

    def symbol(self, symbol: MapSymbol) -> str:
        if symbol.object is None:
            origin = f"the script, at {symbol.defined}" if symbol.defined else "the command line"
            where = f" in '{symbol.output}'" if symbol.output else ", absolute"
            return f"'{symbol.name}' = {symbol.address:#x}{where}, defined by {origin}"
        source = self.linked.source_of(symbol.row, symbol.offset, symbol.name)
        origin = symbol.object + (f", {source}" if source else "")
        for dropped in self.map.discarded:
            if dropped.row == symbol.row >= 0:
                return f"'{symbol.name}', defined by {origin}\n  in {self.dropped(dropped)}"
        text = f"'{symbol.name}' = {symbol.address:#x}, defined by {origin}"
        for placed in self.map.placements:
            if placed.row == symbol.row:
                return f"{text}\n  in {self.placed(placed)}"
        return f"{text}, absolute"

    def output(self, section: MapSection) -> str:
        held = "; ".join(_segment_text(s) for s in self.map.segments if s.name in section.segments)
        if section.declared:
            declared = f"described at {section.declared}"
        else:
            declared = "an orphan's own section"
        return (
            f"output section '{section.name}' at {section.address:#x}, {section.size:#x} bytes, "
            f"{declared}, is in {held or 'no segment'}"
        )

    def placed(self, placed: Placed) -> str:
        flags = f' (flags "{section_flags(placed.sh_flags)}")'
        rule = f"the rule at {placed.rule}" if placed.rule else "no rule of the script (an orphan)"
        lines = [
            f"{placed.object}:({placed.section}){flags} at {placed.address:#x}, placed by {rule}"
        ]
        section = self._output(placed.output)
        if section is not None:
            lines.append(f"  {self.output(section)}")
        return "\n".join([*lines, *self._elsewhere(placed)])

    def dropped(self, dropped: Dropped) -> str:
        rule = f" ({dropped.rule})" if dropped.rule else ""
        line = f"{dropped.object}:({dropped.section}) is not in the image: {dropped.reason}{rule}"
        return line + "".join(f"\n{other}" for other in self._others(dropped.row))

    def _elsewhere(self, placed: Placed) -> list[str]:
        """What would place an input section in another output section."""
        wanted = f"`{_pattern(placed.object)}({placed.section})`"
        if placed.rule is None:
            advice = f"a rule that takes {wanted} would place it"
        else:
            advice = f"a rule that takes {wanted} before {placed.rule} would place it elsewhere"
        return [f"  {advice}", *self._others(placed.row)]

    def _others(self, row: int) -> list[str]:
        return [
            f"  but for that rule, the one at {other.rule} would put it into '{other.output}'"
            for other in self.linked.other_rules(row)[:1]
        ]

    def _output(self, name: str) -> MapSection | None:
        return next((s for s in self.map.sections if s.name == name), None)


def _pattern(label: str) -> str:
    """A file pattern for an object: `*lib.a:member.o` or `*file.o`."""
    archive, found, member = label.partition("(")
    if found:
        return f"*{archive.rsplit('/', 1)[-1]}:{member.removesuffix(')')}"
    return f"*{label.rsplit('/', 1)[-1]}"


def _segment_text(segment: MapSegment) -> str:
    declared = f", declared at {segment.declared}" if segment.declared else ""
    return f"segment '{segment.name}' with flags {segment_flags(segment.p_flags)}{declared}"

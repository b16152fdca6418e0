"""The link map as people read it: segments, sections with what they hold, symbols, what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.elf.descriptions import segment_flags

if TYPE_CHECKING:
    from orobuild.linker.linkmap import LinkMap, Placed


def render_map(link_map: LinkMap) -> str:
    """The map as people read it: segments, then sections with what they hold, then what is gone."""
    lines = ["Segments", ""]
    lines += [
        f"  {segment.name:<16} {segment_flags(segment.p_flags):<5} "
        f"{segment.p_vaddr:#018x} at {segment.p_paddr:#x}, {segment.p_memsz:#x} bytes "
        f"({segment.p_filesz:#x} in the file)"
        for segment in link_map.segments
    ]
    lines += ["", "Sections", ""]
    symbols: dict[int, list[str]] = {}
    for symbol in link_map.symbols:
        symbols.setdefault(symbol.address, []).append(symbol.name)
    by_output: dict[str, list[Placed]] = {}
    for placed in link_map.placements:
        by_output.setdefault(placed.output, []).append(placed)
    for section in link_map.sections:
        held = ", ".join(section.segments) or "no segment"
        lines.append(
            f"{section.name:<20} {section.address:#018x} {section.size:#10x}  "
            f"load address {section.load_address:#x}, {held}"
        )
        for placed in by_output.get(section.name, ()):
            rule = f"  {placed.rule}" if placed.rule else ""
            lines.append(
                f"  {placed.section:<18} {placed.address:#018x} {placed.size:#10x}  "
                f"{placed.object}{rule}"
            )
    lines += ["", "Symbols", ""]
    for symbol in link_map.symbols:
        origin = symbol.object or (f"script {symbol.defined}" if symbol.defined else "command line")
        lines.append(f"  {symbol.address:#018x} {symbol.name:<32} {origin}")
    if link_map.discarded:
        lines += ["", "Discarded", ""]
        for dropped in link_map.discarded:
            rule = f" ({dropped.rule})" if dropped.rule else ""
            lines.append(f"  {dropped.section:<24} {dropped.object}: {dropped.reason}{rule}")
    return "\n".join(lines) + "\n"

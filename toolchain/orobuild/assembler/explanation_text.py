"""Explanations as people read them on a terminal, and as programs read them (JSON)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orobuild.assembler.explanation import Explained

    Style = Callable[[str, str], str]

_SHOWN: Final = 24
_LABEL: Final = 10


def text(found: Sequence[Explained], style: Style) -> str:
    """A block for every statement. `style(text, role)` colours; roles are ``head``, ``bytes``,
    ``label`` and ``dim``."""
    return "\n".join(_block(item, style) for item in found)


def _block(item: Explained, style: Style) -> str:
    where = f"{item.path}:{item.line}"
    lines = [f"{style(where, 'dim')}  {style(item.text, 'head')}"]
    lines += [f"  {style(note, 'dim')}" for note in item.expansion]

    def row(label: str, value: str) -> None:
        lines.append(f"  {style(f'{label:<{_LABEL}}', 'label')}{value}")

    if item.section:
        row("at", f"{item.section}+{item.address:#x}, {_count(item.size)}")
    if item.parts:
        width = max(len(part.data.hex(" ")) for part in item.parts)
        names = max(len(part.name) for part in item.parts)
        for number, part in enumerate(item.parts):
            shown = style(f"{part.data.hex(' '):<{width}}", "bytes")
            line = f"{shown}  {part.name:<{names}}  {style(part.note, 'dim')}".rstrip()
            row("bytes" if not number else "", line)
        row("reads as", item.reads)
        row("made by", item.origin)
    elif item.data:
        more = " …" if item.size > _SHOWN else ""
        row("bytes", style(item.data[:_SHOWN].hex(" "), "bytes") + more)
    for number, line in enumerate(item.branch):
        row("branch" if not number else "", line)
    for made in item.relocations:
        addend = f"{made.addend:+#x}" if made.addend else ""
        row("reloc", f"{made.type} {made.symbol}{addend} at {item.section}+{made.offset:#x}")
        for line in made.why:
            row("", style(line, "dim"))
    for line in item.notes:
        row("", line)
    if len(lines) == 1 + len(item.expansion):
        row("", "nothing was emitted")
    return "\n".join(lines) + "\n"


def _count(size: int) -> str:
    return "1 byte" if size == 1 else f"{size} bytes"


def as_json(found: Sequence[Explained]) -> str:
    """The same as a JSON array; bytes are hexadecimal digits."""
    return json.dumps([_plain(item) for item in found], indent=2) + "\n"


def _plain(item: Explained) -> dict[str, Any]:
    return {
        "path": item.path,
        "line": item.line,
        "text": item.text,
        "expansion": list(item.expansion),
        "section": item.section,
        "address": item.address,
        "size": item.size,
        "bytes": item.data.hex(),
        "parts": [
            {"name": part.name, "bytes": part.data.hex(), "note": part.note} for part in item.parts
        ],
        "reads": item.reads,
        "origin": item.origin,
        "branch": list(item.branch),
        "relocations": [
            {
                "offset": made.offset,
                "type": made.type,
                "symbol": made.symbol,
                "addend": made.addend,
                "why": list(made.why),
            }
            for made in item.relocations
        ],
        "notes": list(item.notes),
    }

"""The link map as programs read it: JSON, and the schema that says what is in it.

Addresses, sizes and flags are integers, places in scripts `file:line:column`. The format number
changes when a field changes its meaning or goes; new fields may come without.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from orobuild.diagnostics import Span
from orobuild.linker.linkmap import Dropped, MapSection, MapSegment, MapSymbol, Placed

if TYPE_CHECKING:
    from orobuild.linker.linkmap import LinkMap

FORMAT: Final = 1
_NUMBER: Final = {"type": "integer", "minimum": 0}
_PLACE: Final = {"type": ["string", "null"], "description": "file:line:column in a script"}
_INTERNAL: Final = frozenset({"row"})
_PARTS: Final = {
    "segments": (MapSegment, "program headers, in their order"),
    "sections": (MapSection, "output sections, in their order"),
    "placements": (Placed, "input sections in the image, by output section and address"),
    "symbols": (MapSymbol, "symbols with global binding, by address"),
    "discarded": (Dropped, "input sections that are not in the image"),
}


def render_json(link_map: LinkMap) -> str:
    """The map as a JSON document, in UTF-8 without unpaired surrogates."""
    document: dict[str, Any] = {"format": FORMAT}
    for part in _PARTS:
        document[part] = [_object(value) for value in getattr(link_map, part)]
    return json.dumps(document, indent=1) + "\n"


def _object(value: Any) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(value, field.name))
        for field in fields(value)
        if field.name not in _INTERNAL
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Span):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `render_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Link map of orobuild",
        "type": "object",
        "required": ["format", *_PARTS],
        "properties": {
            "format": {"const": FORMAT},
            **{
                part: {"type": "array", "description": about, "items": _object_schema(kind)}
                for part, (kind, about) in _PARTS.items()
            },
        },
    }


def _object_schema(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, {"Span": Span})
    names = [field.name for field in fields(kind) if field.name not in _INTERNAL]
    return {
        "type": "object",
        "required": names,
        "properties": {name: _type_schema(hints[name]) for name in names},
    }


def _type_schema(hint: Any) -> dict[str, Any]:
    simple: dict[Any, dict[str, Any]] = {
        int: _NUMBER,
        str: {"type": "string"},
        str | None: {"type": ["string", "null"]},
        Span | None: _PLACE,
        tuple[str, ...]: {"type": "array", "items": {"type": "string"}},
    }
    return dict(simple[hint])


def main() -> None:
    """Print the schema."""
    import sys

    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")


if __name__ == "__main__":
    main()

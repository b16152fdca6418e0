"""GDB's values as JSON has them: each an object with a `kind`."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

import gdb

_MAX_ELEMENTS = 4096
_MAX_TEXT = 256


def plain(value: Any, depth: int) -> Any:
    """A value, its parts included down to a depth."""
    kind = value.type.strip_typedefs()
    code = kind.code
    if code == gdb.TYPE_CODE_ARRAY:
        target = kind.target().strip_typedefs()
        low, high = kind.range()
        if target.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR) and target.sizeof == 1:
            return {"kind": "text", "text": _text(value), "type": str(value.type)}
        count = min(high - low + 1, _MAX_ELEMENTS)
        if depth <= 0:
            return {"kind": "array", "items": [], "count": high - low + 1, "type": str(value.type)}
        items = [plain(value[low + i], depth - 1) for i in range(count)]
        return {"kind": "array", "items": items, "count": high - low + 1, "type": str(value.type)}
    if code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        members = {}
        if depth > 0:
            for field in kind.fields():
                if field.name and hasattr(field, "bitpos"):
                    members[field.name] = plain(value[field.name], depth - 1)
        return {
            "kind": "struct",
            "members": members,
            "type": str(value.type),
            "at": _address(value),
        }
    if code == gdb.TYPE_CODE_PTR:
        return _pointer(value, kind)
    if code == gdb.TYPE_CODE_ENUM:
        return {"kind": "enum", "value": int(value), "text": str(value), "type": str(value.type)}
    if code == gdb.TYPE_CODE_BOOL:
        return {"kind": "bool", "value": int(value), "type": str(value.type)}
    if code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_RANGE):
        return {"kind": "int", "value": int(value), "type": str(value.type), "size": kind.sizeof}
    return {"kind": "other", "text": str(value), "type": str(value.type)}


def _pointer(value: Any, kind: Any) -> Any:
    number = int(value) & (1 << 64) - 1
    found = {"kind": "pointer", "value": number, "type": str(value.type)}
    target = kind.target().strip_typedefs()
    if number and target.sizeof == 1 and "char" in str(target.unqualified()):
        with contextlib.suppress(gdb.error, UnicodeError):
            found["text"] = value.string("utf-8", "replace", length=_length(number))
    return found


def _length(at: Any) -> int:
    """How long the string at an address is, at most `_MAX_TEXT` bytes."""
    for size in range(_MAX_TEXT):
        if bytes(gdb.selected_inferior().read_memory(at + size, 1)) == b"\0":
            return size
    return _MAX_TEXT


def _text(value: Any) -> str:
    try:
        low, high = value.type.strip_typedefs().range()
        data = bytes(int(value[i]) & 255 for i in range(low, min(high + 1, low + _MAX_TEXT)))
    except gdb.error:
        return ""
    return data.partition(b"\0")[0].decode("utf-8", "replace")


def _address(value: Any) -> Any:
    return None if value.address is None else int(value.address) & (1 << 64) - 1


def members(question: dict[str, Any]) -> Any:
    """Places inside a variable whose type is `struct`: (expression, address) of each."""
    try:
        value = gdb.parse_and_eval(question["expression"])
        return [
            [name, at] for name, at in _inside(value, question["expression"], question["struct"], 4)
        ]
    except (gdb.error, RuntimeError):
        return []


def _inside(value: Any, name: str, wanted: str, depth: int) -> Iterator[Any]:
    kind = value.type.strip_typedefs().unqualified()
    if kind.code == gdb.TYPE_CODE_STRUCT and kind.tag == wanted:
        yield name, _address(value)
    elif depth and kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        for field in kind.fields():
            if field.name and hasattr(field, "bitpos"):
                for found in _inside(value[field.name], name + "." + field.name, wanted, depth - 1):
                    yield found
    elif depth and kind.code == gdb.TYPE_CODE_ARRAY and _holds(kind.target(), wanted, depth):
        low, high = kind.range()
        for i in range(low, min(high, low + _MAX_ELEMENTS) + 1):
            for found in _inside(value[i], "%s[%d]" % (name, i), wanted, depth - 1):
                yield found


def _holds(kind: Any, wanted: str, depth: int) -> bool:
    kind = kind.strip_typedefs().unqualified()
    if kind.code == gdb.TYPE_CODE_ARRAY:
        return depth > 0 and _holds(kind.target(), wanted, depth - 1)
    if kind.code not in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        return False
    inner = (_holds(f.type, wanted, depth - 1) for f in kind.fields() if f.type is not None)
    return kind.tag == wanted or (depth > 0 and any(inner))

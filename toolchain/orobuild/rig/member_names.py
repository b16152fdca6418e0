"""Which names the members of a bundle may have: those that mean one file below one folder everywhere.

On any file system, with or without case, of any operating system.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_BYTES: Final = 240  # of one part; file systems take 255, and temporary names are longer
_MOST_PARTS: Final = 16
_FORBIDDEN: Final = frozenset('<>:"|?*\\')  # by Windows; the backslash divides paths there
_DEVICES: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
)


def complaint(name: str) -> str | None:
    """What is wrong with one name, None if nothing is."""
    if not name:
        return "it is empty"
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        return "it is an absolute path"
    parts = name.split("/")
    if ".." in parts or ".." in name.replace("\\", "/").split("/"):
        return "it leads out of the folder"
    if "" in parts or "." in parts:
        return "it has an empty part"
    if len(parts) > _MOST_PARTS:
        return f"it has more than {_MOST_PARTS} parts"
    if any(not c.isprintable() or c in _FORBIDDEN for c in name):
        return "it has a character that not every system takes"
    if unicodedata.normalize("NFC", name) != name:
        return "it is not in Unicode's composed form"
    for part in parts:
        if len(part.encode("utf-8", "replace")) > _MOST_BYTES:
            return f"a part of it is longer than {_MOST_BYTES} bytes"
        if part != part.strip(" ") or part.endswith("."):
            return "a part of it begins or ends with a space or ends with a dot"
        if part.partition(".")[0].casefold() in _DEVICES:
            return "a part of it is a device's name on Windows"
    return None


def collision(names: Iterable[str]) -> str | None:
    """What two of `names` would do to each other in one folder, None if nothing."""
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        key = _key(name)
        if key in files:
            same = files[key] == name
            return f"'{name}' is there twice" if same else _differ_in_case(files[key], name)
        files[key] = name
        parts = name.split("/")
        for count in range(1, len(parts)):
            folder = "/".join(parts[:count])
            before = folders.setdefault(_key(folder), folder)
            if before != folder:
                return _differ_in_case(before, folder)
    both = sorted(files.keys() & folders.keys())
    return f"'{files[both[0]]}' is a file and a folder" if both else None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _differ_in_case(one: str, other: str) -> str:
    return f"'{one}' and '{other}' are one file where case does not count"

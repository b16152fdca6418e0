"""A new kernel's project, as files: what `orobuild init` writes.

The files stand under `orobuild/templates/c`, as they will be but for `@NAME@` and for the dot that a
hidden file's name begins with. Nothing is written here.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Final

from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_PLACEHOLDER: Final = "@NAME@"
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_HIDDEN: Final = ("gitignore", "github", "pre-commit-config.yaml")


def files(name: str) -> dict[str, bytes]:
    """The files of a project called `name`, by path relative to its directory.

    Raises `UsageError` for a name that cannot be a file's and a target's.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be a kernel's name",
            hint="a name is lower-case letters, digits, '-' and '_', and begins with a letter: "
            "orobuild init DIR --name NAME",
        )
    template = resources.files("orobuild") / "templates" / "c"
    return {
        path: data.replace(_PLACEHOLDER.encode(), name.encode()) for path, data in _walk(template)
    }


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        name = f".{entry.name}" if not prefix and entry.name in _HIDDEN else entry.name
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", entry.read_bytes()

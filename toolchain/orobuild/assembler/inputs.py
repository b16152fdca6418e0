"""The files that a unit reads besides its own: `.include` and `.incbin`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable


class Inputs:
    """Finds and reads files; `dependencies` are the paths read, in the order of first use."""

    def __init__(self, read_file: Callable[[str], bytes], include_dirs: tuple[str, ...]) -> None:
        self._read_file = read_file
        self._include_dirs = include_dirs
        self._paths: dict[str, str] = {}
        self.dependencies: dict[str, None] = {}

    def read(self, name: str, span: Span, *, source: bool = False) -> bytes:
        """The bytes of an included file: as named, then in the include directories.

        With include directories GNU as looks for a `source` in them first, and before them in
        the current one, which it then calls `.` (gas/read.c, s_include).
        """
        tried = [name]
        if not name.startswith("/"):
            tried += [f"{directory.rstrip('/')}/{name}" for directory in self._include_dirs]
            if source and self._include_dirs:
                tried = [f"./{name}", *tried[1:], name]
        for path in tried:
            try:
                data = self._read_file(path)
            except FileNotFoundError:
                continue
            except OSError as why:
                reason = why.strerror or str(why)
                raise InputError(error(f"cannot read '{path}': {reason}", span)) from None
            self._paths[name] = path
            self.dependencies[path] = None
            return data
        searched = ", ".join(path for path in tried if path.removeprefix("./") != name)
        raise InputError(
            error(
                f"cannot find '{name}'",
                span,
                hint=f"also searched: {searched}" if searched else "give its directory with -I",
            )
        )

    def found_path(self, name: str) -> str:
        """Where `read` found `name`."""
        return self._paths.get(name, name)

"""The file of a project's configuration: finding it, parsing it, and places in it.

It knows no key. `project` and `lint.settings` check what they own.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import OrobuildError, UsageError

FILES: Final = ("orobuild.toml", "pyproject.toml")


class ConfigError(OrobuildError):
    """The configuration is wrong; the diagnostics say where."""

    exit_status = 2


def find_root(start: Path) -> Path:
    """The nearest directory from `start` upwards that holds a configuration."""
    for directory in (start, *start.parents):
        for name in FILES:
            if (directory / name).is_file() and read_table(directory / name) is not None:
                return directory
    raise UsageError(
        f"no orobuild configuration in {start} or above it",
        hint="write orobuild.toml, or a [tool.orobuild] table in pyproject.toml",
    )


def read_table(file: Path) -> dict[str, Any] | None:
    """The table of orobuild in a configuration file, None if there is none. Raises `ConfigError`."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as problem:
        raise ConfigError(error("not a UTF-8 text", Span(label(file)))) from problem
    except tomllib.TOMLDecodeError as problem:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(problem))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        message = re.sub(r" \(at .*\)$", "", str(problem))
        raise ConfigError(error(message, _span(file, line, column))) from problem
    if file.name == "orobuild.toml":
        return document
    table = document.get("tool", {}).get("orobuild")
    return table if isinstance(table, dict) else None


def label(file: Path) -> str:
    """`file` as a person in the current directory would name it."""
    cwd = Path.cwd()
    return str(file.relative_to(cwd) if file.is_relative_to(cwd) else file)


def _span(file: Path, line: int, column: int, length: int = 1) -> Span:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else None
    return Span(label(file), line, column, length, text)


def locate(file: Path, word: str) -> Span:
    """The first place in `file` where `word` stands by itself; tomllib keeps no positions."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    for number, line in enumerate(
        file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
    ):
        if not line.lstrip().startswith("#") and (match := pattern.search(line)):
            return _span(file, number, match.start() + 1, len(word))
    return Span(label(file))

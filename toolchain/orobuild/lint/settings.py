"""`[tool.orobuild.lint]`, or `[lint]` of `orobuild.toml`, found and checked.

A project may have nothing else of orobuild's: then that table is its whole configuration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orobuild.configuration import FILES, ConfigError, find_root, locate, read_table
from orobuild.errors import UsageError
from orobuild.lint.config import LintConfig, from_mapping
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any


def load(start: Path) -> tuple[LintConfig, Path]:
    """The nearest configuration from the directory `start` upwards, and the directory it is in.

    The defaults and `start` where there is none. Raises `ConfigError` for a wrong one.
    """
    try:
        root = find_root(start)
    except ConfigError:
        raise
    except UsageError:
        return LintConfig(), start
    file = next(root / name for name in FILES if (root / name).is_file())
    table = read_table(file)
    if table is None:
        file = root / FILES[-1]
        table = read_table(file) or {}
    return from_table(file, table.get("lint", {})), root


def load_file(file: Path) -> tuple[LintConfig, Path]:
    """The configuration in `file`, and the directory it is in. Raises `ConfigError`, `UsageError`."""
    if not file.is_file():
        raise UsageError(f"there is no configuration file '{file}'")
    table = read_table(file)
    if table is None:
        raise UsageError(f"'{file}' has no table [tool.orobuild]")
    return from_table(file, table.get("lint", {})), file.parent


def from_table(file: Path, table: Mapping[str, Any]) -> LintConfig:
    """The configuration in a table of `file`. Raises `ConfigError` with the key's place."""
    try:
        if not isinstance(table, dict):
            raise UsageError("[lint]: expected a table")
        return from_mapping(table)
    except UsageError as problem:
        message = problem.diagnostics[0].message
        words = re.findall(r"[\w-]+", message.partition(":")[2] or message)
        place = locate(file, next((w for w in words if w in table), "lint"))
        raise ConfigError(replace(problem.diagnostics[0], span=place)) from problem

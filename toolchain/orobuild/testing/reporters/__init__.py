"""A `Run` as documents: one module a format, each a function from values to text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from orobuild.testing.outcome import Run

FORMATS: Final = ("human", "json", "junit", "github")


def report(run: Run, name: str, root: Path) -> str:
    """`run` in the format called `name`. Paths below `root`, the project, are relative to it."""
    module = importlib.import_module(f"orobuild.testing.reporters.{name}_report")
    return str(module.report(run, root))


def shown(path: Path, root: Path) -> str:
    """`path` as reports give it."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)

"""Findings in the formats that people and tools read, one file each.

A reporter is a module with `report(result, *, color) -> str`; its name is the format's name.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import did_you_mean
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from orobuild.lint.result import LintResult

FORMATS: Final = ("full", "concise", "json", "sarif", "github", "gitlab", "junit")


def report(result: LintResult, output_format: str = "full", *, color: bool = False) -> str:
    """`result` in one of `FORMATS`, ending in a newline unless it is empty.

    Only `full` and `concise` use `color`. Raises `UsageError` for an unknown format.
    """
    if output_format not in FORMATS:
        hint = did_you_mean(output_format, FORMATS) or f"one of {', '.join(FORMATS)}"
        raise UsageError(f"there is no output format '{output_format}'", hint=hint)
    module = importlib.import_module(f"{__name__}.{output_format}_report")
    text: str = module.report(result, color=color)
    return text

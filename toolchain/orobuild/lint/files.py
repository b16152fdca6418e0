"""From paths to a `LintResult`: reads files, finds out what they are, never gives up on the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.elf import reader
from orobuild.elf.constants import ET_REL
from orobuild.errors import InputError
from orobuild.lint import engine
from orobuild.lint.registry import rules
from orobuild.lint.result import LintResult
from orobuild.lint.selection import selected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orobuild.diagnostics import Diagnostic
    from orobuild.lint.config import LintConfig
    from orobuild.lint.finding import Finding

SCRIPT_SUFFIXES: Final = (".ld", ".lds", ".x")


def check_paths(paths: Iterable[str], config: LintConfig) -> LintResult:
    """Check each file. A file that cannot be read or parsed is an error in the result.

    Raises `UsageError` for a configuration that does not fit.
    """
    selected(rules(), config)  # a rule that is not there is wrong usage, whatever the files are
    checked: list[str] = []
    findings: list[Finding] = []
    errors: list[Diagnostic] = []
    for path in paths:
        checked.append(path)
        try:
            data = Path(path).read_bytes()
        except OSError as reason:
            errors.append(error(f"cannot be read: {reason.strerror}", Span(path), rule="file"))
            continue
        try:
            findings += check_bytes(data, path, config)
        except InputError as reason:
            errors += reason.diagnostics
    return LintResult(tuple(checked), tuple(findings), tuple(errors))


def check_bytes(data: bytes, path: str, config: LintConfig) -> tuple[Finding, ...]:
    """Check one file's content by what it is. Raises `InputError`, `UsageError`.

    A linker script is known by its name (`.ld`, `.lds`, `.x`); everything else must be ELF:
    an image or a relocatable object.
    """
    if Path(path).suffix in SCRIPT_SUFFIXES and not reader.is_elf(data):
        return engine.check_script(data.decode("utf-8", "surrogateescape"), path, config)
    elf = reader.read(data, path)
    if elf.header.e_type == ET_REL:
        return engine.check_object(elf, config)
    return engine.check_image(elf, config)

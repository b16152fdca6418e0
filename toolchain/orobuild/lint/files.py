"""From paths to a `LintResult`: reads files, finds out what they are, never gives up on the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.elf import ar, reader
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
SOURCE_SUFFIXES: Final = (".S", ".s", ".inc", ".asm")
_MAX_INCLUDED: Final = 4 << 20  # bytes of one included file


def check_paths(paths: Iterable[str], config: LintConfig) -> LintResult:
    """Check each file, and each member of an archive as `ARCHIVE(MEMBER)`.

    A file that cannot be read or parsed is an error in the result. Raises `UsageError` for a
    configuration that does not fit.
    """
    selected(rules(), config)  # a rule that is not there is wrong usage, whatever the files are
    checked: list[str] = []
    findings: list[Finding] = []
    errors: list[Diagnostic] = []
    for path in paths:
        try:
            inputs = _inputs(path)
        except OSError as reason:
            checked.append(path)
            errors.append(error(f"cannot be read: {reason.strerror}", Span(path), rule="file"))
            continue
        except InputError as reason:
            checked.append(path)
            errors += reason.diagnostics
            continue
        for name, data in inputs:
            checked.append(name)
            try:
                findings += check_bytes(data, name, config)
            except InputError as reason:
                errors += reason.diagnostics
    return LintResult(tuple(checked), tuple(findings), tuple(errors))


def _inputs(path: str) -> list[tuple[str, bytes]]:
    """(name, content) of the file, or of the members if it is an archive."""
    data = Path(path).read_bytes()
    if not ar.is_archive(data):
        return [(path, data)]
    beside = Path(path).parent
    archive = ar.read(data, path, read_file=lambda name: (beside / name).read_bytes())
    return [(f"{path}({member.name})", member.data) for member in archive.members]


def check_bytes(data: bytes, path: str, config: LintConfig) -> tuple[Finding, ...]:
    """Check one file's content by what it is. Raises `InputError`, `UsageError`.

    Linker scripts (`.ld`, `.lds`, `.x`) and assembly (`.S`, `.s`, `.inc`) are known by their
    names; everything else must be ELF: an image or a relocatable object.
    """
    if Path(path).suffix in SOURCE_SUFFIXES and not reader.is_elf(data):
        return engine.check_source(_decoded(data, path), path, config, _read_included)
    if Path(path).suffix in SCRIPT_SUFFIXES and not reader.is_elf(data):
        return engine.check_script(data.decode("utf-8", "surrogateescape"), path, config)
    elf = reader.read(data, path)
    if elf.header.e_type == ET_REL:
        return engine.check_object(elf, config)
    return engine.check_image(elf, config)


def _decoded(data: bytes, path: str) -> str:
    if (position := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, position) + 1
        raise InputError(error("a byte 0 in assembly text", Span(path, line), rule="source"))
    return data.decode("utf-8", "surrogateescape")


def _read_included(name: str, including: str) -> tuple[str, str] | None:
    """An included file beside the file that includes it, or where the process runs."""
    for candidate in (Path(including).parent / name, Path(name)):
        try:
            if candidate.is_file() and candidate.stat().st_size <= _MAX_INCLUDED:
                return _decoded(candidate.read_bytes(), str(candidate)), str(candidate)
        except (OSError, ValueError):
            continue
    return None

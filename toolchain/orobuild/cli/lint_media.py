"""Media among the files that `orolint` is given: the ELF files in them take their places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.errors import InputError
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic
    from orobuild.lint.result import LintResult

_OWN: Final = (b"\x7fELF", b"!<ar", b"!<th")  # what lint itself reads, beside what it knows by name


def opened(
    files: tuple[str, ...], given: dict[str, bytes]
) -> tuple[tuple[str, ...], dict[str, bytes], tuple[Diagnostic, ...]]:
    """`files` and `given` with the ELF files of media, and what is wrong with some of the media."""
    names: list[str] = []
    contents = dict(given)
    errors: list[Diagnostic] = []
    for path in files:
        if path in given or not _may_be_medium(path):
            names.append(path)
            continue
        from orobuild.pipeline import media_files, sparse_files

        try:
            inside = media_files.elf_files(sparse_files.read(path), path)
        except OSError:
            inside = None  # lint says why it cannot be read
        except InputError as problem:
            errors += problem.diagnostics
            continue
        if inside is None:
            names.append(path)
        else:
            names += inside
            contents.update(inside)
    return tuple(names), contents, tuple(errors)


def with_errors(result: LintResult, errors: tuple[Diagnostic, ...]) -> LintResult:
    """`result` with media that could not be read."""
    if not errors:
        return result
    bad = tuple(d.span.path for d in errors if d.span is not None)
    checked = (*result.checked, *dict.fromkeys(bad))
    return replace(result, checked=checked, errors=(*errors, *result.errors))


def _may_be_medium(path: str) -> bool:
    """By name and first bytes, so that a hook over sources reads and imports nothing more."""
    from orobuild.lint import languages

    if languages.of(path) is not None or not Path(path).is_file():
        return False
    try:
        with Path(path).open("rb") as file:
            return not file.read(4).startswith(_OWN)
    except OSError:
        return False

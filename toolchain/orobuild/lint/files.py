"""From paths to a `LintResult`: reads files, finds out what they are, never gives up on the rest."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.lint import engine, languages
from orobuild.lint.comments import Language
from orobuild.lint.includers import MAX_INCLUDED, Includers
from orobuild.lint.registry import check as check_codes
from orobuild.lint.result import LintResult
from orobuild.lint.selection import matches, relative

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orobuild.diagnostics import Diagnostic
    from orobuild.lint.config import LintConfig
    from orobuild.lint.finding import Finding

_ELF: Final = b"\x7fELF"
_ARCHIVES: Final = (b"!<arch>\n", b"!<thin>\n")
_MAX_SOURCE: Final = 32 << 20  # bytes of one source
_BYTE_ORDER_MARKS: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(slots=True)
class _Run:
    """What has been found so far."""

    checked: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    errors: list[Diagnostic] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)

    def result(self) -> LintResult:
        # What several files include is found by each.
        findings = {(f.rule, f.span, f.message, f.evidence): f for f in self.findings}
        return LintResult(
            tuple(self.checked),
            tuple(findings.values()),
            tuple(self.errors),
            tuple(self.passed_over),
        )


def check_paths(
    paths: Iterable[str], config: LintConfig, given: Mapping[str, bytes] | None = None
) -> LintResult:
    """Check each file, each source in a directory, and each member of an archive as `ARCHIVE(MEMBER)`.

    `given` holds contents that are used instead of the files' own. A file that cannot be read or
    parsed is an error in the result. Raises `UsageError` for a configuration that does not fit.
    """
    check_codes(config)  # a rule that is not there is wrong usage, whatever the files are
    run = _Run()
    files = list(_found(paths, config))
    includers = Includers([path for path, _ in files])
    for path, is_named in files:
        try:
            inputs = _inputs(path, (given or {}).get(path))
        except OSError as reason:
            run.checked.append(path)
            run.errors.append(error(f"cannot be read: {reason.strerror}", Span(path), rule="file"))
            continue
        except InputError as reason:
            run.checked.append(path)
            run.errors += reason.diagnostics
            continue
        for name, data in inputs:
            run.checked.append(name)
            try:
                if why := why_passed_over(data, name):
                    run.passed_over.append((name, why))
                else:
                    run.findings += check_bytes(data, name, config, includers)
            except InputError as reason:
                if not is_named and _is_other_syntax(reason):
                    run.passed_over.append((name, "written for NASM or MASM"))
                else:
                    run.errors += reason.diagnostics
    return run.result()


def _is_other_syntax(reason: InputError) -> bool:
    from orobuild.lint.source.dialect import OtherSyntax

    return isinstance(reason, OtherSyntax)


def found(paths: Iterable[str], config: LintConfig) -> list[str]:
    """`paths`, a directory among them replaced by the sources and linker scripts in it.

    Hidden directories and what `config.exclude` matches are passed over there.
    """
    return [path for path, _ in _found(paths, config)]


def _found(paths: Iterable[str], config: LintConfig) -> Iterator[tuple[str, bool]]:
    """(path, whether it was named itself) of every file."""
    for path in paths:
        if not Path(path).is_dir():
            yield path, True
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and not _excluded(f"{folder}/{name}", config)
            )
            for name in sorted(names):
                whole = os.path.normpath(f"{folder}/{name}")
                # `.x` belongs to others too (XDR, images).
                if languages.of(name) and not name.endswith(".x") and not _excluded(whole, config):
                    yield whole, False


def _excluded(path: str, config: LintConfig) -> bool:
    where = os.path.normpath(relative(path, config))
    return any(matches(where, pattern) for pattern in config.exclude)


def _inputs(path: str, given: bytes | None) -> list[tuple[str, bytes]]:
    """(name, content) of the file, or of the members if it is an archive."""
    data = Path(path).read_bytes() if given is None else given
    if not data.startswith(_ARCHIVES):
        return [(path, data)]
    from orobuild.elf import ar

    beside = Path(path).parent
    archive = ar.read(data, path, read_file=lambda name: (beside / name).read_bytes())
    return [(f"{path}({member.name})", member.data) for member in archive.members]


def why_passed_over(data: bytes, path: str) -> str | None:
    """Why a source is none that can be judged: what it is instead. None if it can."""
    language = languages.of(path)
    if data.startswith(_ELF) or language is None:
        return None
    if languages.holds_assembly(language) and b"asm" not in data:
        return None
    from orobuild.lint.source import processors

    return processors.foreign(decoded(data, path), path, language)


def check_bytes(
    data: bytes, path: str, config: LintConfig, includers: Includers | None = None
) -> tuple[Finding, ...]:
    """Check one file's content by what it is. Raises `InputError`, `UsageError`.

    `includers` knows the files that are checked with it, which may include it. Sources and linker scripts are known by their names (`languages.of`); everything else must be
    ELF: an image or a relocatable object.
    """
    language = languages.of(path)
    if language is not None and not data.startswith(_ELF):
        if language is Language.SCRIPT:
            return engine.check_script(data.decode("utf-8", "surrogateescape"), path, config)
        includers = includers or Includers(())
        return engine.check_source(
            decoded(data, path), path, config, _read_included, lambda: includers.include(path)
        )
    from orobuild.elf import reader
    from orobuild.elf.constants import ET_REL

    elf = reader.read(data, path)
    if elf.header.e_type == ET_REL:
        return engine.check_object(elf, config)
    return engine.check_image(elf, config)


def decoded(data: bytes, path: str) -> str:
    """The text of a source; what is not UTF-8 in it survives. Raises `InputError` for no text."""
    if encoding := _BYTE_ORDER_MARKS.get(data[:2]):
        raise InputError(
            error(
                f"this is {encoding}, which no assembler reads",
                Span(path, 1),
                hint="save it as UTF-8",
                rule="source",
            )
        )
    if len(data) > _MAX_SOURCE:
        raise InputError(
            error(
                f"a source of {len(data) >> 20} MiB is not read (the limit is "
                f"{_MAX_SOURCE >> 20} MiB)",
                Span(path),
                hint="assemble it and check the object",
                rule="source",
            )
        )
    if (position := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, position) + 1
        raise InputError(error("a byte 0 in source text", Span(path, line), rule="source"))
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _read_included(name: str, including: str) -> tuple[str, str] | None:
    """An included file beside the file that includes it, or where the process runs."""
    for candidate in (Path(including).parent / name, Path(name)):
        try:
            if candidate.is_file() and candidate.stat().st_size <= MAX_INCLUDED:
                return decoded(candidate.read_bytes(), str(candidate)), str(candidate)
        except (OSError, ValueError, InputError):
            continue
    return None

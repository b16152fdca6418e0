"""Running the selected rules over one input. Reads no file and prints nothing."""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.diagnostics import Note, Span, error
from orobuild.errors import InternalError
from orobuild.lint import languages, suppressions
from orobuild.lint.comments import Language
from orobuild.lint.registry import check as check_codes
from orobuild.lint.registry import rules_for
from orobuild.lint.rule import Scope
from orobuild.lint.selection import selected, severity_of
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from orobuild.elf.reader import ElfFile
    from orobuild.lint.config import LintConfig
    from orobuild.lint.finding import Finding
    from orobuild.lint.live import LivePage
    from orobuild.lint.rule import Rule


def check_image(elf: ElfFile, config: LintConfig) -> tuple[Finding, ...]:
    """What the selected rules find in a linked image, in the order of rules, then of addresses.

    Raises `ElfError` for a file that is no image, `UsageError` for a configuration that does not
    fit it.
    """
    from orobuild.lint.program import Program

    _require_image(elf)
    return _run_all(Scope.IMAGE, Program(elf, config), config, elf.path)


def check_live(elf: ElfFile, pages: Sequence[LivePage], config: LintConfig) -> tuple[Finding, ...]:
    """What the selected rules find in the pages of a machine that runs an image.

    Raises `ElfError` for a file that is no image, `UsageError` for the configuration.
    """
    from orobuild.lint.live import LiveModel

    _require_image(elf)
    return _run_all(Scope.LIVE, LiveModel(elf, pages, config), config, elf.path)


def check_builds(first: ElfFile, second: ElfFile, config: LintConfig) -> tuple[Finding, ...]:
    """What the selected rules find in two builds of the same kernel; findings are about the second.

    Raises `ElfError` for a file that is no image, `UsageError` for the configuration.
    """
    from orobuild.lint.builds import BuildPair

    _require_image(first)
    _require_image(second)
    return _run_all(Scope.BUILDS, BuildPair(first, second, config), config, second.path)


def _require_image(elf: ElfFile) -> None:
    from orobuild.elf import constants as c
    from orobuild.elf.reader import ElfError

    if elf.header.e_type not in (c.ET_EXEC, c.ET_DYN):
        raise ElfError(
            error(
                f"ELF type {elf.header.e_type} is not a linked image (ET_EXEC or ET_DYN)",
                Span(elf.path),
                rule="elf",
            )
        )


def check_object(elf: ElfFile, config: LintConfig) -> tuple[Finding, ...]:
    """What the selected rules find in a relocatable object.

    Raises `ElfError` for a file that is none, `UsageError` for the configuration.
    """
    from orobuild.elf import constants as c
    from orobuild.elf.reader import ElfError
    from orobuild.lint.relocatable import RelocatableModel

    if elf.header.e_type != c.ET_REL:
        raise ElfError(
            error(
                f"ELF type {elf.header.e_type} is not a relocatable object (ET_REL)",
                Span(elf.path),
                rule="elf",
            )
        )
    return _run_all(Scope.OBJECT, RelocatableModel(elf, config), config, elf.path)


def check_script(text: str, path: str, config: LintConfig) -> tuple[Finding, ...]:
    """What the selected rules find in a linker script; INCLUDE is read relative to the process.

    Raises `InputError` for a script that cannot be parsed, `UsageError` for the configuration.
    """
    from orobuild.linker.script import parse
    from orobuild.lint.script import ScriptModel

    script = parse(text, path, read_file=lambda name: Path(name).read_bytes())
    findings = _run_all(Scope.SCRIPT, ScriptModel(script, config), config, path)
    return _suppressed(findings, text, path, Language.SCRIPT, Scope.SCRIPT, config, {})


def check_source(
    text: str,
    path: str,
    config: LintConfig,
    read_file: Callable[[str, str], tuple[str, str] | None],
    is_included: Callable[[], bool] = lambda: False,
) -> tuple[Finding, ...]:
    """What the selected rules find in the assembly of a file in GNU syntax.

    `.S` is preprocessed; of C, C++ and Rust only the inline assembly is read. `read_file` takes the name in an include and the path of the file that includes; it gives text
    and path, None for what cannot be read. `is_included` says whether another source includes this
    one, as it does every `.inc`; it is asked when a rule wants to know. Raises `InputError` for text that is no such file,
    `UsageError` for the configuration.
    """
    from orobuild.lint.source import dialect
    from orobuild.lint.source.model import AssemblyModel
    from orobuild.lint.source.reader import Reader

    language = languages.of(path) or Language.PREPROCESSED_ASSEMBLY
    if languages.holds_assembly(language):
        return _check_embedded(text, path, language, config, read_file)
    dialect.require_gnu(text, path)
    preprocessed = language is Language.PREPROCESSED_ASSEMBLY
    reading = Reader(text, path, read_file=read_file, preprocessed=preprocessed).read()

    @cache
    def is_fragment() -> bool:
        return path.endswith(".inc") or is_included()

    model = AssemblyModel(reading, is_fragment=is_fragment)
    findings = _run_all(Scope.SOURCE, model, config, path)
    return _suppressed(
        findings, text, path, language, Scope.SOURCE, config, reading.texts, is_fragment=is_fragment
    )


def _check_embedded(
    text: str,
    path: str,
    language: Language,
    config: LintConfig,
    read_file: Callable[[str, str], tuple[str, str] | None],
) -> tuple[Finding, ...]:
    if "asm" not in text:
        return _suppressed((), text, path, language, Scope.SOURCE, config, {})
    from orobuild.lint.source import hosted

    source = hosted.read(text, path, language, read_file)
    findings = _run_all(Scope.SOURCE, source.model, config, path)
    return _suppressed(
        findings, text, path, language, Scope.SOURCE, config, source.included, source.marks
    )


def _suppressed(
    findings: tuple[Finding, ...],
    text: str,
    path: str,
    language: Language,
    scope: Scope,
    config: LintConfig,
    texts: Mapping[str, str],
    more: Sequence[suppressions.Suppression] = (),
    *,
    is_fragment: Callable[[], bool] = lambda: False,
) -> tuple[Finding, ...]:
    """`findings` less those that a comment suppresses, and what is wrong with such comments.

    `more` are the suppressions in the assembly's own comments inside another language.
    """
    marks = [*suppressions.read(text, path, language), *more]

    @cache
    def included(other: str) -> list[suppressions.Suppression]:
        return suppressions.read(texts.get(other, ""), other, languages.of(other) or language)

    if not marks and not any("orolint:" in other for other in texts.values()):
        return findings
    ran = {rule.code for rule in selected(rules_for(scope), config, path)}
    model = suppressions.Suppressions(marks, ran, text.split("\n"), is_fragment=is_fragment)
    kept = model.apply(findings, path, included)
    return (*kept, *_run_all(Scope.TEXT, model, config, path))


def _run_all(scope: Scope, model: object, config: LintConfig, path: str) -> tuple[Finding, ...]:
    check_codes(config)
    findings: list[Finding] = []
    for rule in selected(rules_for(scope), config, path):
        findings += _run(rule, model, config)
    return tuple(findings)


def _run(rule: Rule, model: object, config: LintConfig) -> Iterator[Finding]:
    """One rule's findings, stamped with its code; the last one says when there are more."""
    severity = severity_of(rule, config)
    found = iter(rule.check(model))
    shown = [
        replace(f, rule=rule.code, severity=severity) for f in islice(found, config.max_findings)
    ]
    if not rule.fixable and any(f.fix for f in shown):
        raise InternalError(f"{rule.code} gives a fix and does not say so")
    if shown and next(found, None) is not None:
        note = Note(f"more findings of {rule.code} in this file are not listed (max-findings)")
        shown[-1] = replace(shown[-1], notes=(*shown[-1].notes, note))
    yield from sorted(shown, key=_place)


def _place(finding: Finding) -> tuple[int, int, int]:
    span = finding.span
    return (finding.evidence.address or 0, span.line if span else 0, span.column if span else 0)

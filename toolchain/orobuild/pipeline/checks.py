"""What must hold of a linked target before it is delivered: lint, and a second opinion.

Also turns a strictness error into its consequence: what the image would have done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from orobuild.diagnostics import Diagnostic, Severity
from orobuild.errors import InputError, InternalError
from orobuild.pipeline import targets
from orobuild.pipeline.fingerprint import digest, fingerprint
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.elf.reader import ElfFile
    from orobuild.pipeline.targets import LinkedTarget, PendingSources, Workshop

# The checks that `--unchecked` turns off.
_STRICT_RULES = "strict-"
_DEFECTS = ("SEG",)  # the families of rules that can show what a strictness error leads to


class LintOutcome(msgspec.Struct, frozen=True):
    """The lint run over a build: `rules` that ran, what they found, and the report as SARIF."""

    rules: int
    findings: tuple[Diagnostic, ...]
    sarif: bytes


def read(target: LinkedTarget) -> ElfFile:
    """The target as our reader sees it."""
    from orobuild.elf import reader

    return reader.read(target.data, target.path)


def lint_all(shop: Workshop, linked: Mapping[str, LinkedTarget]) -> LintOutcome:
    """Lint every ELF target that wants it, and every script. Raises `InputError` for an error."""
    checked = [target for name, target in linked.items() if _wants_lint(shop, name)]
    named = (shop.project.config.targets[name].script for name in linked)
    scripts = list(dict.fromkeys(script for script in named if script))
    keys = [
        digest("lint", fingerprint(), repr(shop.project.lint), target.path, target.data)
        for target in checked
    ]
    keys += [
        digest(
            "lint script",
            fingerprint(),
            repr(shop.project.lint),
            script,
            shop.read_source(script),
        )
        for script in scripts
    ]
    # The whole outcome is kept too: a build that changes nothing imports no rule.
    whole = digest("lint outcome", *keys)
    if known := shop.cache.get(whole):
        return msgspec.json.decode(known[0], type=LintOutcome)
    findings: list[Diagnostic] = []
    subjects: list[LinkedTarget | str] = [*checked, *scripts]
    for key, subject in zip(keys, subjects, strict=True):
        hit = shop.cache.get(key)
        found = hit[1] if hit else _findings(shop, subject)
        if not hit:
            shop.cache.put(key, b"", warnings=found)
        findings += found
    if any(d.severity is Severity.ERROR for d in findings):
        raise InputError(findings)
    outcome = LintOutcome(
        _rule_count(shop) if checked else 0,
        tuple(findings),
        _sarif([*(t.path for t in checked), *scripts], findings),
    )
    shop.cache.put(whole, msgspec.json.encode(outcome))
    return outcome


def _wants_lint(shop: Workshop, name: str) -> bool:
    settings = shop.project.config.targets[name]
    return settings.lint and settings.format == "elf"


def _rule_count(shop: Workshop) -> int:
    from orobuild.lint.registry import rules_for
    from orobuild.lint.rule import Scope
    from orobuild.lint.selection import selected

    tables = map(rules_for, (Scope.IMAGE, Scope.SCRIPT))
    return sum(len(selected(table, shop.project.lint)) for table in tables)


def _findings(shop: Workshop, subject: LinkedTarget | str) -> tuple[Diagnostic, ...]:
    """What lint finds in an image, or in the script of that name."""
    from orobuild import lint

    if isinstance(subject, str):
        return lint.check_script(shop.read_source(subject), subject, config=shop.project.lint)
    return lint.check_image(read(subject), config=shop.project.lint)


def _sarif(checked: list[str], findings: list[Diagnostic]) -> bytes:
    from orobuild import lint
    from orobuild.lint.finding import Finding
    from orobuild.lint.result import LintResult

    found = tuple(
        f
        if isinstance(f, Finding)
        else Finding(f.severity, f.message, f.span, f.hint, f.rule, f.notes)
        for f in findings
    )
    return lint.report(LintResult(tuple(checked), found), "sarif").encode()


def crosscheck_all(shop: Workshop, linked: Mapping[str, LinkedTarget]) -> int:
    """Ask LIEF and pyelftools about every image that they have not seen; how many that were.

    Raises `InternalError` when they read our output differently: that is our bug.
    """
    asked = 0
    for name, target in linked.items():
        settings = shop.project.config.targets[name]
        if settings.format != "elf" or settings.prebuilt:
            continue
        key = digest("crosscheck", fingerprint(), target.data)
        if shop.cache.get(key):
            continue
        from orobuild.elf.crosscheck import crosscheck

        if disagreements := crosscheck(target.data, target.path):
            said = "; ".join(d.message for d in disagreements)
            raise InternalError(f"other ELF parsers read '{target.path}' differently: {said}")
        shop.cache.put(key, b"")
        asked += 1
    return asked


def with_consequence(
    shop: Workshop, name: str, pending: PendingSources, failure: InputError
) -> InputError:
    """`failure`, and what the image would have done had strictness not stopped it.

    A strict check fires at the first stage that can know, which sees one file or no branches. So
    when strictness is all that is wrong, the target is linked once more without it, for the
    linter alone, and its findings (where the symbol went, the segment's flags, the branch that
    gets there) follow the error.
    """
    if shop.unchecked or not all(_is_strictness(d) for d in failure.diagnostics):
        return failure
    lenient = replace(shop, unchecked=True)
    try:
        objects = targets.finish_objects(lenient, pending)
        findings = _findings(lenient, targets.link_objects(lenient, name, pending.target, objects))
    except InputError:
        return failure  # the lenient link has errors of its own: the first ones stand
    shown = [f for f in findings if (f.rule or "").startswith(_DEFECTS)]
    if not shown:
        return failure
    heading = Diagnostic(
        Severity.NOTE, f"linked all the same, '{name}' would have had this defect:"
    )
    return InputError([*failure.diagnostics, heading, *shown])


def _is_strictness(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity is not Severity.ERROR or (diagnostic.rule or "").startswith(
        _STRICT_RULES
    )

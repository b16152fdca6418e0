"""The page tables of the machine that ran the tests, beside the image: what orolint's live rules find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import Severity
from orobuild.errors import OrobuildError
from orobuild.testing.outcome import LIVE, Kind, Result

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile
    from orobuild.lint import LintConfig
    from orobuild.testing.watcher import Watcher


def check(
    watcher: Watcher, elf: ElfFile | None, config: LintConfig
) -> tuple[tuple[Result, ...], str]:
    """The findings as results, and a sentence about what was looked at.

    A machine that ended before it could be looked at is a sentence too, not a pass.
    """
    from orobuild import lint
    from orobuild.debug.live_pages import pages

    if not watcher.is_looking:
        return (), ""
    snapshot = watcher.snapshot()
    if snapshot is None:
        return (), "the machine ended before its page tables could be read"
    if elf is None or not snapshot.processors[0].cr0 >> 31:
        return (), "paging was off, or there is no image to compare with"
    try:
        mapped = pages(snapshot)
        found = lint.check_live(elf, mapped, config=config)
    except OrobuildError as failure:
        reason = failure.diagnostics[0].message
        return (Result(path=(LIVE,), kind=Kind.ERROR, reason=reason),), reason
    results = tuple(
        Result(
            path=(LIVE, finding.rule or ""),
            kind=Kind.LINT if finding.severity is Severity.ERROR else Kind.SKIPPED,
            reason=finding.message,
            evidence=(*(n.message for n in finding.notes), *_hint(finding.hint)),
        )
        for finding in found
    )
    summary = f"{len(mapped)} mapped pages compared with the image"
    return results or (Result(path=(LIVE,), kind=Kind.PASSED),), summary


def _hint(hint: str | None) -> tuple[str, ...]:
    return (f"hint: {hint}",) if hint else ()

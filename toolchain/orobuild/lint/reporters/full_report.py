"""Everything, for people: message, source line, evidence, hint, and a count at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Severity, render

if TYPE_CHECKING:
    from orobuild.lint.result import LintResult

_NAMED: Final = 3  # paths that are listed for one reason


def report(result: LintResult, *, color: bool) -> str:
    """One block a diagnostic, an empty line between them, a summary line."""
    blocks = [render(d, color=color) for d in result.diagnostics]
    return "\n\n".join([*blocks, summary(result)]) + "\n"


def summary(result: LintResult) -> str:
    """`2 errors, 1 warning in 3 files`, or that nothing was found; what was passed over, and why."""
    files = _count(len(result.checked) - len(result.passed_over), "file")
    lines = [_found(result, files)]
    for why in dict.fromkeys(why for _, why in result.passed_over):
        paths = [path for path, reason in result.passed_over if reason == why]
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        lines.append(f"passed over as {why}: {', '.join(paths[:_NAMED])}{more}")
    fixes = [f.fix for f in result.findings if f.fix]
    safe = sum(fix.safe for fix in fixes)
    if fixes:
        ways = (f"{safe} with --fix", f"{len(fixes) - safe} more with --fix --unsafe-fixes")
        counts = (safe, len(fixes) - safe)
        told = ", ".join(way for way, count in zip(ways, counts, strict=True) if count)
        lines.append(f"can be fixed: {told.replace(' more', '') if not safe else told}")
    return "\n".join(lines)


def _found(result: LintResult, files: str) -> str:
    if result.is_clean:
        return f"no findings in {files}"
    severities = [d.severity for d in result.diagnostics]
    counts = [_count(severities.count(s), s.value) for s in Severity if s in severities]
    return f"{', '.join(counts)} in {files}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")

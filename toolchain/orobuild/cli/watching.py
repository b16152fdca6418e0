"""`orolint --watch`: checking again when a file has changed, and not before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.cli import terminal
from orobuild.errors import MissingToolError, OrobuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orobuild.lint import LintConfig


def watch(paths: Sequence[str], config: LintConfig, check: Callable[[], None]) -> int:
    """Run `check` now and after every change of `paths`, until the user stops it.

    The kernel says what changes; nothing is polled. What `check` raises is shown, and the next
    change tries again.
    """
    try:
        import watchfiles
    except ImportError:
        raise MissingToolError(
            "--watch needs the package watchfiles", hint="pip install 'orobuild[watch]'"
        ) from None
    folders = {str(_folder(path)) for path in paths}
    _run(check)
    terminal.echo("watching; Ctrl-C ends it", err=True)
    for _ in watchfiles.watch(
        *sorted(folders),
        watch_filter=lambda _change, changed: _concerns(changed, paths, config),
        debounce=200,
        step=50,
        raise_interrupt=True,
        ignore_permission_denied=True,
    ):
        _run(check)
    return 0


def _run(check: Callable[[], None]) -> None:
    try:
        check()
    except OrobuildError as problem:
        terminal.show(problem.diagnostics)


def _folder(path: str) -> Path:
    """What to watch for `path`: a file's directory, since editors replace files."""
    whole = Path(path).absolute()
    return whole if whole.is_dir() else whole.parent


def _concerns(changed: str, paths: Sequence[str], config: LintConfig) -> bool:
    """Whether a change may change findings: a file that is checked, or a source beside it."""
    from orobuild.lint import languages
    from orobuild.lint.selection import matches, relative

    where = relative(changed, config)
    if any(matches(where, pattern) for pattern in config.exclude):
        return False
    named = {str(Path(path).absolute()) for path in paths}
    return changed in named or languages.of(changed) is not None

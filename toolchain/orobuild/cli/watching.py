"""Files that change, as the operating system tells it: for `orolint --watch` and `orobuild watch`.

Nothing is polled: a thread of watchfiles sleeps until the kernel wakes it. Directories are watched,
not files, since editors replace files; when a directory itself is replaced or a new one is made,
watching begins anew, and whoever waits is told to look again, as something may have been missed.
"""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING, Any, Final

from orobuild.cli import terminal
from orobuild.errors import MissingToolError, OrobuildError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orobuild.lint import LintConfig

_STEP: Final = 20
"""Milliseconds of quiet after which changes are told: what an editor does in one go is one change."""
_DEBOUNCE: Final = 200
_HEARTBEAT: Final = 1000
_RETRY: Final = 0.2  # seconds, while a directory that is watched is being replaced


class Changes:
    """Changes in `folders`, which is asked again after each; those that `concerns` says matter.

    `recursive` takes in what is below the folders. Use as a context manager.
    """

    def __init__(
        self,
        folders: Callable[[], Iterable[str]],
        concerns: Callable[[str], bool],
        *,
        recursive: bool,
    ) -> None:
        try:
            import watchfiles
        except ImportError:
            raise MissingToolError(
                "watching needs the package watchfiles", hint="pip install 'orobuild[watch]'"
            ) from None
        self._watch: Callable[..., Any] = watchfiles.watch
        self._folders = folders
        self._concerns = concerns
        self._recursive = recursive
        self._told: queue.SimpleQueue[set[str] | Exception] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self.pending = threading.Event()
        """Set while there is something that `wait` has not told."""

    def __enter__(self) -> Changes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_HEARTBEAT / 1000 * 2)

    def wait(self) -> set[str]:
        """The paths that have changed since the last call; none means that all may have."""
        changed = self._next()
        while not self._told.empty():
            changed |= self._next()
        self.pending.clear()
        return changed

    def _next(self) -> set[str]:
        told = self._told.get()
        if isinstance(told, Exception):
            raise UsageError(
                f"the operating system does not tell of changes: {told}",
                hint="fs.inotify.max_user_watches and max_user_instances limit it",
            ) from told
        return told

    def _tell(self, told: set[str] | Exception) -> None:
        self._told.put(told)
        self.pending.set()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._follow(_identities(self._folders()))
        except Exception as problem:
            self._tell(problem)

    def _follow(self, folders: dict[str, tuple[int, int]]) -> None:
        """Tell of changes until the folders are others."""
        if not folders:
            self._stop.wait(_RETRY)
            return
        fresh = True
        try:
            for changes in self._watch(
                *sorted(folders),
                watch_filter=None,
                debounce=_DEBOUNCE,
                step=_STEP,
                stop_event=self._stop,
                rust_timeout=_HEARTBEAT,
                yield_on_timeout=True,
                recursive=self._recursive,
                ignore_permission_denied=True,
            ):
                concerned = {path for _, path in changes if self._concerns(path)}
                if concerned or fresh:
                    self._tell(concerned)
                fresh = False
                if changes and _identities(self._folders()) != folders:
                    return
        except FileNotFoundError:
            self._stop.wait(_RETRY)


def _identities(folders: Iterable[str]) -> dict[str, tuple[int, int]]:
    """What tells a directory from another of the same name."""
    found = {}
    for folder in folders:
        try:
            status = os.stat(folder)
        except OSError:
            continue
        found[folder] = (status.st_dev, status.st_ino)
    return found


def watch(paths: Sequence[str], config: LintConfig, check: Callable[[], None]) -> int:
    """Run `check` now and after every change of `paths`, until the user stops it.

    What `check` raises is shown, and the next change tries again.
    """
    folders = {_folder(path) for path in paths}
    with Changes(
        lambda: folders, lambda changed: _concerns(changed, paths, config), recursive=True
    ) as changes:
        _run(check)
        terminal.echo("watching; Ctrl-C ends it", err=True)
        has_begun = False  # to watch, which is told like any change
        while True:
            if changes.wait() or has_begun:
                _run(check)
            has_begun = True


def _run(check: Callable[[], None]) -> None:
    try:
        check()
    except OrobuildError as problem:
        terminal.show(problem.diagnostics)


def _folder(path: str) -> str:
    """What to watch for `path`: a file's directory, since editors replace files."""
    whole = os.path.abspath(path)
    return whole if os.path.isdir(whole) else os.path.dirname(whole)


def _concerns(changed: str, paths: Sequence[str], config: LintConfig) -> bool:
    """Whether a change may change findings: a file that is checked, or a source beside it."""
    from orobuild.lint import languages
    from orobuild.lint.selection import matches, relative

    where = relative(changed, config)
    if any(matches(where, pattern) for pattern in config.exclude):
        return False
    named = {os.path.abspath(path) for path in paths}
    return changed in named or languages.of(changed) is not None

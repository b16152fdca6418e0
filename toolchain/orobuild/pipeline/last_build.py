"""The record of the last build: all that it depended on, and what it made.

A build whose record still stands has nothing to do, and to know that takes no more than to look at
the files it names: nothing that builds is imported. The record never says too much. It stands only
while the installation, the environment, git's answer, the files that globs match, every file that
was read or looked for in vain, and every output are what they were. A file is the same if its stamp
is (device, inode, size, both times: the time of change cannot be set by hand), else if its contents
are; a stamp is kept only for a file that had settled before the build began, as a file that changes
twice within a tick of the file system's clock has one stamp for both.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orobuild.matching import files_matching
from orobuild.pipeline import installation, revision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.pipeline.build import BuildResult

_VERSION: Final = 2
TICK: Final = 20_000_000
"""Nanoseconds. File systems count time in ticks of the kernel, 10 ms at most."""

_PROJECT_FILES: Final = ("orobuild.toml", "pyproject.toml")  # as `configuration.FILES`

# Variables that say where a session runs or how text looks, not what is built. Any other counts:
# a compiler, or the script that is called like one, may read it.
_BESIDE_THE_POINT: Final = frozenset(
    [
        "_",
        "COLORTERM",
        "COLUMNS",
        "DISPLAY",
        "EDITOR",
        "FORCE_COLOR",
        "HISTFILE",
        "HISTSIZE",
        "LINES",
        "LS_COLORS",
        "MAIL",
        "NO_COLOR",
        "OLDPWD",
        "PAGER",
        "PROMPT_COMMAND",
        "PS1",
        "PS2",
        "PWD",
        "PYTEST_CURRENT_TEST",
        "SHLVL",
        "STY",
        "TERM",
        "TERM_PROGRAM",
        "TERM_PROGRAM_VERSION",
        "TERM_SESSION_ID",
        "TMUX",
        "TMUX_PANE",
        "VISUAL",
        "WAYLAND_DISPLAY",
        "WINDOW",
        "WINDOWID",
        "XAUTHORITY",
    ]
)
_SESSIONS: Final = ("SSH_", "DBUS_", "LESS", "VSCODE_", "XDG_SESSION", "GPG_", "KONSOLE_", "VTE_")


def find(start: str, directory: str | None, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of `request`, made in `directory` or else in the project around `start`, if it
    still stands; what `write` was told to `show` is in it."""
    root = os.path.abspath(directory) if directory else _root(start)
    if root is None:
        return None
    try:
        with open(_path(root, request), "rb") as file:
            record = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    try:
        return record if _stands(root, record, request) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # a record that something else has written


def write(result: BuildResult, request: Mapping[str, Any], show: Mapping[str, Any]) -> None:
    """Keep a record of a finished build, if everything about it has settled.

    `show` is what to tell the user when there is nothing to do.
    """
    from orobuild.errors import UsageError
    from orobuild.pipeline import outputs

    evidence = result.evidence
    root = str(result.project.root)
    inputs: dict[str, Any] = {}
    for name, content in evidence.inputs.items():
        stamp = _stamp(os.path.join(root, name))
        if (stamp is None) != (content is None) or (stamp and _age(stamp) >= evidence.started):
            return  # changed since the build began: nobody knows which state was read
        inputs[name] = [stamp, content]
    made: dict[str, Any] = {}
    for path in evidence.outputs:
        stamp = _stamp(path)
        if stamp is None or _age(stamp) > evidence.delivered:
            return
        made[path] = stamp
    newest = max(map(_age, made.values()), default=0)
    # A later change has to have a later stamp: wait until the clock has ticked.
    while (left := newest + TICK - time.time_ns()) > 0:
        time.sleep(min(left, TICK) / 1e9)
    record = {
        "version": _VERSION,
        "root": root,
        "request": dict(request),
        "installation": installation.state(),
        "environment": _environment(),
        "revision": evidence.revision,
        "asked": evidence.asked,
        "matches": evidence.matches,
        "inputs": inputs,
        "outputs": made,
        "show": dict(show),
    }
    if any(_stamp(path) != stamp for path, stamp in made.items()):
        return
    try:
        outputs.write(_path(root, request), json.dumps(record).encode())
    except UsageError:
        return  # a disk that is full now: the outputs are there, and nothing is recorded


def settled(path: str, started: int) -> bool:
    """Whether a file has not changed since `started` (nanoseconds), or is not there.

    The time of change alone counts: archives bring files along that are of the future.
    """
    stamp = _stamp(path)
    return stamp is None or stamp[4] < started


def _root(start: str) -> str | None:
    """The nearest directory from `start` upwards that has a file that may be a configuration."""
    directory = start
    while True:
        if any(os.path.isfile(os.path.join(directory, name)) for name in _PROJECT_FILES):
            return directory
        above = os.path.dirname(directory)
        if above == directory:
            return None
        directory = above


def _path(root: str, request: Mapping[str, Any]) -> str:
    name = f"{zlib.crc32(json.dumps(request, sort_keys=True).encode()):08x}.json"
    return os.path.join(root, "build", ".cache", "last", name)


def _stands(root: str, record: dict[str, Any], request: Mapping[str, Any]) -> bool:
    return (
        record["version"] == _VERSION
        and record["root"] == root  # a copy's record is of the original's outputs
        and record["request"] == dict(request)
        and record["environment"] == _environment()
        and all(_stamp(path) == stamp for path, stamp in record["outputs"].items())
        and _same_inputs(root, record["inputs"])
        and all(files_matching(Path(root), p) == m for p, m in record["matches"].items())
        and record["installation"] == installation.state()
        and (not record["asked"] or record["revision"] == revision.ask(root))
    )


def _same_inputs(root: str, inputs: Mapping[str, Any]) -> bool:
    for name, (stamp, content) in inputs.items():
        path = os.path.join(root, name)
        now = _stamp(path)
        if now == stamp:
            continue
        if now is None or stamp is None or now[2] != stamp[2]:
            return False
        if not content or _hash(path) != content:
            return False
    return True


def _hash(path: str) -> str | None:
    from orobuild.pipeline.fingerprint import digest
    from orobuild.pipeline.inputs import read_regular

    try:
        return digest(read_regular(path))
    except OSError:
        return None


def _stamp(path: str) -> list[int] | None:
    """Device, inode, size and times of a regular file; None if there is none that can be read."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if status.st_mode & 0o170000 != 0o100000 or not os.access(path, os.R_OK):
        return None
    return [
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    ]


def _age(stamp: list[int]) -> int:
    return max(stamp[3], stamp[4])


def _environment() -> str:
    """A digest: what is in the environment may be secret, and records are kept."""
    found = [
        f"{name}={value}"
        for name, value in os.environ.items()
        if name not in _BESIDE_THE_POINT and not name.startswith(_SESSIONS)
    ]
    return hashlib.sha256(os.fsencode("\0".join(sorted(found)))).hexdigest()

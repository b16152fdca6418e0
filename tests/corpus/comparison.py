"""One recorded input through GNU as and through oro-as, and what became of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME_LIMIT = 120  # seconds for one input
IDENTICAL, DIFFERENT, REFUSED = "identical", "different", "refused"
BOTH_REFUSE, ONLY_OURS, BROKEN = "refused by both", "accepted by oro-as only", "broken"


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict about one input, and the differences or messages behind it."""

    path: str
    verdict: str
    details: tuple[str, ...] = ()


class _TooLong(Exception):
    pass


def compared(path: str) -> Result:
    """What GNU as and oro-as make of the recorded input `path`."""
    about = json.loads(Path(path).with_suffix(".json").read_text())
    return assembled(path, about["flags"], about["directory"])


def assembled(path: str, flags: list[str], directory: str) -> Result:
    """What GNU as and oro-as make of the file `path`, read in `directory`."""
    with tempfile.TemporaryDirectory() as made, _inside(directory):
        try:
            theirs = _gnu(path, flags, Path(made, "theirs.o"))
        except subprocess.TimeoutExpired:
            return Result(path, BOTH_REFUSE, ("GNU as does not end",))
        try:
            ours, said = _ours(path, flags, Path(made, "ours.o"))
        except Exception:  # whatever it is, it is the finding
            return Result(path, BROKEN, tuple(traceback.format_exc().splitlines()[-3:]))
    if ours is None:
        if theirs is None:
            return Result(path, BOTH_REFUSE)
        return Result(path, REFUSED, tuple(said.splitlines()[:6]))
    if theirs is None:
        return Result(path, ONLY_OURS)
    return _judged(path, ours, theirs)


def _judged(path: str, ours: bytes, theirs: bytes) -> Result:
    from orobuild.elf.compare import compare
    from orobuild.errors import InputError

    if ours == theirs:
        return Result(path, IDENTICAL)
    try:
        found = compare(ours, theirs)
    except InputError as why:
        found = [str(why)]
    return Result(path, DIFFERENT if found else IDENTICAL, tuple(found[:6]))


def _gnu(path: str, flags: list[str], output: Path) -> bytes | None:
    program = shutil.which("as")
    assert program, "as is not installed"
    subprocess.run([program, *flags, "-o", output, path], capture_output=True, timeout=TIME_LIMIT)
    return output.read_bytes() if output.exists() else None


def _ours(path: str, flags: list[str], output: Path) -> tuple[bytes | None, str]:
    from orobuild.cli.commands import oro_as
    from orobuild.errors import OrobuildError

    try:
        with _time_limit(), contextlib.redirect_stderr(io.StringIO()):
            oro_as.run(["-W", *flags, "-o", str(output), path])
    except OrobuildError as why:
        return None, str(why)
    return output.read_bytes(), ""


@contextlib.contextmanager
def _inside(directory: str) -> Iterator[None]:
    """GNU as writes the current directory into line tables."""
    before = Path.cwd()
    os.chdir(directory if Path(directory).is_dir() else "/")
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise _TooLong(f"more than {TIME_LIMIT} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(TIME_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

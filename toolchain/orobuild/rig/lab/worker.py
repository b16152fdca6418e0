"""A process that has one place in its hands: `python -m orobuild.rig.lab.worker`.

Standard input begins with the job, one line of JSON; another line, or its end, means that enough was seen.
Standard output is one JSON object a line: what is being done, what the serial port said (Base64), how it
ended. The machine is switched off before the process ends, unless it is killed.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TextIO

from pexpect import EOF, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

_READ: Final = 0.2  # seconds for which a read waits
_LOST: Final = 5  # times that a serial port which fails is opened again
_PAUSE: Final = 1.0  # seconds before that


def main() -> int:
    """Do the job."""
    job = json.loads(sys.stdin.readline())
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # drivers print to standard output
    logging.basicConfig(level=logging.WARNING)
    enough = threading.Event()
    threading.Thread(target=_listen, args=(enough,), daemon=True).start()
    worker = _Worker(job, out, enough)
    try:
        worker.run()
    except BaseException as problem:  # whatever a driver or a strategy of somebody else raises
        worker.say("failed", reason=_told(problem), step=worker.step)
    finally:
        worker.leave()
    return 0


def _listen(enough: threading.Event) -> None:
    sys.stdin.readline()
    enough.set()


def _told(problem: BaseException) -> str:
    """An exception in a sentence; the one that led to it says more."""
    cause = problem.__cause__ or problem
    text = " ".join(str(cause).split()) or type(cause).__name__
    return f"{type(cause).__name__}: {text}" if type(cause).__name__ not in text else text


class _Worker:
    def __init__(self, job: dict[str, Any], out: TextIO, enough: threading.Event) -> None:
        self._job = job
        self._out = out
        self._enough = enough
        self._target: Any = None
        self._strategy: Any = None
        self._env: Any = None
        self.step = "reading the environment"

    def say(self, event: str, **values: object) -> None:
        """Tell whoever has started this process; who is gone does not hear it."""
        with suppress(BrokenPipeError):
            self._out.write(json.dumps({"event": event, **values}) + "\n")
            self._out.flush()

    def _do(self, step: str, action: Callable[[], Any]) -> Any:
        self.step = step
        self.say("step", text=step)
        return action()

    def run(self) -> None:
        from labgrid import Environment

        self._env = Environment(self._job["env"])
        images = self._env.config.data.setdefault("images", {})
        images.update(self._job["images"])
        self._target = self._do(
            "looking for its resources", lambda: self._env.get_target(self._job["target"])
        )
        self._strategy = strategy = self._target.get_driver("Strategy")
        if hasattr(strategy, "offer"):
            strategy.offer(self._job["media"])
            self.say("medium", method=strategy.medium["method"])
        self._do("switching off", lambda: strategy.transition("off"))
        self._do("putting the medium in", lambda: strategy.transition("provided"))
        if self._enough.is_set():
            return
        self.step = "switching on"
        self.say("on")
        strategy.transition("on")
        self.step = "following the serial port"
        self._follow(strategy.console)

    def _follow(self, console: Any) -> None:
        lost = 0
        while not self._enough.is_set():
            try:
                data = console.read(timeout=_READ)
            except TIMEOUT:
                continue
            except EOF:
                self.say("ended")
                self._enough.wait()
                return
            except OSError as problem:
                lost += 1
                if lost > _LOST:
                    raise
                self.say("step", text=f"the serial port failed, it is opened again: {problem}")
                time.sleep(_PAUSE)
                self._target.deactivate(console)
                self._target.activate(console)
                continue
            self.say("console", data=base64.b64encode(data).decode())

    def leave(self) -> None:
        """Switch the machine off and give everything back."""
        try:
            if self._strategy is not None:
                self._strategy.status = "unknown"
                self._do("switching off", lambda: self._strategy.transition("off"))
            if self._env is not None:
                self._env.cleanup()
        except BaseException as problem:
            self.say("left", reason=_told(problem))
        else:
            self.say("left", reason="")


if __name__ == "__main__":
    sys.exit(main())

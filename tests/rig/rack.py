"""Machines that misbehave, as labgrid's drivers: each plays a script on its serial port.

A script is lines to say, and in angle brackets what happens between them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import attr
from labgrid.driver import Driver
from labgrid.driver.consoleexpectmixin import ConsoleExpectMixin
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol, PowerProtocol
from labgrid.strategy import Strategy
from pexpect import EOF, TIMEOUT

FOR_EVER = 3600


@target_factory.reg_driver
@attr.s(eq=False)
class ScriptedDriver(ConsoleExpectMixin, Driver, PowerProtocol, ConsoleProtocol):
    """`on`, `off`: what happens then; `says`: what comes when there is power."""

    says: str = attr.ib(default="")
    on_does: str = attr.ib(default="")
    off_does: str = attr.ib(default="")
    journal: str = attr.ib(default="/dev/null")

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.txdelay, self.txchunk = 0.0, 1
        self._left = []

    def _note(self, word):
        with Path(self.journal).open("a") as file:
            file.write(f"{word}\n")

    def _do(self, word):
        if word == "hang":
            time.sleep(FOR_EVER)
        elif word == "die":
            raise SystemExit("the driver has died")
        elif word == "raise":
            raise OSError("no such relay")
        elif word == "child":
            subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({FOR_EVER})"])
        elif word == "end":
            raise EOF("gone")

    @Driver.check_active
    def on(self):
        self._note("on")
        self._do(self.on_does)
        self._left = [part for part in re.split(r"(<\w+>)", self.says) if part]

    @Driver.check_active
    def off(self):
        self._note("off")
        self._left = []
        if "on" in Path(self.journal).read_text().split():
            self._do(self.off_does)

    def cycle(self):
        self.off()
        self.on()

    def _read(self, size=1, timeout=0.0, max_size=None):
        if not self._left:
            time.sleep(timeout)
            raise TIMEOUT("nothing came")
        part = self._left.pop(0)
        if part.startswith("<"):
            self._do(part[1:-1])
            raise TIMEOUT("nothing came")
        return part.encode("latin-1")

    def _write(self, data):
        return len(data)


@target_factory.reg_driver
@attr.s(eq=False)
class ForeignStrategy(Strategy):
    """Somebody's own, which takes no bundle but knows an image by its name."""

    bindings = {"power": "PowerProtocol", "console": "ConsoleProtocol"}  # noqa: RUF012

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.status = "unknown"

    def transition(self, status):
        assert Path(self.target.env.config.get_image_path("usb")).is_file()
        self.target.activate(self.power)
        if status == "off":
            self.power.off()
        elif status == "on":
            self.target.activate(self.console)
            self.power.on()

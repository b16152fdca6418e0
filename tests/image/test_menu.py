"""The menu of both loaders: shown, answered with keys, timed out. Screenshots stay in build/."""

from __future__ import annotations

import json
import socket
import struct
import time
import zlib

import pytest

from image import oracles
from orobuild.image import Boot, Entry, boot_disk
from orobuild.machine import Firmware, Qemu, Verdict, boot

LAST_LINE = "A number or the arrow keys choose"
FULL = pytest.mark.full
SETTLE = 2  # seconds until the prompt below the last line is drawn, on a busy machine


class Monitor:
    """A connection to QEMU's monitor (QMP)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("r")
        self.file.readline()
        self.ask("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def ask(self, command, **arguments):
        message = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        while "event" in (answer := json.loads(self.file.readline())):
            pass
        assert "return" in answer, answer

    def press(self, *keys):
        for key in keys:
            self.ask("send-key", keys=[{"type": "qcode", "data": key}])
            time.sleep(0.3)

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.ask("screendump", filename=str(path), format="png")


@pytest.fixture
def menu_disk(loaders, build_kernel, tmp_path):
    def make(**menu):
        kernel = build_kernel()
        titles = ("Oro, release", "Oro, debug", "Memory test")
        entries = tuple(Entry(title, kernel, f"chosen={title}") for title in titles)
        return oracles.save(tmp_path / "d.img", boot_disk(loaders, Boot(entries, **menu)).image)

    return make


def chosen(report):
    tags = report.console.of_kind("tag")
    return next(f.values["string"] for f in tags if int(f.values["type"], 16) == 1)


def colours(png):
    """How many different bytes the pixels of a PNG have: a blank screen has one or two."""
    data, at, packed = png.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        packed += data[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    return len(set(zlib.decompress(packed)))


ANSWERS = {
    "arrow": (("down", "ret"), "Oro, debug"),
    "digit": (("3", "ret"), "Memory test"),
    "arrows": (("down", "down", "down", "up", "ret"), "Oro, debug"),
}


@pytest.mark.parametrize(
    ("firmware", "answer"),
    [
        pytest.param(f, a, marks=FULL if f is Firmware.OVMF and a != "arrow" else ())
        for f in Firmware
        for a in ANSWERS
    ],
)
def test_keys_choose(menu_disk, tmp_path, root, firmware, answer):
    keys, title = ANSWERS[answer]
    machine = Qemu(
        disk=menu_disk(timeout=60),
        firmware=firmware,
        extra=("-qmp", f"unix:{tmp_path / 'qmp'},server=on,wait=off"),
    )
    shot = root / "build" / "screenshots" / f"menu-{firmware.value}.png"

    def press(line):
        if line.startswith(LAST_LINE):
            time.sleep(SETTLE)
            with Monitor(tmp_path / "qmp") as monitor:
                monitor.screenshot(shot)
                monitor.press(*keys)

    report = boot(machine, timeout=120, on_line=press)

    assert report.passed, report.lines
    assert chosen(report) == f"chosen={title}"
    assert shot.stat().st_size > 1000
    assert colours(shot) > 2


@pytest.mark.parametrize("firmware", [Firmware.SEABIOS, pytest.param(Firmware.OVMF, marks=FULL)])
def test_without_a_key_the_default_is_started_when_time_is_up(menu_disk, firmware):
    report = boot(Qemu(disk=menu_disk(timeout=2, default=2), firmware=firmware), timeout=120)

    assert report.passed, report.lines
    assert chosen(report) == "chosen=Memory test"
    assert any(line.startswith(LAST_LINE) for line in report.lines)


def test_a_timeout_of_0_shows_no_menu(menu_disk):
    report = boot(Qemu(disk=menu_disk(timeout=0, default=1)), timeout=60)

    assert chosen(report) == "chosen=Oro, debug"
    assert not any(line.startswith(LAST_LINE) for line in report.lines)


@pytest.mark.parametrize("firmware", list(Firmware))
def test_an_error_is_on_the_screen_too(menu_disk, root, firmware):
    path = menu_disk(timeout=0)
    data = bytearray(path.read_bytes())
    data[data.index(b"\x7fELF", 1 << 20) + 0x1000] ^= 1
    path.write_bytes(data)
    shot = root / "build" / "screenshots" / f"error-{firmware.value}.png"
    shot.parent.mkdir(parents=True, exist_ok=True)

    report = boot(Qemu(disk=path, firmware=firmware), timeout=120, screenshot=shot)

    assert report.verdict is Verdict.LOADER_ERROR, report.lines
    assert report.console.loader_error == "file-damaged"
    assert colours(shot) > 2

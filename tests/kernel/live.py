"""A kernel that goes on running: a machine to type to, to look at, and to read from line by line."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE = 60.0  # seconds; nothing is measured


class LiveMachine:
    """QEMU with its first serial port and its monitor on sockets. Ends with the `with` block."""

    def __init__(
        self, directory: Path, *arguments: str | Path, cores: int = 2, exit_device: bool = True
    ) -> None:
        self._directory = directory
        self._text = ""
        self._read = 0  # how much of it has been waited for
        listeners = {name: self._listen(name) for name in ("serial", "monitor")}
        self._process = subprocess.Popen(
            [
                "qemu-system-x86_64",
                *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "std"),
                *("-no-reboot", "-machine", "q35", "-cpu", "max", "-smp", str(cores), "-m", "256"),
                *(("-device", "isa-debug-exit,iobase=0xf4,iosize=4") if exit_device else ()),
                *("-chardev", f"socket,id=serial,path={directory / 'serial'}"),
                *("-serial", "chardev:serial"),
                *("-chardev", f"socket,id=monitor,path={directory / 'monitor'}"),
                *("-mon", "chardev=monitor,mode=control"),
                *map(str, arguments),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._serial = self._accept(listeners["serial"])
        self._monitor_socket = self._accept(listeners["monitor"])
        self._monitor = self._monitor_socket.makefile("rw")
        self.ask("qmp_capabilities")

    def _listen(self, name: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._directory / name))
        listener.listen(1)
        listener.settimeout(PATIENCE)
        return listener

    @staticmethod
    def _accept(listener: socket.socket) -> socket.socket:
        connection, _ = listener.accept()
        listener.close()
        connection.settimeout(PATIENCE)
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._serial.close()
        self._monitor.close()
        self._monitor_socket.close()

    def ask(self, command: str, **arguments: Any) -> Any:
        """A QMP command's answer."""
        request = {"execute": command, "arguments": arguments}
        self._monitor.write(json.dumps(request) + "\n")
        self._monitor.flush()
        while True:
            answer = json.loads(self._monitor.readline())
            assert "error" not in answer, answer
            if "return" in answer:
                return answer["return"]

    def wait_for(self, text: str) -> str:
        """Read until `text` comes; what came since the last wait, with it."""
        deadline = time.monotonic() + PATIENCE
        while text not in self._text[self._read :]:
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self._text}"
            try:
                data = self._serial.recv(65536)
            except TimeoutError:
                data = b""
            assert data, f"no {text!r} in:\n{self._text}"
            self._text += data.decode("ascii", "replace").replace("\r", "")
        end = self._text.index(text, self._read) + len(text)
        seen, self._read = self._text[self._read : end], end
        return seen

    @property
    def text(self) -> str:
        """All that has been read."""
        return self._text

    def type(self, text: str) -> None:
        """Send characters to the serial port."""
        self._serial.sendall(text.encode())

    def press(self, *keys: str) -> None:
        """Press and release keys of the keyboard, together (QEMU's names)."""
        self.ask("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    def wait_until_it_exits(self) -> int:
        """The emulator's exit status."""
        self._serial.settimeout(PATIENCE)
        while data := self._serial.recv(65536):
            self._text += data.decode("ascii", "replace").replace("\r", "")
        return self._process.wait(PATIENCE)

    def memory(self, address: int, size: int) -> bytes:
        """Guest memory at a physical address."""
        path = self._directory / "memory"
        self.ask("pmemsave", val=address, size=size, filename=str(path))
        return path.read_bytes()

    def screen(self) -> Screen:
        """What is on the screen now."""
        path = self._directory / "screen.ppm"
        self.ask("screendump", filename=str(path))
        return Screen.of(path)


@dataclass(frozen=True)
class Screen:
    """A picture: `pixels` are rows of (red, green, blue) bytes."""

    width: int
    height: int
    pixels: bytes

    @classmethod
    def of(cls, path: Path) -> Screen:
        """Read a binary PPM file."""
        magic, size, depth, pixels = path.read_bytes().split(b"\n", 3)
        assert (magic, depth) == (b"P6", b"255")
        width, height = map(int, size.split())
        return cls(width, height, pixels)

    def is_lit(self, x: int, y: int) -> bool:
        """Whether a pixel is more bright than dark."""
        at = 3 * (y * self.width + x)
        return sum(self.pixels[at : at + 3]) > 3 * 64


__all__ = ["LiveMachine", "Screen"]

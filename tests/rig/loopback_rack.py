"""A rack on loopback, as an exporter sees one: sockets for serial ports, a switch that speaks HTTP.

`python loopback_rack.py PORT WORDS…`, where WORDS are QEMU's for one machine each. Machine N has its serial port at
PORT+1+N and its relay at http://127.0.0.1:PORT/N/VALUE. It is a program of its own: nothing but these sockets
joins it to what is tested.
"""

from __future__ import annotations

import http.server
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress


class Machine:
    """A QEMU behind a relay, and whoever listens to its serial port."""

    def __init__(self, port: int, words: str) -> None:
        self.words = shlex.split(words)
        self.process: subprocess.Popen[bytes] | None = None
        self.listener: socket.socket | None = None
        self.server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            self.listener, _ = self.server.accept()
            with suppress(OSError):
                while self.listener.recv(100):
                    pass

    def switch(self, *, on: bool) -> None:
        if self.process is not None and not on:
            self.process.kill()
            self.process.wait()
            self.process = None
        if self.process is None and on:
            ours, theirs = socket.socketpair()
            os.set_inheritable(theirs.fileno(), True)
            serial = f"socket,id=serial,fd={theirs.fileno()}"
            start = ("qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot")
            self.process = subprocess.Popen(
                [*start, "-chardev", serial, "-serial", "chardev:serial", *self.words],
                pass_fds=[theirs.fileno()],
            )
            theirs.close()
            threading.Thread(target=self.pump, args=(ours,), daemon=True).start()

    def pump(self, serial: socket.socket) -> None:
        with suppress(OSError):
            while data := serial.recv(4096):
                if self.listener is not None:
                    self.listener.sendall(data)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    port = int(sys.argv[1])
    machines = [Machine(port + 1 + n, words) for n, words in enumerate(sys.argv[2:])]

    class Relays(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, number, value = self.path.split("/")
            machine = machines[int(number)]
            machine.switch(on=value == "1")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"1" if machine.process else b"0")
            say(f"{number} {value}")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    def end(*_: object) -> None:
        for machine in machines:
            machine.switch(on=False)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    say("ready")
    http.server.HTTPServer(("127.0.0.1", port), Relays).serve_forever()


if __name__ == "__main__":
    main()

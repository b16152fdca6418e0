"""Places of a labgrid coordinator: it, an exporter and the machines are programs of their own on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from orobuild.rig import bundle
from orobuild.rig.lab import session

HERE = Path(__file__).parent
KINDS = {"bios": "-m 64M -smp 2 -cpu EPYC", "small": "-m 32M -cpu qemu64"}


def free_ports(count: int) -> int:
    """The first of so many ports in a row on which nobody listens."""
    for port in range(21000 + os.getpid() % 10000, 65000, count):
        try:
            for number in range(port, port + count):
                socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no free ports")


@pytest.fixture
def background(tmp_path):
    """Starts programs that end with the test; `wait_for` waits until a program's output has a word in it."""
    running = []

    def start(name: str, *words: object) -> Path:
        said = tmp_path / f"{name}.log"
        with said.open("wb") as file:
            running.append(
                subprocess.Popen(
                    [*map(str, words)], stdout=file, stderr=subprocess.STDOUT, cwd=tmp_path
                )
            )
        return said

    yield start
    for process in reversed(running):
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(condition) -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.2)


@pytest.mark.full
def test_places_that_an_exporter_has_are_run_through_their_coordinator(
    made, tmp_path, background, monkeypatch
):
    opened = bundle.open_bundle(str(made.path))
    bundle.unpack(opened, tmp_path / "b")
    image = tmp_path / "b/build/parrot.img"
    disk = f"-drive format=raw,snapshot=on,file={image}"
    port = free_ports(len(KINDS) + 2)
    coordinator = f"127.0.0.1:{port + len(KINDS) + 1}"
    programs = Path(sys.executable).parent
    rack = background(
        "rack", sys.executable, "-u", HERE / "loopback_rack.py", port,
        *(f"{words} {disk}" for words in KINDS.values()),
    )  # fmt: skip
    background("coordinator", programs / "labgrid-coordinator", "-l", coordinator)
    exported = {
        name: {
            "NetworkSerialPort": {
                "host": "127.0.0.1",
                "port": port + 1 + n,
                "protocol": "raw",
                "speed": 115200,
            },
            "NetworkPowerPort": {
                "model": "simplerest",
                "host": f"http://127.0.0.1:{port}/{n}/{{value}}",
                "index": "0",
            },
        }
        for n, name in enumerate(KINDS)
    }
    (tmp_path / "exporter.yaml").write_text(yaml.safe_dump(exported))
    background("exporter", programs / "labgrid-exporter", "-c", coordinator, "exporter.yaml")

    def client(*words: str) -> subprocess.CompletedProcess[str]:
        command = [programs / "labgrid-client", "-x", coordinator, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    wait_for(lambda: "ready" in rack.read_text())
    wait_for(lambda: all(f"/{name}/" in client("resources").stdout for name in KINDS))
    for name in KINDS:
        for words in (("create",), ("add-match", f"*/{name}/*"), ("acquire",)):
            done = client("-p", name, *words)
            assert done.returncode == 0, done.stderr
    targets = {
        name: {
            "resources": {"RemotePlace": {"name": name}},
            "drivers": [
                {"SerialDriver": {}},
                {"NetworkPowerDriver": {"delay": 0.1}},
                {"ForeignStrategy": {}},
            ],
        }
        for name in KINDS
    }
    env = tmp_path / "env.yaml"
    env.write_text(yaml.safe_dump({"imports": [str(HERE / "rack.py")], "targets": targets}))
    monkeypatch.setenv("LG_COORDINATOR", coordinator)
    order = session.Order(
        index=opened.index,
        folder=tmp_path / "b",
        env=env,
        targets=session.targets_of(env),
        output=tmp_path / "out",
        jobs=2,
    )
    lab = session.run(order)
    assert lab.run.passed, [(c.name, r) for c, r in lab.run.results()]
    switched = rack.read_text().split("\n")[1:-1]
    for number in range(len(KINDS)):
        assert [line for line in switched if line.startswith(str(number))] == [
            f"{number} 0",
            f"{number} 1",
            f"{number} 0",
        ]
    for name in KINDS:
        assert client("-p", name, "release").returncode == 0

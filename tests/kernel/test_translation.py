"""`orobuild tt` of the running kernel: QEMU translates hundreds of its addresses the same."""

from __future__ import annotations

import random
import re
import subprocess
import sys

import pytest

from orobuild.debug import translation
from orobuild.debug.translation import Control
from orobuild.machine.qemu import Qemu
from orobuild.machine.snapshot import take


@pytest.mark.parametrize("cpu", ["max", "qemu64"])
def test_qemu_translates_our_kernels_addresses_the_same(built, cpu):
    """Hundreds of addresses of one stopped machine, with 5 and with 4 levels."""
    choice = random.Random(1)
    image = 0xFFFFFFFF80000000
    addresses = [image + choice.randrange(0x400000) for _ in range(150)]
    addresses += [0xFFFF800000000000 + choice.randrange(1 << 27) for _ in range(50)]
    addresses += [0xFF00000000000000 + choice.randrange(1 << 27) for _ in range(20)]
    addresses += [choice.randrange(1 << 30) for _ in range(20)]
    machine = Qemu(
        kernel=built.kernel, command_line="run=forever", cpu=cpu, cores=2, memory_mib=128
    )
    snapshot = take(
        machine,
        until="oro: boot",
        timeout=120,
        monitor=[f"gva2gpa {address:#x}" for address in addresses],
    )
    first = snapshot.processors[0]
    registers = Control(cr0=first.cr0, cr3=first.cr3, cr4=first.cr4, efer=first.efer)
    mapped = 0
    for address, answer in zip(addresses, snapshot.answers, strict=True):
        match = re.search(r"gpa: (0x[0-9a-f]+)", answer)
        found = translation.translate(snapshot.read, address, registers)
        if not found.steps:
            continue  # not canonical here; the monitor does not ask that
        assert found.physical == (int(match[1], 16) if match else None), hex(address)
        mapped += match is not None
    assert mapped > 50


def run(built, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "orobuild", "tt", *arguments, "-e", str(built.kernel)],
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_command_shows_levels_rights_and_both_opinions(built):
    result = run(built, "v", "kernel_main", "--until", "oro: boot", "--append", "run=forever")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"pte +\[ *\d+\] at 0x[0-9a-f]+: 0x[0-9a-f]{16}  page", result.stdout)
    assert "image      agrees: .text in segment 1" in result.stdout
    assert "emulator   agrees: 0x" in result.stdout


def test_wrong_usage_is_explained(built, tmp_path):
    (tmp_path / "ram").write_bytes(b"")
    for arguments, says in (
        (("v", "0", "--dump", str(tmp_path / "ram")), "--dump needs --cr3"),
        (("v", "no_such_symbol"), "is no address"),
        (("v", "0", "--until", "this is never said", "--append", "crash=early"), "did not say"),
    ):
        result = run(built, *arguments)
        assert result.returncode == 2, arguments
        assert says in result.stderr

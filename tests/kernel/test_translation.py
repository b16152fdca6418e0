"""`orobuild tt` of the running kernel: QEMU translates hundreds of its addresses the same."""

from __future__ import annotations

import random
import re
import subprocess
import sys

import pytest

from orobuild.debug import translation
from orobuild.debug.translation import Control
from orobuild.errors import InputError
from orobuild.machine import memory_dump
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


@pytest.fixture(scope="module")
def dumped(built, tmp_path_factory):
    """A stopped machine: what it says of itself, and the core that QEMU dumped of it."""
    core = tmp_path_factory.mktemp("core") / "core"
    machine = Qemu(kernel=built.kernel, command_line="run=forever", cores=2, memory_mib=64)
    commands = (f"dump-guest-memory {core}", "gva2gpa 0xffffffff80101000")
    return take(machine, until="oro: boot", timeout=240, monitor=commands), core


@pytest.mark.timeout(600)
def test_a_core_of_qemu_has_the_machines_registers_and_memory(dumped):
    snapshot, core = dumped
    dump = memory_dump.read(core.read_bytes(), str(core))
    assert [(p.cr0, p.cr3, p.cr4) for p in dump.processors] == [
        (p.cr0, p.cr3, p.cr4) for p in snapshot.processors
    ]
    for address in range(0x100000, 64 << 20, 0x10000):
        assert dump.read(address, 4096) == snapshot.read(address, 4096), hex(address)
    assert dump.read(1 << 40, 8) == b""


def test_an_address_is_translated_in_a_core_without_being_told_registers(dumped, built):
    snapshot, core = dumped
    physical = re.search(r"gpa: (0x[0-9a-f]+)", snapshot.answers[1])[1]
    result = run(built, "v", "0xffffffff80101000", "--dump", str(core))
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"physical   {physical} in a page" in result.stdout
    assert "image      agrees" in result.stdout
    beyond = run(built, "v", "0", "--dump", str(core), "--core", "7")
    assert beyond.returncode == 2
    assert "has 2 processors" in beyond.stderr


def test_damaged_and_foreign_dumps_are_refused(dumped, built):
    data = dumped[1].read_bytes()
    choice = random.Random(4)
    with pytest.raises(InputError, match="truncated"):
        memory_dump.read(data[: len(data) // 2], "core")
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(choice.randrange(1, 6)):
            broken[choice.randrange(0x600)] = choice.randrange(256)
        try:
            dump = memory_dump.read(bytes(broken), "core")
        except InputError:
            continue
        for processor in dump.processors:
            control = Control(cr0=processor.cr0, cr3=processor.cr3, cr4=processor.cr4, efer=0xD00)
            translation.translate(dump.read, 0xFFFFFFFF80101000, control)
    for foreign, says in (
        (built.kernel.read_bytes(), "no core dump"),
        (b"KDUMP   " + bytes(100), "compressed dump"),
    ):
        with pytest.raises(InputError, match=says):
            memory_dump.read(foreign, "core")

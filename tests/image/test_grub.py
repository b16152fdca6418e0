"""GRUB and our loaders are interchangeable: it starts our kernel, they start kernels made for it."""

from __future__ import annotations

import struct

import pytest

from image import oracles
from orobuild.machine import Drive, Firmware, Qemu, boot

CONFIG = """\
serial --unit=0 --speed=115200
terminal_output serial
set timeout=0
menuentry "Test" {
    multiboot2 /boot/kernel.elf the words
    module2 /boot/module first module
    boot
}
"""


@pytest.fixture(scope="module")
def grub_iso(build_kernel, tmp_path_factory):
    """A CD of GRUB's, for BIOS and UEFI, with kernels/report.S."""
    folder = tmp_path_factory.mktemp("grub")
    grub = folder / "tree" / "boot" / "grub"
    grub.mkdir(parents=True)
    (grub / "grub.cfg").write_text(CONFIG)
    (grub.parent / "kernel.elf").write_bytes(build_kernel())
    (grub.parent / "module").write_bytes(b"12345" * 1000)
    oracles.run("grub-mkrescue", "-o", folder / "grub.iso", folder / "tree")
    return folder / "grub.iso"


def of(report, kind):
    found = [f.values for f in report.console.of_kind("tag") if int(f.values["type"], 16) == kind]
    return found[0] if found else None


@pytest.mark.parametrize(
    "firmware", [Firmware.SEABIOS, pytest.param(Firmware.OVMF, marks=pytest.mark.full)]
)
def test_grub_and_our_loaders_say_the_same(grub_iso, loaders_iso, firmware):
    """What a kernel can see of who started it: little more than the name."""
    theirs = boot(Qemu(disk=grub_iso, drive=Drive.CD, firmware=firmware), timeout=180)
    ours = boot(Qemu(disk=loaders_iso, drive=Drive.CD, firmware=firmware), timeout=180)

    assert theirs.passed, theirs.lines
    assert ours.passed, ours.lines
    for key in ("magic", "entry", "cs-limit", "ds-limit", "a20-closed", "bss", "data"):
        (one,), (other,) = theirs.console.of_kind("boot"), ours.console.of_kind("boot")
        assert one.values[key] == other.values[key], key
    assert of(theirs, 1)["string"] == of(ours, 1)["string"] == "the words"
    assert of(theirs, 2)["string"] != of(ours, 2)["string"] == "orobuild"
    assert of(theirs, 3)["string"] == of(ours, 3)["string"] == "first module"
    assert of(theirs, 3)["sum"] == of(ours, 3)["sum"]
    kinds = [
        {int(f.values["type"], 16) for f in report.console.of_kind("tag")}
        for report in (theirs, ours)
    ]
    # GRUB says the base only of kernels that it may move, and gives APM and network where they are
    missing = kinds[0] - kinds[1] - {10, 16}
    assert missing <= ({5} if firmware is Firmware.OVMF else set()), missing


def test_the_kernel_of_the_test_has_a_multiboot2_header(build_kernel):
    assert struct.pack("<I", 0xE85250D6) in build_kernel()[:32768]

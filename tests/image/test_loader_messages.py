"""The loader's messages: each is documented, fits the screen, and is seen once on a machine.

A PC that lacks something is emulated by a loader built with one wrong constant.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orobuild.image import Module, bios_disk, payload

BOOT = Path(__file__).resolve().parents[2] / "asm" / "boot"
FATAL = re.compile(r'^ *fatal "([^"]*)", "([^"]*)"', re.MULTILINE)
NO_EDD = ("boot.inc", ".set EDD_ANSWER,           0xaa55", ".set EDD_ANSWER, 0")


def fatal_messages():
    return [found for source in BOOT.glob("*.S") for found in FATAL.findall(source.read_text())]


def test_every_reason_is_in_the_table_of_the_readme():
    table = (BOOT / "README.md").read_text()
    reasons = {reason for reason, _ in fatal_messages()}
    reasons |= set(re.findall(r'\.asciz "([a-z0-9-]+)\\r\\n"', (BOOT / "mbr.S").read_text()))

    assert len(reasons) > 25
    assert {reason for reason in reasons if f"`{reason}`" not in table} == set()


def test_every_sentence_fits_a_line_of_the_screen():
    assert [text for _, text in fatal_messages() if len(text) > 79 or not text.endswith(".")] == []


POOR = {
    "no memory map": (
        "memory-map",
        [("memory_map.S", ".set E820_FUNCTION,        0xe820", ".set E820_FUNCTION, 0xe8ff")],
    ),
    "little conventional memory": (
        "memory-low",
        [("boot.inc", ".set LOADER_END,           0x38000", ".set LOADER_END, 0xb0000")],
    ),
    "neither EDD nor a geometry": (
        "disk-geometry",
        [NO_EDD, ("disk.S", "movb $DISK_GEOMETRY, bios_eax + 1", "movb $0x7f, bios_eax + 1")],
    ),
    "a sector that CHS cannot reach": (
        "disk-chs-limit",
        [NO_EDD, ("disk.S", ".set MAX_CYLINDER,         1023", ".set MAX_CYLINDER, 0")],
    ),
    "a drive that fails": (
        "disk-read",
        [("disk.S", "movb $DISK_EDD_READ, bios_eax + 1", "movb $0x7f, bios_eax + 1")],
    ),
    "a drive that fails at once": (
        "disk-unreadable-at-stage2",
        [("mbr.S", "movb $DISK_EDD_READ, %ah", "movb $0x7f, %ah")],
    ),
    "a drive that fails at once, without EDD": (
        "disk-unreadable-at-stage2",
        [NO_EDD, ("mbr.S", "movw $DISK_READ_CHS << 8 | 1, %ax", "movw $0x7f01, %ax")],
    ),
    "a drive without EDD or geometry from the start": (
        "disk-unreadable-at-stage2",
        [NO_EDD, ("mbr.S", "movb $DISK_GEOMETRY, %ah", "movb $0x7f, %ah")],
    ),
    "a payload from the future": (
        "payload-format",
        [("boot.inc", ".set PAYLOAD_VERSION,      1", ".set PAYLOAD_VERSION, 0")],
    ),
}


@pytest.mark.parametrize("case", POOR)
def test_a_poor_machine_is_told_what_it_lacks(case, build_loader, build_kernel, boot):
    reason, changes = POOR[case]
    loader = build_loader(*changes)

    report = boot(bios_disk(mbr=loader.mbr, stage2=loader.stage2, kernel=build_kernel()).data)

    assert report.console.loader_error == reason, report.lines


def test_a_payload_without_a_kernel_is_refused(build_kernel, unchecked_disk, boot, monkeypatch):
    monkeypatch.setattr(payload, "_KERNEL", payload._MODULE)

    report = boot(unchecked_disk(build_kernel(), modules=[Module("m", b"")]))

    assert report.console.loader_error == "no-kernel"


def test_a_drive_that_fails_is_reported_with_sector_and_status(build_loader, build_kernel, boot):
    _, changes = POOR["a drive that fails"]
    loader = build_loader(*changes)

    report = boot(bios_disk(mbr=loader.mbr, stage2=loader.stage2, kernel=build_kernel()).data)

    facts = [f.values for f in report.console.of_kind("loader") if "failed-sector" in f.values]
    assert facts == [{"loader": "bios", "failed-sector": "2048", "bios-status": "0x00000001"}]

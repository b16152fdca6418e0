"""The loader's messages: each is documented, fits the screen, and is seen once on a machine.

A PC that lacks something is emulated by a loader built with one wrong constant.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from image.conftest import disk_of

BOOT = Path(__file__).resolve().parents[2] / "asm" / "boot"
FATAL = re.compile(r'^ *fatal "([^"]*)", "([^"]*)"', re.MULTILINE)
FATAL_C = re.compile(r'fatal\(\s*"([^"]*)",\s*"([^"]*)"\)')
NO_EDD = ("boot.inc", ".set EDD_ANSWER,           0xaa55", ".set EDD_ANSWER, 0")


def fatal_messages():
    """(reason, sentence) of both loaders."""
    found = [f for source in BOOT.glob("*.S") for f in FATAL.findall(source.read_text())]
    return found + [
        f for source in BOOT.glob("efi/*.c") for f in FATAL_C.findall(source.read_text())
    ]


def test_every_reason_is_in_the_table_of_the_readme():
    table = (BOOT / "README.md").read_text()
    reasons = {reason for reason, _ in fatal_messages()}
    for first_stage in ("mbr.S", "cd.S", "pxe.S", "first_stage.inc"):
        text = (BOOT / first_stage).read_text()
        reasons |= set(re.findall(r'\.asciz "([a-z0-9-]+)\\r\\n"', text))

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
}


@pytest.mark.parametrize("case", POOR)
def test_a_poor_machine_is_told_what_it_lacks(case, build_loader, build_kernel, boot):
    reason, changes = POOR[case]
    loader = build_loader(*changes)

    report = boot(disk_of(loader, build_kernel()))

    assert report.console.loader_error == reason, report.lines


def test_a_drive_that_fails_is_reported_with_sector_and_status(build_loader, build_kernel, boot):
    _, changes = POOR["a drive that fails"]
    loader = build_loader(*changes)

    report = boot(disk_of(loader, build_kernel()))

    facts = [f.values for f in report.console.of_kind("loader") if "failed-sector" in f.values]
    assert facts == [{"loader": "bios", "failed-sector": "2048", "bios-status": "0x00000001"}]

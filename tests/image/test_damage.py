"""Damage on the disk: whatever sector is not what was written, the loader says so and stops.

Every sector that is read during boot is damaged in turn (by default a sample of them).
"""

from __future__ import annotations

import random

import pytest

from orobuild.errors import InputError
from orobuild.image import Module, bios_disk, read_disk
from orobuild.machine import Verdict

SECTOR = 512
MODULES = (Module("first", b"1" * 3000), Module("second", bytes(range(256)) * 300))

REASON = {
    "second stage": "stage2-damaged",
    "payload header": "payload-damaged",
    "kernel": "file-damaged",
    "module 0": "file-damaged",
    "module 1": "file-damaged",
}


@pytest.fixture
def disk(loader, build_kernel):
    return bios_disk(mbr=loader.mbr, stage2=loader.stage2, kernel=build_kernel(), modules=MODULES)


def flipped(data: bytes, offset: int, bit: int = 0) -> bytes:
    changed = bytearray(data)
    changed[offset] ^= 1 << bit
    return bytes(changed)


def sectors_of(disk, name):
    """One damaged byte in each sector of a region: never twice at the same place in it."""
    region = next(r for r in disk.layout if r.name == name)
    numbers = random.Random(name)
    for start in range(region.offset, region.offset + region.size, SECTOR):
        end = min(start + SECTOR, region.offset + region.size)
        yield numbers.randrange(start, end), numbers.randrange(8)


def assert_stops(disk, boot, name, offset, bit):
    report = boot(flipped(disk.data, offset, bit))
    assert report.verdict is Verdict.LOADER_ERROR, (name, offset, bit, report.lines)
    assert report.console.loader_error == REASON[name], (name, offset, bit)
    assert not report.console.of_kind("boot"), "the kernel was entered"
    return report


@pytest.mark.parametrize("name", REASON)
def test_a_flipped_bit_stops_the_loader(disk, boot, name):
    places = list(sectors_of(disk, name))
    sample = {places[0], places[len(places) // 2], places[-1]}

    for offset, bit in sorted(sample):
        assert_stops(disk, boot, name, offset, bit)


@pytest.mark.full
@pytest.mark.parametrize("name", REASON)
def test_a_flipped_bit_in_any_sector_stops_the_loader(disk, boot, name):
    for offset, bit in sectors_of(disk, name):
        assert_stops(disk, boot, name, offset, bit)


@pytest.mark.parametrize(
    ("name", "subject"),
    [("kernel", "kernel"), ("module 0", "first"), ("module 1", "second")],
)
def test_the_damaged_file_is_named(disk, boot, name, subject):
    offset, bit = next(sectors_of(disk, name))

    report = assert_stops(disk, boot, name, offset, bit)

    (fact,) = report.console.of_kind("loader-error")
    assert fact.values["subject"] == subject


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        (416 + 2, "stage2-damaged"),  # the number of sectors to read
        (416 + 8, "stage2-damaged"),  # where they are
        (416 + 12, "disk-unreadable-at-stage2"),  # far beyond the disk's end
        (416 + 16, "stage2-damaged"),  # their checksum
        (416 + 20, "mbr-has-no-parameters"),
    ],
)
def test_damaged_parameters_of_the_boot_record_are_noticed(disk, boot, offset, reason):
    report = boot(flipped(disk.data, offset))

    assert report.console.loader_error == reason


def test_a_changed_message_of_the_boot_record_is_noticed_by_the_second_stage(disk, boot):
    offset = disk.data.index(b"stage2-damaged")

    assert boot(flipped(disk.data, offset)).console.loader_error == "mbr-damaged"


@pytest.mark.full
@pytest.mark.parametrize("first", range(0, 416, 16))
def test_no_flipped_bit_in_the_boot_record_lets_the_kernel_start(disk, boot, first):
    """Its own code runs unchecked, so it may hang or reset; but nothing after it is believed."""
    numbers = random.Random(first)

    for offset in range(first, first + 16):
        report = boot(flipped(disk.data, offset, numbers.randrange(8)), timeout=2)
        assert not report.console.of_kind("boot"), (offset, report.lines)


def test_a_changed_disk_signature_is_no_damage(disk, boot):
    """Operating systems write one there."""
    assert boot(flipped(disk.data, 440)).passed


@pytest.mark.parametrize("name", REASON)
def test_a_reader_of_the_image_notices_the_same(disk, name):
    for offset, bit in sectors_of(disk, name):
        with pytest.raises(InputError, match="does not match its checksum"):
            read_disk(flipped(disk.data, offset, bit), "disk.img")


def test_a_disk_cut_off_anywhere_is_refused_by_the_reader(disk):
    last = disk.layout[-1]
    for size in range(0, last.offset + last.size, 997):
        with pytest.raises(InputError):
            read_disk(disk.data[:size], "disk.img")


def test_a_disk_cut_off_in_a_module_stops_the_loader(disk, boot):
    last = disk.layout[-1]

    report = boot(disk.data[: last.offset + SECTOR])

    assert report.console.loader_error == "disk-read"
    (fact,) = report.console.of_kind("loader-error")
    assert fact.values["subject"] == "second"

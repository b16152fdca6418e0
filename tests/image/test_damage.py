"""Damage on the disk: whatever sector is not what was written, the loader says so and stops.

Every sector that is read during boot is damaged in turn (by default a sample of them). What a loader
does not read or believe may be damaged without harm; then the right kernel starts.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from image.conftest import disk_of
from orobuild.image import Module, Region
from orobuild.image.bios import disk_loader
from orobuild.image.disk import STAGE2_LBA, VOLUME_LBA
from orobuild.image.extents import Extents
from orobuild.image.fat_reader import read_volume
from orobuild.machine import Verdict

SECTOR = 512
VOLUME = VOLUME_LBA * SECTOR
MODULES = (Module("first", b"1" * 3000), Module("second", bytes(range(256)) * 300))

REASON = {
    "second stage": "stage2-damaged",
    "OROBUILD/BOOT.CFG": "boot-config-",
    "OROBUILD/K0.ELF": "file-damaged",
    "OROBUILD/M0_0.BIN": "file-damaged",
    "OROBUILD/M0_1.BIN": "file-damaged",
}
STRUCTURES = ("boot sector", "allocation table", "root directory", "directory")


@dataclass(frozen=True)
class Disk:
    data: bytes
    regions: dict[str, Region]


@pytest.fixture(scope="module")
def disk(loader, build_kernel):
    made = disk_of(loader, build_kernel(), "the words", MODULES)
    _, stage2 = disk_loader(loader.mbr, loader.stage2, stage2_lba=0, volume_lba=0)
    data = made.to_bytes()
    volume = read_volume(Extents.of(data[VOLUME : -(1 << 20)]), "disk")
    regions = {"second stage": (STAGE2_LBA * SECTOR, len(stage2))}
    for file in volume.files:
        ((offset, size),) = file.runs
        regions[file.path] = (VOLUME + offset, size)
    directory = data.index(b"OROBUILD   \x10", VOLUME)
    table = VOLUME + SECTOR * int.from_bytes(data[VOLUME + 14 : VOLUME + 16], "little")
    regions["boot sector"] = (VOLUME, SECTOR)
    regions["allocation table"] = (table, SECTOR)
    regions["root directory"] = (directory, 32)
    regions["directory"] = (data.index(b"BOOT    CFG", VOLUME) // SECTOR * SECTOR, 6 * 32)
    return Disk(data, {name: Region(name, *place) for name, place in regions.items()})


def flipped(data: bytes, offset: int, bit: int = 0) -> bytes:
    changed = bytearray(data)
    changed[offset] ^= 1 << bit
    return bytes(changed)


def sectors_of(disk, name):
    """One damaged byte in each sector of a region: never twice at the same place in it."""
    region = disk.regions[name]
    numbers = random.Random(name)
    for start in range(region.offset, region.offset + region.size, SECTOR):
        end = min(start + SECTOR, region.offset + region.size)
        yield numbers.randrange(start, end), numbers.randrange(8)


def assert_stops(disk, boot, name, offset, bit):
    report = boot(flipped(disk.data, offset, bit))
    assert report.verdict is Verdict.LOADER_ERROR, (name, offset, bit, report.lines)
    assert report.console.loader_error.startswith(REASON[name]), (name, offset, bit)
    assert not report.console.of_kind("boot"), "the kernel was entered"
    return report


def assert_stops_or_starts_the_right_kernel(disk, boot, place):
    report = boot(flipped(disk.data, *place))
    if report.verdict is Verdict.LOADER_ERROR:
        assert not report.console.of_kind("boot"), (place, report.lines)
        return False
    assert report.passed, (place, report.lines)
    strings = [f.values["string"] for f in report.console.of_kind("tag") if "string" in f.values]
    assert strings == ["the words", "orobuild", "first", "second"], (place, report.lines)
    return True


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


@pytest.mark.full
def test_no_flipped_bit_in_the_menu_is_believed(disk, boot):
    region = disk.regions["OROBUILD/BOOT.CFG"]
    *sealed, last = range(region.offset, region.offset + region.size)
    for offset in sealed:
        assert_stops(disk, boot, region.name, offset, offset % 8)
    # The end of the line with the checksum is not under it.
    assert_stops_or_starts_the_right_kernel(disk, boot, (last, last % 8))


@pytest.mark.parametrize(
    ("name", "count"),
    [("boot sector", 6), ("allocation table", 3), ("root directory", 3), ("directory", 8)],
)
def test_damage_to_the_volumes_structures_never_starts_another_kernel(disk, boot, name, count):
    region, numbers = disk.regions[name], random.Random(name)

    for _ in range(count):
        place = numbers.randrange(region.offset, region.offset + region.size), numbers.randrange(8)
        assert_stops_or_starts_the_right_kernel(disk, boot, place)


@pytest.mark.full
@pytest.mark.parametrize("name", STRUCTURES)
def test_no_flipped_bit_in_the_volumes_structures_starts_another_kernel(disk, boot, name):
    region = disk.regions[name]
    size = min(region.size, 192)  # of the boot sector and the table: what has a meaning

    outcomes = {
        assert_stops_or_starts_the_right_kernel(disk, boot, (offset, bit))
        for offset in range(region.offset, region.offset + size)
        for bit in (offset % 8, (offset + 5) % 8)
    }

    assert False in outcomes


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("OROBUILD/K0.ELF", "/OROBUILD/K0.ELF"),
        ("OROBUILD/M0_0.BIN", "/OROBUILD/M0_0.BIN"),
        ("OROBUILD/M0_1.BIN", "/OROBUILD/M0_1.BIN"),
        ("OROBUILD/BOOT.CFG", "/OROBUILD/BOOT.CFG"),
    ],
)
def test_the_damaged_file_is_named(disk, boot, name, subject):
    offset, bit = next(sectors_of(disk, name))

    report = assert_stops(disk, boot, name, offset, bit)

    (fact,) = report.console.of_kind("loader-error")
    assert fact.values["subject"] == subject


def test_a_missing_file_is_named(disk, boot):
    offset = disk.data.index(b"M0_1    BIN", VOLUME)

    report = boot(flipped(disk.data, offset))

    assert report.console.loader_error == "file-missing"
    (fact,) = report.console.of_kind("loader-error")
    assert fact.values["subject"] == "/OROBUILD/M0_1.BIN"


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


def test_a_disk_cut_off_in_a_module_stops_the_loader(disk, boot):
    last = disk.regions["OROBUILD/M0_1.BIN"]

    report = boot(disk.data[: last.offset + SECTOR])

    assert report.console.loader_error == "disk-read"
    (fact,) = report.console.of_kind("loader-error")
    assert fact.values["subject"] == "/OROBUILD/M0_1.BIN"

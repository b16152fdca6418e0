"""Every way to boot that there is: firmware x medium x how it is plugged in x cores.

By default a part in which each value of a column occurs, with both firmwares and both numbers of
cores; `--full` runs all cells. The results are a table at the end of pytest's output.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

from boot import media
from orobuild.machine import Bochs, Drive, Firmware, Network, Qemu, boot
from orobuild.pipeline.loader import build_loaders

BIOS, UEFI = Firmware.SEABIOS, Firmware.OVMF
DISKS = ("img", "vmdk", "vmdk-stream", "vdi", "vhd", "qcow2")
TIMEOUT = 180  # seconds; the machine that tests may be busy


@dataclass(frozen=True)
class Cell:
    firmware: str
    medium: str
    plugged: str
    cores: int

    def __str__(self) -> str:
        return f"{self.firmware}-{self.medium}-{self.plugged}-{self.cores}"


def all_cells():
    for firmware, cores in itertools.product(("SeaBIOS", "OVMF"), (1, 4)):
        for medium in DISKS:
            yield Cell(firmware, medium, "ide", cores)
        for drive in ("usb", "virtio", "nvme"):
            yield Cell(firmware, "img", drive, cores)
        for plugged in ("cd", "ide", "usb"):
            yield Cell(firmware, "iso", plugged, cores)
        yield Cell(firmware, "net", "pxe", cores)
    for cores in (1, 4):
        yield Cell("SeaBIOS", "elf", "pvh", cores)
        yield Cell("OVMF", "efi", "ide", cores)
    yield Cell("Bochs", "img", "ide", 1)
    yield Cell("Bochs", "iso", "cd", 1)


CELLS = tuple(all_cells())
# What runs by default. OVMF takes five times as long to start as SeaBIOS.
DEFAULT = {
    *(Cell("SeaBIOS", medium, "ide", 1 + 3 * (n % 2)) for n, medium in enumerate(DISKS)),
    Cell("SeaBIOS", "img", "usb", 1),
    Cell("SeaBIOS", "iso", "cd", 4),
    Cell("SeaBIOS", "iso", "usb", 1),
    Cell("SeaBIOS", "net", "pxe", 4),
    Cell("SeaBIOS", "elf", "pvh", 1),
    Cell("OVMF", "img", "usb", 4),
    Cell("OVMF", "iso", "cd", 1),
    Cell("OVMF", "iso", "ide", 4),
    Cell("OVMF", "qcow2", "ide", 1),
    Cell("OVMF", "net", "pxe", 4),
    Cell("OVMF", "efi", "ide", 1),
    Cell("Bochs", "iso", "cd", 1),
}


@pytest.fixture(scope="module")
def made(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    loaders = build_loaders(folder / "cache")
    return media.write_all(folder, loaders, built.kernel.read_bytes())


def machine_of(cell: Cell, made: dict[str, Path]) -> Qemu | Bochs:
    medium = made[cell.medium]
    if cell.firmware == "Bochs":
        return Bochs(disk=medium, cd=cell.plugged == "cd", cores=cell.cores)
    firmware = Firmware(cell.firmware)
    if cell.plugged == "pxe":
        name = "oroboot.0" if firmware is BIOS else "BOOTX64.EFI"
        return Qemu(network=Network(medium, name), firmware=firmware, cores=cell.cores)
    if cell.plugged == "pvh":
        return Qemu(kernel=medium, cores=cell.cores)
    return Qemu(disk=medium, drive=Drive(cell.plugged), firmware=firmware, cores=cell.cores)


@pytest.mark.parametrize(
    "cell",
    [pytest.param(c, marks=() if c in DEFAULT else pytest.mark.full, id=str(c)) for c in CELLS],
)
def test_the_kernel_boots(cell, made, record_property):
    report = boot(machine_of(cell, made), timeout=TIMEOUT)

    row = (cell.firmware, cell.medium, cell.plugged, cell.cores, report.verdict.value)
    record_property("boot matrix", row)
    assert report.passed, "\n".join([report.reason, *report.lines])
    assert [core.core for core in report.cores] == list(range(cell.cores))
    loader = {"SeaBIOS": "bios", "Bochs": "bios", "OVMF": "uefi"}[cell.firmware]
    if cell.plugged != "pvh":
        assert {f.values["loader"] for f in report.console.of_kind("loader")} == {loader}


def test_every_cell_of_the_part_that_runs_by_default_exists():
    assert set(CELLS) >= DEFAULT


def test_the_part_that_runs_by_default_meets_every_firmware_medium_and_way():
    for pick in (
        lambda c: (c.firmware, c.cores) if c.firmware != "Bochs" else None,
        lambda c: c.medium,
        lambda c: c.plugged if c.plugged not in ("virtio", "nvme") else None,
    ):
        assert {pick(c) for c in DEFAULT} >= {pick(c) for c in CELLS} - {None}

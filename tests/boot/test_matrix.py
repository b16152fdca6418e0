"""Every way to boot that there is: firmware x medium x how it is plugged in x cores.

By default a part in which each value of a column occurs, with both firmwares and both numbers of
cores; `--full` runs all cells. The results are a table at the end of pytest's output.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from image import oracles
from orobuild.image import Boot, Entry, media
from orobuild.image.fat import fat_volume
from orobuild.image.netboot import BIOS_PROGRAM, EFI_PROGRAM
from orobuild.machine import Bochs, Drive, Firmware, Network, Qemu, boot
from orobuild.machine.firmware import find_ovmf
from orobuild.pipeline import ready_loaders

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
        yield Cell("OVMF", "net", "http", cores)
        yield Cell("SeaBIOS", "grub", "cd", cores)
        yield Cell("OVMF", "grub", "cd", cores)
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
    Cell("SeaBIOS", "grub", "cd", 4),
    Cell("OVMF", "img", "usb", 4),
    Cell("OVMF", "iso", "cd", 1),
    Cell("OVMF", "net", "http", 4),
    Cell("OVMF", "efi", "ide", 1),
    Cell("Bochs", "iso", "cd", 1),
}


@pytest.fixture(scope="module")
def made(built, build_cache, tmp_path_factory):
    """A path for every medium: a file, or for `net` the directory that a server serves."""
    folder = tmp_path_factory.mktemp("media")
    boot = Boot((Entry("Oro", built.kernel.read_bytes()),))
    product = media.Product(name="oro", boot=boot, loaders=ready_loaders.get(build_cache))
    images = media.Media(product)
    made = {
        name: next(iter(media.make_as(images, name, name).values())) for name in (*DISKS, "iso")
    }
    made["efi"] = fat_volume({"EFI/BOOT/BOOTX64.EFI": images.efi()})
    for name, contents in images.netboot().items():
        (folder / "net" / name).parent.mkdir(parents=True, exist_ok=True)
        oracles.save(folder / "net" / name, contents)
    paths = {name: oracles.save(folder / name, image) for name, image in made.items()}
    return {
        **paths,
        "net": folder / "net",
        "elf": built.kernel,
        "grub": grub_cd(folder, built.kernel),
    }


def grub_cd(folder: Path, kernel: Path) -> Path:
    """A CD on which GRUB, not a loader of ours, starts the kernel."""
    grub = folder / "grub" / "boot" / "grub"
    grub.mkdir(parents=True)
    (grub / "grub.cfg").write_text(
        "set timeout=0\nmenuentry Oro { multiboot2 /boot/kernel.elf\n boot\n }\n"
    )
    (grub.parent / "kernel.elf").write_bytes(kernel.read_bytes())
    oracles.run("grub-mkrescue", "-o", folder / "grub.iso", folder / "grub")
    return folder / "grub.iso"


@pytest.fixture(scope="module")
def http_variables(made, tmp_path_factory):
    """Variables of OVMF that name a URL to boot from: the netboot tree, served by HTTP."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = partial(Quiet, directory=made["net"])
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path_factory.mktemp("variables") / "variables.fd"
        url = f"http://10.0.2.2:{server.server_port}/{EFI_PROGRAM}"
        command = [sys.executable, "-m", "virt.firmware.vars", "--set-boot-uri", url]
        command += ["-i", find_ovmf().variables, "-o", path]
        subprocess.run(command, check=True, capture_output=True)
        yield path
        server.shutdown()


def machine_of(cell: Cell, made: dict[str, Path], variables: Path | None) -> Qemu | Bochs:
    medium = made[cell.medium]
    if cell.firmware == "Bochs":
        return Bochs(disk=medium, cd=cell.plugged == "cd", cores=cell.cores)
    firmware = Firmware(cell.firmware)
    if cell.plugged == "http":
        network = Network(medium, EFI_PROGRAM, is_http=True)
        return Qemu(network=network, variables=variables, firmware=firmware, cores=cell.cores)
    if cell.plugged == "pxe":
        name = BIOS_PROGRAM if firmware is Firmware.SEABIOS else EFI_PROGRAM
        return Qemu(network=Network(medium, name), firmware=firmware, cores=cell.cores)
    if cell.plugged == "pvh":
        return Qemu(kernel=medium, cores=cell.cores)
    return Qemu(disk=medium, drive=Drive(cell.plugged), firmware=firmware, cores=cell.cores)


@pytest.mark.parametrize(
    "cell",
    [pytest.param(c, marks=() if c in DEFAULT else pytest.mark.full, id=str(c)) for c in CELLS],
)
def test_the_kernel_boots(cell, made, request, record_property):
    variables = request.getfixturevalue("http_variables") if cell.plugged == "http" else None
    report = boot(machine_of(cell, made, variables), timeout=TIMEOUT)

    row = (cell.firmware, cell.medium, cell.plugged, cell.cores, report.verdict.value)
    record_property("boot matrix", row)
    assert report.passed, "\n".join([report.reason, *report.lines])
    assert [core.core for core in report.cores] == list(range(cell.cores))
    if cell.medium == "grub":
        assert not report.console.of_kind("loader")
        return
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

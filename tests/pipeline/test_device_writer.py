"""Writing to disks: what is refused, what is written, what is read back.

The machine is a directory that looks like /dev, /sys and /proc; its disks are files.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
from pathlib import Path

import pytest

from orobuild.errors import InputError, UsageError
from orobuild.image.extents import Extents
from orobuild.pipeline import block_devices, device_writer
from orobuild.pipeline.block_devices import Roots
from rights import needs

MIB = 1 << 20
NOISE = random.Random(1).randbytes(20 * MIB)


class Computer:
    """A machine whose disks the test plugs in."""

    def __init__(self, root: Path) -> None:
        self.roots = Roots(root / "dev", root / "sys", root / "proc")
        for folder in (self.roots.dev, self.roots.sys / "class/block", self.roots.proc / "self"):
            folder.mkdir(parents=True)
        (self.roots.proc / "self/mountinfo").write_text("20 1 7:99 / / rw - ext4 /dev/root rw\n")
        (self.roots.proc / "swaps").write_text("Filename Type Size Used Priority\n")
        self.count = 0

    def plug(self, name: str, size: int = 8 * MIB, *, parts: int = 0, **files: str) -> Path:
        """A disk with `parts` partitions; `files` are sysfs attributes."""
        bus = files.pop("bus", "pci0000:00/usb1/1-1")
        disk = self.roots.sys / "devices" / bus / "block" / name
        disk.mkdir(parents=True)
        given = {"size": str(size // 512), "removable": "1", "ro": "0", **files}
        for number in range(parts + 1):
            where = disk / f"{name}{number}" if number else disk
            where.mkdir(exist_ok=True)
            (where / "dev").write_text(f"8:{self.count}\n")
            self.count += 1
            (where / "holders").mkdir()
            if number:
                (where / "partition").write_text(str(number))
                (where / "size").write_text("2048")
            (self.roots.sys / "class/block" / where.name).symlink_to(where)
            device = self.roots.dev / where.name
            with device.open("wb") as file:
                file.truncate(size)
        for key, value in given.items():
            (disk / key).write_text(value + "\n")
        (disk / "device").mkdir()
        (disk / "device/vendor").write_text("ACME    \n")
        (disk / "device/model").write_text("Flash Drive\n")
        return self.roots.dev / name

    def mount(self, name: str, place: str) -> None:
        number = (self.roots.sys / "class/block" / name / "dev").read_text().strip()
        with (self.roots.proc / "self/mountinfo").open("a") as file:
            file.write(f"30 20 {number} / {place.replace(' ', chr(92) + '040')} rw - vfat x rw\n")

    def find(self, path: Path) -> block_devices.BlockDevice:
        return block_devices.find(path, self.roots)


@pytest.fixture
def computer(tmp_path):
    return Computer(tmp_path)


def an_image(size: int = 6 * MIB) -> Extents:
    return Extents.collect(size, [(0, NOISE[:MIB]), (5 * MIB, NOISE[:1000])])


def write(image: Extents, device, *, force: bool = False) -> list[tuple[str, int, int]]:
    steps: list[tuple[str, int, int]] = []
    device_writer.write(image, device, force=force, progress=lambda *step: steps.append(step))
    return steps


def test_a_stick_is_described(computer):
    device = computer.find(computer.plug("sdb", parts=2))

    assert (device.name, device.size, device.removable) == ("sdb", 8 * MIB, True)
    assert device.description == "ACME Flash Drive (USB)"
    assert device.partitions == (("sdb1", MIB), ("sdb2", MIB))
    assert device.objections == ()


def test_an_image_is_written_and_read_back_over_old_contents(computer):
    path = computer.plug("sdb")
    path.write_bytes(NOISE[: 8 * MIB])

    steps = write(an_image(), computer.find(path))

    data = path.read_bytes()
    assert data[: 6 * MIB] == an_image().to_bytes()
    assert data[6 * MIB :] == NOISE[6 * MIB : 8 * MIB]
    assert steps[-1] == ("verifying", 6 * MIB, 6 * MIB)
    assert [done for step, done, _ in steps if step == "writing"][-1] == 6 * MIB
    assert all(a[1] < b[1] for a, b in itertools.pairwise(steps) if a[0] == b[0])


def test_the_old_backup_partition_table_goes(computer):
    path = computer.plug("sdb")
    data = bytearray(NOISE[: 8 * MIB])
    data[-512:-504] = b"EFI PART"
    path.write_bytes(data)

    write(an_image(), computer.find(path))

    assert path.read_bytes()[-33 * 512 :] == bytes(33 * 512)


def test_a_disk_in_the_machine_is_objected_to(computer):
    device = computer.find(computer.plug("sda", removable="0", bus="pci0000:00/ata1"))

    assert device.objections == ("sda is not removable: it is no USB stick or memory card",)


def test_a_usb_disk_that_says_it_is_fixed_counts_as_removable(computer):
    assert computer.find(computer.plug("sdb", removable="0")).objections == ()
    card = computer.plug("mmcblk0", removable="0", bus="platform/mmc_host/mmc0/mmc0:0001")
    assert computer.find(card).description.endswith("(memory card)")


def test_mounted_partitions_are_named_with_their_place(computer):
    path = computer.plug("sdb", parts=2)
    computer.mount("sdb2", "/media/my stick")

    assert computer.find(path).objections == ("sdb2 is mounted on /media/my stick",)


def test_the_systems_disk_is_named(computer):
    path = computer.plug("sdb", parts=1)
    computer.mount("sdb1", "/")

    assert computer.find(path).objections == (
        "sdb1 is mounted on /",
        "sdb holds this system",
    )


def test_swap_and_what_is_built_on_the_disk_count(computer):
    path = computer.plug("sdb", parts=1)
    with (computer.roots.proc / "swaps").open("a") as file:
        file.write(f"{computer.roots.dev}/sdb1 partition 1 0 -2\n")
    mapped = computer.roots.sys / "devices/virtual/block/dm-0"
    (mapped / "dm").mkdir(parents=True)
    (mapped / "dm/name").write_text("secrets\n")
    (mapped / "dev").write_text("253:0\n")
    (computer.roots.sys / "class/block/dm-0").symlink_to(mapped)
    (computer.roots.sys / "class/block/sdb1/holders/dm-0").symlink_to(mapped)
    computer.mount("dm-0", "/home")

    assert computer.find(path).objections == (
        "dm-0 is mounted on /home",
        "sdb1 is used as swap",
        "dm-0 is part of 'secrets'",
        "sdb holds this system",
    )


def test_a_link_to_the_device_is_followed(computer):
    path = computer.plug("sdb")
    (computer.roots.dev / "disk").mkdir()
    (computer.roots.dev / "disk/by-stick").symlink_to("../sdb")

    assert computer.find(computer.roots.dev / "disk/by-stick").path == path.resolve()


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("sdz", "there is no device", "removable disks: .*sdb ACME Flash Drive"),
        ("sdb1", "is a partition", "write to the whole disk, .*/sdb"),
        ("null", "is not a block device", "removable disks"),
        ("../elsewhere", "is not a block device", "removable disks"),
    ],
)
def test_what_is_no_disk_is_refused(computer, name, message, hint):
    computer.plug("sdb", parts=1)
    (computer.roots.dev / "null").write_bytes(b"")
    (computer.roots.dev.parent / "elsewhere").write_bytes(b"")

    with pytest.raises(UsageError, match=message) as caught:
        computer.find(computer.roots.dev / name)
    assert caught.match(hint)


def test_a_machine_without_sticks_says_so(computer):
    computer.plug("sda", removable="0", bus="ata1")
    with pytest.raises(UsageError, match="no removable disk is plugged in"):
        computer.find(computer.roots.dev / "sdb")


@pytest.mark.parametrize(
    ("size", "files", "message"),
    [
        (8 * MIB, {"ro": "1"}, "is read-only"),
        (5 * MIB, {}, "the image has 6291456 bytes, .* only 5242880"),
    ],
)
def test_what_cannot_work_is_refused_even_by_force(computer, size, files, message):
    path = computer.plug("sdb", size, **files)
    before = path.read_bytes()

    with pytest.raises(UsageError, match=message):
        write(an_image(), computer.find(path), force=True)
    assert path.read_bytes() == before


def test_a_device_that_keeps_other_bytes_than_it_was_given_is_found_out(computer, monkeypatch):
    path = computer.plug("sdb")
    device = computer.find(path)

    def lie(descriptor: int) -> None:
        os.pwrite(descriptor, b"\x55", 5 * MIB + 7)

    monkeypatch.setattr(device_writer, "_forget_cache", lie)
    with pytest.raises(InputError, match="byte 5242887 reads back other than it was written"):
        write(an_image(), device)


def test_a_device_that_ends_early_is_told(computer, monkeypatch):
    path = computer.plug("sdb")
    device = computer.find(path)
    monkeypatch.setattr(device_writer, "_forget_cache", lambda fd: os.ftruncate(fd, 3 * MIB))

    with pytest.raises(InputError, match="byte 3145728 reads back other"):
        write(an_image(), device)


def test_a_write_that_fails_is_one_message(computer, monkeypatch):
    device = computer.find(computer.plug("sdb"))

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(UsageError, match="Input/output error") as caught:
        write(an_image(), device)
    assert caught.match("what is on it now will not boot")


def test_until_all_is_written_there_is_no_partition_table(computer, monkeypatch):
    """Pulled out half-way, the stick must not look like a whole one."""
    path = computer.plug("sdb", 16 * MIB)
    path.write_bytes(NOISE[: 16 * MIB])
    seen = []

    def look(step: str, done: int, total: int) -> None:
        seen.append((step, done, path.read_bytes()[:512] == bytes(512)))

    device_writer.write(an_image(12 * MIB), computer.find(path), force=False, progress=look)

    writing = [(done, empty) for step, done, empty in seen if step == "writing"]
    assert [empty for _, empty in writing] == [True] * (len(writing) - 1) + [False]


def test_a_loop_device_is_written_though_it_is_not_removable(tmp_path):
    needs(os.geteuid() == 0, "loop devices take root")
    needs(Path("/dev/loop-control").exists(), "this kernel has no loop devices")
    backing = tmp_path / "stick"
    backing.write_bytes(bytes(8 * MIB))
    attached = subprocess.run(
        ["losetup", "--find", "--show", backing], capture_output=True, text=True
    )
    needs(attached.returncode == 0, f"no loop device can be attached here: {attached.stderr}")
    path = Path(attached.stdout.strip())
    try:
        device = block_devices.find(path)
        assert device.size == 8 * MIB
        assert any("is not removable" in text for text in device.objections)
        write(an_image(), device)
        assert path.read_bytes()[: 6 * MIB] == an_image().to_bytes()
    finally:
        subprocess.run(["losetup", "--detach", path], check=True)

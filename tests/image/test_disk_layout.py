"""The hybrid disk's layout: sgdisk, sfdisk and mtools read it as it was meant."""

from __future__ import annotations

import random
import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image import oracles
from orobuild.errors import InputError
from orobuild.image import disk, gpt
from orobuild.image.extents import Extents
from orobuild.image.fat import fat_volume

NOISE = random.Random(3).randbytes(60_000)
FILES = {"EFI/BOOT/BOOTX64.EFI": NOISE, "OROBUILD/BOOT.CFG": b"text"}


def make(size: int | None = None, **changes: bytes) -> Extents:
    volume = fat_volume(
        FILES, size=disk.volume_size(size, len(NOISE)), hidden_sectors=disk.VOLUME_LBA
    )
    parts = {"boot_record": NOISE[:440], "stage2": NOISE[:9000], **changes}
    return disk.assemble(volume, **parts)


@pytest.mark.parametrize("size", [None, 37 << 20, 1 << 30, 9 << 30])
def test_partition_editors_find_nothing_to_object_to(tmp_path, size):
    path = oracles.save(tmp_path / "d.img", make(size))

    oracles.sgdisk_verify(path)
    oracles.sfdisk_verify(path)


def test_the_partitions_are_those_of_the_contract(tmp_path):
    path = oracles.save(tmp_path / "d.img", make())

    said = oracles.run("sfdisk", "--dump", path)

    rows = re.findall(r"start= +(\d+), size= +(\d+), type=([0-9A-F-]+).*name=\"(.*?)\"", said)
    assert rows == [
        ("64", "1984", str(gpt.TYPE_BIOS_BOOT).upper(), "BIOS boot"),
        ("2048", str((34 << 20) // 512), str(gpt.TYPE_ESP).upper(), "EFI system"),
    ]


def test_the_volume_is_found_where_the_table_says(tmp_path):
    path = oracles.save(tmp_path / "d.img", make())

    assert oracles.mtools_files(f"{path}@@1M", tmp_path / "out") == FILES
    sector = path.read_bytes()[1 << 20 : (1 << 20) + 512]
    assert struct.unpack_from("<I", sector, 28) == (2048,)  # BPB_HiddSec


def test_code_and_second_stage_lie_where_the_boot_record_expects_them():
    data = make().to_bytes()

    assert data[:440] == NOISE[:440]
    assert data[64 * 512 : 64 * 512 + 9000] == NOISE[:9000]


def test_holes_are_holes(tmp_path):
    image = make()
    path = oracles.save(tmp_path / "d.img", image)

    assert path.stat().st_size == image.size == 36 << 20
    assert path.stat().st_blocks * 512 < image.size // 10


def test_an_entry_is_active_but_not_the_protective_one(tmp_path):
    """Some BIOSes want an active entry, some UEFI firmware an inactive protective one."""
    path = oracles.save(tmp_path / "d.img", make())

    assert [path.read_bytes()[446 + 16 * n] for n in range(4)] == [0, 0x80, 0, 0]
    assert [path.read_bytes()[450 + 16 * n] for n in range(4)] == [0xEE, 0, 0, 0]
    assert "Disklabel type: gpt" in oracles.run("fdisk", "--list", path)


def test_identifiers_follow_from_the_contents():
    first, same, other = make(), make(), make(stage2=NOISE[:9001])

    def ids(image: Extents) -> set[object]:
        table = gpt.read(image, "d").table
        signature = image.read(440, 4)
        return {table.guid, signature, *(p.guid for p in table.partitions)}

    assert first == same
    assert len(ids(first)) == 4
    assert not ids(first) & ids(other)


def test_a_damaged_primary_is_read_from_the_backup_and_told():
    data = bytearray(make().to_bytes())
    whole = gpt.read(Extents.of(bytes(data)), "d")
    data[512 + 100] ^= 0xFF  # reserved bytes behind the header are not covered
    assert gpt.read(Extents.of(bytes(data)), "d").complaints == ()
    data[512 + 60] ^= 0xFF
    read = gpt.read(Extents.of(bytes(data)), "d")
    assert read.complaints == ("the primary GPT does not match its header's checksum",)
    assert read.table.partitions == whole.table.partitions
    data[-30] ^= 0xFF
    data[-512 + 20] ^= 0xFF
    with pytest.raises(InputError, match=r"primary GPT does not match.*backup GPT does not match"):
        gpt.read(Extents.of(bytes(data)), "d")


@settings(max_examples=80)
@given(st.data())
def test_a_broken_table_is_explained(data):
    raw = make()
    image = bytearray(raw.read(0, 34 * 512))
    for _ in range(data.draw(st.integers(1, 4))):
        image[data.draw(st.integers(440, 2048))] = data.draw(st.integers(0, 255))
    tail = raw.section(1 << 20, raw.size - (1 << 20))
    broken = Extents.collect(raw.size, [(0, bytes(image)), *tail.placed(1 << 20)])
    if data.draw(st.booleans()):
        broken = broken.section(0, data.draw(st.integers(0, raw.size)))
    try:
        gpt.read(broken, "d.img")
    except InputError as refused:
        assert str(refused).startswith("d.img: error: ")  # noqa: PT017


@pytest.mark.parametrize(
    ("size", "message"),
    [(35 << 20, "too small for a FAT32 boot volume"), ((40 << 20) + 512, "whole MiB")],
)
def test_a_size_that_makes_no_disk_is_refused(size, message):
    with pytest.raises(InputError, match=message):
        make(size)


def test_a_second_stage_that_reaches_into_the_volume_is_refused():
    with pytest.raises(InputError, match="its place 1015808"):
        make(stage2=bytes(1 << 20))

"""The ISO: xorriso and isoinfo see what was meant, as a CD and as a stick."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image import oracles
from orobuild.errors import InputError
from orobuild.image import gpt, iso
from orobuild.image.extents import Extents
from orobuild.image.fat import fat_volume
from orobuild.image.fat_reader import read_volume
from orobuild.image.iso_reader import is_iso, read_iso

NOISE = random.Random(9).randbytes(200_000)
FILES = {"EFI/BOOT/BOOTX64.EFI": NOISE, "OROBUILD/BOOT.CFG": b"text"}


def make(timestamp: int = 0, kind: int = 16, **changes: bytes) -> Extents:
    volume = fat_volume(FILES, kind=kind, hidden_sectors=2048, timestamp=timestamp)
    parts = {
        "boot_record": NOISE[:440],
        "cd_boot": NOISE[:20_000],
        "stage2": NOISE[:9000],
        **changes,
    }
    return iso.assemble(volume, text=iso.IsoText(timestamp=timestamp), **parts)


@pytest.fixture
def path(tmp_path):
    return oracles.save(tmp_path / "a.iso", make())


def test_xorriso_finds_both_boot_images_and_the_extents_of_the_partitions(path):
    said = oracles.run(
        "xorriso", "-indev", path, "-report_el_torito", "plain", "-report_system_area", "plain"
    )

    lines = {" ".join(line.split()) for line in said.splitlines()}
    assert "El Torito boot img : 1 BIOS y none 0x0000 0x00 4 32" in lines
    assert "El Torito boot img : 2 UEFI y none 0x0000 0x00 4608 512" in lines
    assert "El Torito img path : 1 /OROBUILD/CDBOOT.BIN" in lines
    assert "El Torito img path : 2 /OROBUILD/VOLUME.IMG" in lines
    assert "GPT partition path : 1 /OROBUILD/STAGE2.BIN" in lines
    assert "GPT partition path : 2 /OROBUILD/VOLUME.IMG" in lines
    for word in ("WARNING", "FAILURE", "SORRY"):
        assert word not in said


def test_isoinfo_reads_the_tree_and_the_descriptors(path):
    said = oracles.run("isoinfo", "-l", "-i", path)

    for name in ("BOOT.CAT;1", "CDBOOT.BIN;1", "VOLUME.IMG;1"):
        assert name in said
    described = oracles.run("isoinfo", "-d", "-i", path)
    assert "Volume id: OROBUILD" in described
    assert f"Volume size is: {path.stat().st_size // 2048}" in described
    assert "Key 55 AA" in described


def test_files_come_out_as_they_went_in(path, tmp_path):
    oracles.run("xorriso", "-osirrox", "on", "-indev", path, "-extract", "/", tmp_path / "out")
    out = tmp_path / "out" / "OROBUILD"

    assert (out / "CDBOOT.BIN").read_bytes() == NOISE[:20_000]
    assert (out / "STAGE2.BIN").read_bytes() == NOISE[:9000]
    oracles.fsck_fat(out / "VOLUME.IMG")
    assert oracles.mtools_files(str(out / "VOLUME.IMG"), tmp_path / "fat") == FILES


def test_as_a_stick_it_is_a_disk_with_the_same_volume(path, tmp_path):
    oracles.sgdisk_verify(path)
    oracles.sfdisk_verify(path)
    assert oracles.mtools_files(f"{path}@@1M", tmp_path / "fat") == FILES
    assert path.read_bytes()[:440] == NOISE[:440]


def test_holes_are_holes(path):
    assert path.stat().st_blocks * 512 < 320_000


@pytest.mark.parametrize("kind", [12, 16, 32])
def test_we_read_it_too(kind):
    image = make(kind=kind)
    read = read_iso(image, "a.iso")
    files = {file.path: file for file in read.files}

    assert is_iso(image)
    assert read.size == image.size
    assert [(b.platform, b.bootable, b.offset) for b in read.boot_images] == [
        (0, True, 65536),
        (0xEF, True, 1 << 20),
    ]
    place = files["OROBUILD/VOLUME.IMG"]
    volume = read_volume(image.section(place.offset, place.size), "v")
    assert {f.path: volume.data(f) for f in volume.files} == FILES
    assert read.boot_images[1].size == (0 if kind == 32 else place.size)
    assert gpt.read(image, "a.iso").complaints == ()


def test_isos_of_others_are_read(tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "boot.bin").write_bytes(NOISE[:2048])
    for number in range(90):  # a directory of more than one sector
        (tree / "sub" / f"file{number:03}.txt").write_bytes(NOISE[: number * 100])
    genisoimage = ("genisoimage", "-quiet", "-o", tmp_path / "a.iso", "-b", "boot.bin")
    oracles.run(*genisoimage, "-no-emul-boot", "-c", "boot.cat", "-J", "-R", tree)
    image = Extents.of((tmp_path / "a.iso").read_bytes())

    read = read_iso(image, "a.iso")

    found = {f.path: image.read(f.offset, f.size) for f in read.files}
    assert found["BOOT.BIN"] == NOISE[:2048]
    for number in range(90):
        assert found[f"SUB/FILE{number:03}.TXT"] == NOISE[: number * 100]
    (boot,) = read.boot_images
    assert (boot.platform, boot.bootable) == (0, True)
    assert image.read(boot.offset, 2048) == NOISE[:2048]


def test_dates_are_the_ones_given(tmp_path):
    path = oracles.save(tmp_path / "a.iso", make(timestamp=1_700_000_000))

    assert "Nov 14 2023" in oracles.run("isoinfo", "-l", "-i", path)
    assert b"2023111422132000\0" in path.read_bytes()


@settings(max_examples=60)
@given(st.data())
def test_a_broken_iso_is_explained(data):
    whole = make()
    head = bytearray(whole.read(0, 1 << 17))
    for _ in range(data.draw(st.integers(1, 4))):
        sector = data.draw(st.sampled_from([16, 17, 18, 19, 22, 23]))
        head[sector * 2048 + data.draw(st.integers(0, 250))] = data.draw(st.integers(0, 255))
    rest = whole.section(1 << 17, whole.size - (1 << 17)).placed(1 << 17)
    broken = Extents.collect(whole.size, [(0, bytes(head)), *rest])
    if data.draw(st.booleans()):
        broken = broken.section(0, data.draw(st.integers(0, whole.size)))
    try:
        read_iso(broken, "a.iso")
    except InputError as refused:
        assert str(refused).startswith("a.iso: error: ISO 9660: ")  # noqa: PT017


def test_a_loader_that_reaches_into_the_volume_is_refused():
    with pytest.raises(InputError, match="does not fit in 196608"):
        make(cd_boot=bytes(196_609))

"""Taking media apart, and saying where two of them differ."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image import oracles
from orobuild.errors import InputError
from orobuild.image import boot_volume, disk, iso, qcow2, vdi, vmdk
from orobuild.image.boot_volume import Boot, Entry, Module
from orobuild.image.difference import compare
from orobuild.image.examination import Part, examine
from orobuild.image.extents import Extents
from orobuild.image.fat import fat_volume

NOISE = random.Random(11).randbytes(100_000)


@pytest.fixture(scope="module")
def kernel(build_kernel) -> bytes:
    return bytes(build_kernel())


def a_volume(kernel: bytes, line: str = "a=1", kind: int = 32, **more: bytes) -> Extents:
    boot = Boot((Entry("Oro", kernel, line, (Module("the module", NOISE[50_000:53_000]),)),))
    files = boot_volume.files(boot, efi_loader=b"MZ" + NOISE[:5000], extra=more)
    return fat_volume(files, kind=kind, size=34 << 20 if kind == 32 else None, hidden_sectors=2048)


def a_disk(
    kernel: bytes, line: str = "a=1", stage2: bytes = NOISE[:9000], **more: bytes
) -> Extents:
    return disk.assemble(a_volume(kernel, line, **more), boot_record=NOISE[:440], stage2=stage2)


def an_iso(kernel: bytes, line: str = "a=1") -> Extents:
    parts = {"boot_record": NOISE[:440], "stage2": NOISE[:9000], "cd_boot": NOISE[:9000]}
    return iso.assemble(a_volume(kernel, line, kind=16), **parts)


def names(part: Part) -> list[str]:
    return [inner.name for inner in part.walk()]


def said(one: Extents, other: Extents) -> list[str]:
    return [str(d) for d in compare(examine(one, "one"), examine(other, "other"))]


def change(medium: Extents, offset: int) -> Extents:
    data = bytearray(medium.to_bytes())
    data[offset] ^= 0x01
    return Extents.of(bytes(data))


def test_a_disk_is_taken_apart_down_to_the_kernels_sections(kernel):
    found = examine(a_disk(kernel), "oro.img")

    everything = names(found)
    for name in ("boot record", "partition table", "partition 2 (EFI system)", "backup table"):
        assert name in everything
    assert {"/OROBUILD/K0.ELF", "/OROBUILD/BOOT.CFG", "/EFI/BOOT/BOOTX64.EFI"} < set(everything)
    assert {".text", ".rodata", ".data"} < set(everything)
    facts = [fact for part in found.walk() for fact in part.facts]
    assert "entry 0 (default): Oro: /OROBUILD/K0.ELF" in facts
    assert "    command line: a=1" in facts
    assert any(fact.startswith("segment R E ") for fact in facts)
    assert [c for part in found.walk() for c in part.complaints] == []


def test_every_part_says_where_it_lies(kernel):
    medium = a_disk(kernel)

    def check(part: Part) -> None:
        for inner in part.parts:
            if inner.offset is not None:
                there = part.contents.section(inner.offset, inner.contents.size)
                assert there.same_bytes(inner.contents), inner.name
            check(inner)

    check(examine(medium, "d"))


@pytest.mark.parametrize("pack", [vmdk.pack, vdi.pack, qcow2.pack])
def test_a_disk_in_a_container_is_the_same_disk(kernel, pack):
    raw, packed = examine(a_disk(kernel), "d"), examine(pack(a_disk(kernel)), "d")

    assert packed.parts[0].contents.same_bytes(raw.contents)
    assert names(packed.parts[0])[1:] == names(raw)[1:]


def test_an_iso_is_taken_apart_once(kernel):
    found = examine(an_iso(kernel), "a.iso")

    everything = names(found)
    assert everything.count("/OROBUILD/K0.ELF") == 1
    assert "/OROBUILD/VOLUME.IMG" in everything
    assert any("El Torito: UEFI starts byte 0x100000" in fact for fact in found.facts)


def test_media_of_others_are_taken_apart(tmp_path):
    path = tmp_path / "d"
    path.write_bytes(bytes(80 << 20))
    script = tmp_path / "script"
    script.write_text("label: dos\nstart=2048, size=8192, type=6, bootable\nstart=10240, type=83\n")
    oracles.run("sh", "-c", f"/usr/sbin/sfdisk -q {path} < {script}")
    oracles.run("mkfs.fat", "-F", "12", "--offset", "2048", path, "4096")

    found = examine(Extents.of(path.read_bytes()), "d")

    assert [part.name for part in found.parts] == ["boot record", "partition 1", "partition 2"]
    assert found.parts[1].facts[0] == "type 06, active"
    assert found.parts[1].facts[1].startswith("FAT12")


def test_equal_media_have_no_difference(kernel):
    assert said(a_disk(kernel), Extents.of(a_disk(kernel).to_bytes())) == []


def test_a_changed_command_line_is_a_line_of_the_menu(kernel):
    found = said(a_disk(kernel), a_disk(kernel, "b=2"))

    assert any(
        line.endswith(
            "(EFI system) → /OROBUILD/BOOT.CFG: line 6: 'cmdline a=1' became 'cmdline b=2'"
        )
        for line in found
    ), found


def test_a_changed_byte_of_the_kernel_is_found_in_its_section(kernel):
    from orobuild.elf.reader import read

    text = next(s for s in read(kernel, "k").sections if s.name == ".text")
    changed = bytearray(kernel)
    changed[text.sh_offset + 9] ^= 0xFF

    found = said(a_disk(kernel), a_disk(bytes(changed)))

    assert any("/OROBUILD/K0.ELF → .text: the byte at 0x9: " in line for line in found), found
    assert not any(".rodata" in line for line in found)


def test_files_that_one_side_lacks_are_named(kernel):
    found = said(a_disk(kernel, one=b"1"), a_disk(kernel, two=b"22"))

    assert any(line.endswith("/one: only in the first (1 bytes)") for line in found), found
    assert any(line.endswith("/two: only in the second (2 bytes)") for line in found), found


@pytest.mark.parametrize(
    ("offset", "where"),
    [
        (3, "boot record"),
        (512 + 100, "partition table"),
        (64 * 512 + 5, "partition 1 (BIOS boot)"),
        ((1 << 20) + 100, "tables and directories"),
        (-1, "backup table"),
        (50 * 512, "between the parts"),
    ],
)
def test_every_byte_belongs_to_a_part(kernel, offset, where):
    medium = a_disk(kernel)
    found = said(medium, change(medium, offset))

    wanted = (f"→ {where}: the byte at ", f"→ {where}: only in the second")
    assert any(w in line for w in wanted for line in found), found


def test_a_difference_of_the_container_alone_is_told(kernel):
    packed = vmdk.pack(a_disk(kernel), name="a.vmdk")
    found = said(packed, vmdk.pack(a_disk(kernel), name="b.vmdk"))

    assert len(found) == 1
    assert "became" in found[0] or "bytes differ" in found[0] or "the byte at" in found[0]
    found = said(packed, qcow2.pack(a_disk(kernel)))
    assert "VMDK" in found[0]
    assert "QCOW2" in found[0]


def test_a_kernel_file_is_compared_with_another(kernel):
    assert said(Extents.of(kernel), Extents.of(kernel)) == []
    assert ".text" in names(examine(Extents.of(kernel), "k"))


def test_damage_is_told_where_it_is(kernel):
    medium = a_disk(kernel)
    place = medium.to_bytes().find(NOISE[50_000:53_000])
    found = examine(change(medium, place + 10), "d")

    complaints = [c for part in found.walk() for c in part.complaints]
    assert complaints == ["/OROBUILD/M0_0.BIN: the file does not match its checksum in the menu"]
    found = examine(change(medium, 512 + 20), "d")
    assert "primary GPT does not match" in found.complaints[0]
    assert "/OROBUILD/K0.ELF" in names(found)


@settings(max_examples=60)
@given(data=st.data())
def test_any_damage_is_survived(kernel, data):
    medium = data.draw(st.sampled_from([a_disk, an_iso]))(kernel)
    parts = []
    for at, part in medium.parts:
        changed = bytearray(part)
        if data.draw(st.booleans()):
            for _ in range(data.draw(st.integers(1, 3))):
                changed[data.draw(st.integers(0, min(len(changed), 600) - 1))] = data.draw(
                    st.integers(0, 255)
                )
        parts.append((at, bytes(changed)))
    broken = Extents.collect(medium.size, parts)
    if data.draw(st.booleans()):
        broken = broken.section(0, data.draw(st.integers(0, medium.size)))
    try:
        compare(examine(medium, "whole"), examine(broken, "broken"))
    except InputError as refused:
        assert str(refused).startswith("broken")  # noqa: PT017


@settings(max_examples=100)
@given(st.binary(max_size=2000))
def test_any_bytes_are_examined(data):
    try:
        examine(Extents.of(data), "x")
    except InputError as refused:
        assert str(refused).startswith("x")  # noqa: PT017

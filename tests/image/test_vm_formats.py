"""Disk formats of virtual machines: qemu-img reads what we write, and we what it writes."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import struct
import subprocess
import tarfile
import xml.etree.ElementTree as ET
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image import oracles
from orobuild.errors import InputError
from orobuild.image import deflate, ova, qcow2, vdi, vhd, vhdx, vmdk
from orobuild.image.containers import unwrap
from orobuild.image.extents import Extents

MIB = 1 << 20
NOISE = random.Random(5).randbytes(800_000)
PACKERS = {
    "disk.vmdk": lambda disk: vmdk.pack(disk, name="disk.vmdk"),
    "stream.vmdk": lambda disk: vmdk.pack(disk, name="stream.vmdk", stream=True),
    "disk.vdi": vdi.pack,
    "disk.vhd": vhd.pack,
    "fixed.vhd": lambda disk: vhd.pack(disk, fixed=True),
    "disk.vhdx": vhdx.pack,
    "disk.qcow2": qcow2.pack,
    "disk.ova": lambda disk: ova.pack(disk, ova.Appliance("oro")),
}
QEMU = {"vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx", "qcow2": "qcow2"}
NAMES = [name for name in PACKERS if name != "disk.ova"]


def a_disk(size: int) -> Extents:
    """A disk with parts at its ends, across blocks, and one that starts with 64 KiB of zeros."""
    parts = [
        (0, NOISE[:20_000]),
        (MIB + 777, NOISE[:700_000]),
        (9 * MIB - 100, bytes(100_000) + b"1"),
        (size - 17_000, NOISE[-17_000:]),
    ]
    return Extents.collect(size, parts)


def same(disk: Extents, other: Extents) -> bool:
    return disk.size == other.size and list(disk.blocks(4096)) == list(other.blocks(4096))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "size",
    [
        36 * MIB + 512,
        pytest.param(700 * MIB + 512, marks=pytest.mark.full),
        pytest.param(5 << 30, marks=pytest.mark.full),
    ],
)
def test_qemu_reads_the_disk_that_was_packed(tmp_path, name, size):
    disk = a_disk(size)
    raw = oracles.save(tmp_path / "raw", disk)
    path = oracles.save(tmp_path / name, PACKERS[name](disk))
    format_ = QEMU[name.split(".")[1]]

    said = oracles.run("qemu-img", "compare", "-f", format_, "-F", "raw", path, raw)

    assert "Images are identical." in said
    if format_ != "vpc":  # for which there is no check
        assert "No errors were found" in oracles.run("qemu-img", "check", "-f", format_, path)
    info = oracles.run("qemu-img", "info", "-f", format_, "--output=json", path)
    assert f'"virtual-size": {size},' in info


@pytest.mark.parametrize("name", NAMES)
def test_allocated_bytes_are_those_of_the_contents(tmp_path, name):
    disk = a_disk(1 << 30)
    raw = oracles.save(tmp_path / "raw", disk)

    path = oracles.save(tmp_path / name, PACKERS[name](disk))

    assert path.stat().st_blocks < raw.stat().st_blocks * 1.5


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("size", [36 * MIB, 37 * MIB + 512, 40 * MIB + 1024])
def test_we_read_the_disk_that_was_packed(name, size):
    disk = a_disk(size)

    kind, found = unwrap(PACKERS[name](disk), name)

    assert kind == name.split(".")[1]
    assert same(found, disk)


@pytest.mark.parametrize("name", PACKERS)
def test_an_empty_disk_has_no_blocks(name):
    disk = Extents(64 * MIB, ())

    packed = PACKERS[name](disk)

    assert same(unwrap(packed, name)[1], disk)
    if name != "fixed.vhd":
        assert sum(len(part) for _, part in packed.parts) < 400_000


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("vmdk", []),
        ("vmdk", ["-o", "subformat=streamOptimized"]),
        ("vdi", []),
        ("vdi", ["-o", "static=on"]),
        ("vpc", ["-o", "force_size=on"]),
        ("vpc", ["-o", "subformat=fixed,force_size=on"]),
        ("vhdx", []),
        ("vhdx", ["-o", "block_size=8M"]),
        ("vhdx", ["-o", "subformat=fixed"]),
        ("qcow2", []),
        ("qcow2", ["-c"]),
        ("qcow2", ["-o", "compat=0.10"]),
        ("qcow2", ["-o", "cluster_size=4096"]),
    ],
)
def test_we_read_what_qemu_packs(tmp_path, format_, options):
    disk = a_disk(40 * MIB)
    raw = oracles.save(tmp_path / "raw", disk)
    oracles.run("qemu-img", "convert", "-O", format_, *options, raw, tmp_path / "packed")

    kind, found = unwrap(Extents.of((tmp_path / "packed").read_bytes()), "packed")

    assert kind == {"vpc": "vhd"}.get(format_, format_)
    assert same(found, disk)


@pytest.mark.parametrize(
    ("format_", "options", "message"),
    [
        ("qcow2", ["-b", "raw", "-F", "raw"], "backing file"),
        ("qcow2", ["-o", "extended_l2=on"], "extended features"),
        ("qcow2", ["-o", "compression_type=zstd"], "extended features"),
    ],
)
def test_what_is_not_supported_is_refused(tmp_path, format_, options, message):
    raw = oracles.save(tmp_path / "raw", a_disk(40 * MIB))
    packed = tmp_path / "packed"
    size = [] if "-b" in options else [str(40 * MIB)]
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", format_, *options, packed, *size],
        check=True,
        cwd=tmp_path,
    )
    assert raw.exists()

    with pytest.raises(InputError, match=message):
        unwrap(Extents.of(packed.read_bytes()), "packed")


def test_an_ova_is_what_its_manifest_says(tmp_path):
    disk = a_disk(36 * MIB)
    path = oracles.save(tmp_path / "oro.ova", ova.pack(disk, ova.Appliance("oro & <co>", cores=2)))

    with tarfile.open(path) as archive:
        assert archive.getnames() == ["oro & <co>.ovf", "oro & <co>.mf", "oro & <co>-disk1.vmdk"]
        assert {(m.uid, m.gid, m.mtime, m.mode, m.uname) for m in archive} == {(0, 0, 0, 0o644, "")}
    shutil.unpack_archive(path, tmp_path, "tar")
    sums = re.findall(r"SHA256\((.*)\)= (\w+)", (tmp_path / "oro & <co>.mf").read_text())
    assert [name for name, _ in sums] == ["oro & <co>.ovf", "oro & <co>-disk1.vmdk"]
    for name, digest in sums:
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    raw = oracles.save(tmp_path / "raw", disk)
    said = oracles.run("qemu-img", "compare", tmp_path / "oro & <co>-disk1.vmdk", raw)
    assert "Images are identical." in said


def test_the_ovf_says_what_the_machine_has():
    packed = ova.pack(a_disk(36 * MIB), ova.Appliance("oro", 3, 512, "1.0"), timestamp=1)
    tree = ET.fromstring(ova.members(packed, "o.ova")["oro.ovf"].to_bytes())
    spaces = {
        "o": "http://schemas.dmtf.org/ovf/envelope/1",
        "r": "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData",
    }

    items = {
        item.findtext("r:ResourceType", None, spaces): item
        for item in tree.findall(".//o:VirtualHardwareSection/o:Item", spaces)
    }
    assert items["3"].findtext("r:VirtualQuantity", None, spaces) == "3"
    assert items["4"].findtext("r:VirtualQuantity", None, spaces) == "512"
    assert items["17"].findtext("r:HostResource", None, spaces) == "ovf:/disk/vmdisk1"
    disk = tree.find(".//o:Disk", spaces)
    assert disk is not None
    assert disk.get(f"{{{spaces['o']}}}capacity") == str(36 * MIB)
    assert tree.findtext(".//o:Product", None, spaces) == "oro"


def test_a_changed_member_of_an_ova_is_named():
    data = bytearray(ova.pack(a_disk(36 * MIB), ova.Appliance("oro")).to_bytes())
    data[-20_000] ^= 1

    with pytest.raises(InputError, match=r"'oro-disk1.vmdk' does not match its checksum"):
        unwrap(Extents.of(bytes(data)), "o.ova")


@pytest.mark.parametrize("name", PACKERS)
def test_names_and_times_of_the_place_do_not_matter(name, monkeypatch):
    disk = a_disk(36 * MIB)
    first = PACKERS[name](disk).sha256()
    monkeypatch.setenv("TZ", "X8")
    monkeypatch.setattr(zlib, "compress", None)
    monkeypatch.setattr(zlib, "compressobj", None)

    assert PACKERS[name](Extents.of(disk.to_bytes())).size
    assert PACKERS[name](disk).sha256() == first


@given(st.binary(max_size=300), st.integers(0, 140_000), st.integers(0, 70_000))
@settings(max_examples=30)
def test_stored_streams_inflate_to_what_they_were_made_of(head, middle, zeros):
    data = head + NOISE[:middle] + bytes(zeros)

    packed = deflate.compress(data)

    assert zlib.decompress(packed) == data
    assert len(packed) <= len(data) + 11 + 5 * (len(data) // 65535 + 1)


def test_zeros_shrink():
    assert len(deflate.compress(b"a" + bytes(65_535))) < 450


@pytest.mark.parametrize("name", PACKERS)
@settings(max_examples=20)
@given(data=st.data())
def test_a_broken_file_is_explained(name, data):
    """Any change of the structures: the reader gives a disk of a possible size, or says why not."""
    packed = PACKERS[name](a_disk(36 * MIB))
    places = [(at, min(len(part), 2048)) for at, part in packed.parts]
    changes = {}
    for _ in range(data.draw(st.integers(1, 4))):
        at, length = data.draw(st.sampled_from(places))
        changes[at + data.draw(st.integers(0, length - 1))] = data.draw(st.integers(0, 255))
    parts = []
    for at, part in packed.parts:
        changed = bytearray(part)
        for where, value in changes.items():
            if at <= where < at + len(changed):
                changed[where - at] = value
        parts.append((at, bytes(changed)))
    broken = Extents.collect(packed.size, parts)
    if data.draw(st.booleans()):
        broken = broken.section(0, data.draw(st.integers(0, packed.size)))
    try:
        _, disk = unwrap(broken, "broken")
    except InputError as refused:
        assert str(refused).startswith("broken")  # noqa: PT017
    else:
        assert disk.size <= 1 << 56


def test_a_vhd_has_the_geometry_of_the_specification(tmp_path):
    """qemu-img computes it too, and cuts disks to it unless it is told not to."""
    for sectors in (20_000, 70_000, 73_728, 250_000, 4_000_000):
        oracles.run("qemu-img", "create", "-f", "vpc", tmp_path / "v", str(sectors * 512))
        footer = (tmp_path / "v").read_bytes()[:512]
        cut = struct.unpack_from(">Q", footer, 48)[0] // 512
        cylinders, heads, per_track = struct.unpack_from(">HBB", footer, 56)
        assert vhd.geometry(cut) == (cylinders, heads, per_track)


@pytest.mark.parametrize(
    ("pack", "size", "message"),
    [(vhd.pack, 2041 << 30, "at most 2040 GiB"), (vhdx.pack, 65 << 40, "at most 64 TiB")],
)
def test_a_disk_that_is_too_large_for_the_format_is_refused(pack, size, message):
    with pytest.raises(InputError, match=message):
        pack(Extents(size, ()))


@pytest.mark.parametrize("name", ["", "a/b", "x" * 90, 'a"b', "a\nb"])
def test_a_name_that_cannot_be_a_machines_is_refused(name):
    with pytest.raises(InputError, match="cannot be a virtual machine's name"):
        ova.pack(a_disk(36 * MIB), ova.Appliance(name))

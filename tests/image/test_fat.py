"""FAT volumes: fsck.fat and mtools agree with us, in both directions."""

from __future__ import annotations

import random
import struct
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image import oracles
from orobuild.errors import InputError
from orobuild.image.extents import Extents
from orobuild.image.fat import CLUSTERS, fat_volume
from orobuild.image.fat_reader import is_fat, read_volume

NOISE = random.Random(7).randbytes(700_001)
FILES = {
    "EFI/BOOT/BOOTX64.EFI": NOISE[:100_000],
    "OROBUILD/BOOT.CFG": b"orobuild-boot 1\n",
    "OROBUILD/K0.ELF": NOISE,
    "empty": b"",
    "exactly one cluster": NOISE[:512],
    "a long name with äöü€ in it.configuration": b"x" * 5000,
    "thirteen unit": b"13",
    "directory with a long name/sub/deep er/file.text.tar.gz": b"1",
    "boot/kernel.elf": b"lower case",
    "boot/Kernel~1.elf": b"an alias' own name",
    **{f"many/file number {n:03}.txt": b"%d" % n for n in range(40)},
}
KINDS = [(12, None), (12, 2 << 20), (16, None), (16, 64 << 20), (32, None), (32, 34 << 20)]


def contents(volume: Extents) -> dict[str, bytes]:
    read = read_volume(volume, "v.img")
    return {file.path: read.data(file) for file in read.files}


@pytest.mark.parametrize(("kind", "size"), [*KINDS, (32, 3 << 30)])
def test_fsck_and_mtools_read_what_was_written(tmp_path, kind, size):
    volume = fat_volume(FILES, kind=kind, size=size, timestamp=1_700_000_000)
    path = oracles.save(tmp_path / "v.img", volume)

    said = oracles.fsck_fat(path)

    assert f"{len(FILES) + 9} files" in said  # with nine directories, the root among them
    assert oracles.mtools_files(str(path), tmp_path / "out") == FILES
    assert contents(volume) == FILES
    assert read_volume(volume, "v.img").kind == kind
    assert size is None or volume.size == size


@pytest.mark.parametrize(("kind", "size"), KINDS)
def test_what_mtools_writes_into_our_volume_is_read(tmp_path, kind, size):
    """A volume of ours is an ordinary one: others create, grow and delete files on it."""
    size = size or {12: 1 << 20, 16: 8 << 20, 32: 40 << 20}[kind]
    path = oracles.save(
        tmp_path / "v.img", fat_volume({"A/B.TXT": NOISE[:3000]}, kind=kind, size=size)
    )
    for name, data in FILES.items():
        (tmp_path / "file").write_bytes(data[:60_000])
        folder = name.rpartition("/")[0]
        for depth in range(1, folder.count("/") + 2 if folder else 1):
            part = "/".join(folder.split("/")[:depth])
            subprocess.run(["mmd", "-D", "s", "-i", path, f"::/{part}"], capture_output=True)
        oracles.run("mcopy", "-i", path, tmp_path / "file", f"::/{name}")
    oracles.run("mdel", "-i", path, "::/A/B.TXT")

    found = contents(Extents.of(path.read_bytes()))

    assert found == {name: data[:60_000] for name, data in FILES.items()}
    oracles.fsck_fat(path)


@pytest.mark.parametrize("kind", [12, 16, 32])
def test_volumes_of_mkfs_fat_are_read(tmp_path, kind):
    path = tmp_path / "v.img"
    path.write_bytes(bytes({12: 2 << 20, 16: 20 << 20, 32: 70 << 20}[kind]))
    oracles.run("mkfs.fat", "-F", str(kind), "-n", "HERS", "-i", "12345678", path)
    (tmp_path / "file").write_bytes(NOISE)
    oracles.run("mcopy", "-i", path, tmp_path / "file", "::/Some File.bin")

    volume = read_volume(Extents.of(path.read_bytes()), "v.img")

    assert (volume.kind, volume.label, volume.serial) == (kind, "HERS", 0x12345678)
    assert [(f.path, volume.data(f)) for f in volume.files] == [("Some File.bin", NOISE)]
    assert volume.free_clusters == volume.clusters - -(-len(NOISE) // volume.cluster_size) - (
        kind == 32
    )


def test_free_space_is_what_mtools_says(tmp_path):
    volume = fat_volume(FILES, kind=32)
    path = oracles.save(tmp_path / "v.img", volume)

    said = oracles.run("mdir", "-i", path, "::").replace(" ", "").replace("\u202f", "")

    read = read_volume(volume, "v")
    assert f"{read.free_clusters * read.cluster_size}bytesfree" in said


def test_every_file_is_one_run_and_equal_bytes_are_not_copied():
    data = bytearray(NOISE)
    volume = fat_volume({"A": data, "B": NOISE}, kind=16)

    assert all(len(f.runs) <= 1 for f in read_volume(volume, "v").files)
    assert any(part is data for _, part in volume.parts)


def test_number_of_clusters_stays_clear_of_the_borders():
    """A driver that is off by a few must still see the kind that was meant."""
    for kind, other in ((12, 16), (16, 32)):
        limit = CLUSTERS[other][0]
        for over in range(-40, 3, 7):
            size = (limit + over) * 512
            try:
                volume = read_volume(fat_volume({"A": NOISE[:1] * size}, kind=kind), "v")
            except InputError:
                continue
            assert volume.kind == kind
            assert CLUSTERS[kind][0] + 16 <= volume.clusters or kind == 12
            assert volume.clusters <= CLUSTERS[kind][1] - 16


def test_the_same_files_in_another_order_and_process_are_the_same_bytes(root):
    program = (
        "import sys; from orobuild.image.fat import fat_volume\n"
        "names = ['b/x', 'a', 'Zeta long name.text', 'zeta', 'b/Y']\n"
        "order = names if sys.argv[1] == '0' else names[::-1]\n"
        "print(fat_volume({n: n.encode() for n in order}, kind=16).sha256())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program, seed],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root / "toolchain"), "TZ": f"X{seed}"},
        ).stdout
        for seed in ("0", "1")
    }

    assert len(digests) == 1


@pytest.mark.parametrize(
    ("timestamp", "date"),
    [
        (0, "1980-01-01   0:00"),
        (1_700_000_000, "2023-11-14  22:13"),
        (9 << 40, "2107-12-31  23:59"),
    ],
)
def test_time_stamps_are_the_ones_given(tmp_path, timestamp, date):
    path = oracles.save(tmp_path / "v", fat_volume({"A": b"1"}, kind=12, timestamp=timestamp))

    assert date in oracles.run("mdir", "-i", path, "::")


def test_a_lower_case_name_keeps_its_letters_in_the_short_name():
    volume = fat_volume({"boot/kernel.elf": b"1"}, kind=12).to_bytes()

    assert b"KERNEL  ELF" in volume
    assert b"BOOT       " in volume


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({"a/b": b"", "A/B": b""}, {}, "are one name on a FAT volume"),
        ({"a": b"", "a/b": b""}, {}, "is a file, not a directory"),
        ({"a?b": b""}, {}, r"has '\?' in it"),
        ({"a/../b": b""}, {}, "is no name"),
        ({"": b""}, {}, "is no name"),
        ({"a.": b""}, {}, "ends in '.'"),
        ({"x" * 256: b""}, {}, "more than 255 characters"),
        ({"\ud800": b""}, {}, "not Unicode"),
        ({"a": NOISE}, {"kind": 12, "size": 1 << 19}, "the volume has room for"),
        ({}, {"kind": 32, "size": 16 << 20}, "too small for FAT32"),
        ({}, {"kind": 16, "size": 1 << 20}, "too small for FAT16"),
        ({}, {"kind": 12, "size": 8 << 30}, "too many for a FAT12"),
        ({f"{n}.X": b"" for n in range(512)}, {"kind": 16}, "has room for 512 entries"),
        ({f"D/{n:0200}": b"" for n in range(5000)}, {}, "FAT has 65536"),
        ({}, {"label": "twelve chars"}, "cannot be a FAT volume's label"),
        ({}, {"label": "é"}, "cannot be a FAT volume's label"),
    ],
)
def test_what_fat_cannot_hold_is_refused(files, arguments, message):
    with pytest.raises(InputError, match=message):
        fat_volume(files, **arguments)


@settings(max_examples=40)
@given(st.data())
def test_random_trees_survive_the_round_trip(data):
    name = st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"*/:<>?\\|\x7f'),
        min_size=1,
        max_size=40,
    ).filter(lambda n: n[-1] not in ". ")
    paths = data.draw(st.lists(st.lists(name, min_size=1, max_size=3).map("/".join), max_size=12))
    files = {path: path.encode() * data.draw(st.integers(0, 50)) for path in paths}
    kind = data.draw(st.sampled_from([12, 16, 32]))
    try:
        volume = fat_volume(files, kind=kind)
    except InputError as refused:
        assert "one name" in str(refused) or "is a file" in str(refused)  # noqa: PT017
        return

    assert contents(volume) == files


@settings(max_examples=60)
@given(st.data())
def test_a_broken_volume_is_explained(data):
    volume = bytearray(fat_volume(FILES, kind=data.draw(st.sampled_from([12, 16]))).to_bytes())
    end = 9000 + 40 * 512
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.one_of(st.integers(0, 64), st.integers(512, end)))
        volume[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(volume)), st.integers(0, len(volume))))
    broken = Extents.of(bytes(volume[:cut]))
    try:
        found = read_volume(broken, "v.img")
        for file in found.files:
            assert len(found.data(file)) == file.size
    except InputError as refused:
        assert str(refused).startswith("v.img: error: ")  # noqa: PT017


def test_chains_that_run_in_circles_or_meet_are_named():
    volume = bytearray(fat_volume({"A": NOISE[:2000], "B": NOISE[:2000]}, kind=16).to_bytes())
    struct.pack_into("<H", volume, 512 + 2 * 3, 2)  # A has clusters 2..5, B 6..9
    with pytest.raises(InputError, match="'A' and 'A' share cluster 2"):
        read_volume(Extents.of(bytes(volume)), "v")
    struct.pack_into("<H", volume, 512 + 2 * 3, 6)
    with pytest.raises(InputError, match="share cluster 6"):
        read_volume(Extents.of(bytes(volume)), "v")
    struct.pack_into("<H", volume, 512 + 2 * 3, 0)
    with pytest.raises(InputError, match="'A' has cluster 0"):
        read_volume(Extents.of(bytes(volume)), "v")


def test_something_else_is_no_volume():
    assert not is_fat(Extents.of(b""))
    assert not is_fat(Extents.of(NOISE))
    with pytest.raises(InputError, match="this is no FAT volume"):
        read_volume(Extents.of(NOISE), "v")

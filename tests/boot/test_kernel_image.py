"""The linked kernel as parsers that are not ours see it."""

from __future__ import annotations

import subprocess

import pytest

BASE = 0xFFFFFFFF80000000


def load_lines(tool, kernel):
    shown = subprocess.run(
        [tool("readelf"), "-lW", kernel], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split() for line in shown.splitlines() if line.startswith("  ")]
    return [line for line in lines if line and line[0] == "LOAD"], shown


def test_there_are_four_loadable_segments_in_order(built, tool):
    loads, shown = load_lines(tool, built.kernel)
    assert [" ".join(line[6:-1]) for line in loads] == ["R", "R E", "R", "RW"]
    mapping = shown[shown.index("Segment Sections...") :].splitlines()
    assert ".oro_boot" in mapping[1]
    assert mapping[2].split()[1:] == [".text"]
    assert mapping[3].split()[1:] == [".rodata", ".note.gnu.build-id"]
    assert mapping[4].split()[1:] == [".data", ".bss"]


def test_the_kernel_is_linked_in_the_higher_half_and_loaded_low(built, tool):
    loads, _ = load_lines(tool, built.kernel)
    for line in loads:
        assert int(line[2], 16) - int(line[3], 16) == BASE
        assert int(line[3], 16) >= 1 << 20


def test_lief_and_pyelftools_agree_with_readelf(built, tool):
    import lief
    from elftools.elf.elffile import ELFFile

    loads, _ = load_lines(tool, built.kernel)
    shown = [(int(a[2], 16), int(a[5], 16), " ".join(a[6:-1])) for a in loads]
    with built.kernel.open("rb") as file:
        theirs = [
            (s["p_vaddr"], s["p_memsz"], flags(s["p_flags"]))
            for s in ELFFile(file).iter_segments("PT_LOAD")
        ]
    parsed = lief.ELF.parse(str(built.kernel))
    also = [
        (s.virtual_address, s.virtual_size, flags(int(s.flags)))
        for s in parsed.segments
        if s.type == lief.ELF.Segment.TYPE.LOAD
    ]
    assert theirs == shown
    assert also == shown


def flags(bits: int) -> str:
    return ("R" if bits & 4 else "") + ("W" if bits & 2 else "") + (" E" if bits & 1 else "")


def test_lint_has_nothing_to_say(built):
    assert built.findings == ()
    assert built.rules > 0


def test_two_builds_are_the_same_bytes(root, profile, built, tmp_path):
    from orobuild.pipeline.build import Request, build
    from orobuild.project import load

    again = build(load(root), Request(profile=profile, output=tmp_path, jobs=1))
    for path in (built.kernel, built.disk):
        assert (again.directory / path.name).read_bytes() == path.read_bytes()


@pytest.mark.full
def test_the_profiles_make_different_code(root, tmp_path):
    from orobuild.pipeline.build import Request, build
    from orobuild.project import load

    kernels = [
        build(load(root), Request(profile=name, output=tmp_path / name)).kernel.read_bytes()
        for name in ("debug", "release")
    ]
    assert kernels[0] != kernels[1]

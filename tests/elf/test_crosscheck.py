"""Three readers agree about what the system's tools write, and a lie in a header is noticed."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from elf.samples import samples
from orobuild.elf import crosscheck as module
from orobuild.elf import reader
from orobuild.elf.crosscheck import MAX_DISAGREEMENTS, crosscheck
from orobuild.elf.reader import ElfError


@pytest.mark.parametrize("name", samples())
def test_the_readers_agree_about_a_valid_file(name):
    assert crosscheck(samples()[name], name) == ()


def test_the_readers_agree_about_programs_of_this_machine():
    for program in ("/usr/bin/as", "/usr/bin/ld", "/usr/bin/readelf"):
        assert crosscheck(Path(program).read_bytes(), program) == ()


@pytest.fixture
def misreading(monkeypatch):
    """Makes our reader see something else than what the file says."""

    def misread(**changes):
        original = reader.read

        def read(data, path):
            return replace(original(data, path), **changes)

        monkeypatch.setattr(module.reader, "read", read)

    return misread


def test_a_segment_with_other_flags_is_reported_by_both(misreading):
    data = samples()["executable64"]
    segments = reader.read(data, "x").segments
    misreading(segments=(replace(segments[0], p_flags=7), *segments[1:]))
    messages = [d.message for d in crosscheck(data, "x")]
    assert messages == [
        "segment 0: p_flags is 0x7 to us and 0x4 to pyelftools",
        "segment 0: p_flags is 0x7 to us and 0x4 to LIEF",
    ]


def test_a_missing_segment_is_reported(misreading):
    data = samples()["executable64"]
    segments = reader.read(data, "x").segments
    misreading(segments=segments[:-1])
    count = len(segments)
    assert f"we read {count - 1} segments, LIEF reads {count}" in [
        d.message for d in crosscheck(data, "x")
    ]


def test_a_section_at_another_address_is_reported(misreading):
    data = samples()["executable64"]
    sections = reader.read(data, "x").sections
    misreading(sections=(sections[0], replace(sections[1], sh_addr=0x1234), *sections[2:]))
    assert any("section 1: sh_addr is 0x1234 to us" in d.message for d in crosscheck(data, "x"))


def test_a_renamed_symbol_is_reported(misreading):
    data = samples()["object64"]
    elf = reader.read(data, "x")
    symbols = tuple(replace(s, name="other") if s.name == "_start" else s for s in elf.symbols)
    assert elf.symbol_table is not None
    misreading(_symbol_cache={elf.symbol_table.index: symbols})
    assert any(
        "name is 'other' to us and '_start' to LIEF" in d.message for d in crosscheck(data, "x")
    )


def test_what_only_we_can_read_is_reported():
    data = bytearray(samples()["pie"])
    elf = reader.read(bytes(data), "x")
    section = elf.section(".gnu.hash")
    assert section is not None
    struct.pack_into("<I", data, elf.header.e_shoff + 64 * section.index + 40, 5000)  # sh_link
    messages = [d.message for d in crosscheck(bytes(data), "x")]
    assert len(messages) == 1
    assert messages[0].startswith("pyelftools cannot read this file, we can: ")


def test_a_segment_type_that_lief_cannot_name_is_no_disagreement():
    data = bytearray(samples()["executable64"])
    struct.pack_into("<I", data, 64, 0x7F000001)  # PT_LOPROC + something
    assert crosscheck(bytes(data), "x") == ()


def test_the_number_of_disagreements_is_bounded(misreading):
    data = samples()["object64"]
    sections = reader.read(data, "x").sections
    misreading(
        sections=tuple(replace(s, sh_addr=1, sh_entsize=1, sh_addralign=1) for s in sections)
    )
    assert len(crosscheck(data, "x")) == MAX_DISAGREEMENTS


def test_what_we_refuse_is_an_elf_error():
    with pytest.raises(ElfError):
        crosscheck(b"not an ELF file", "x")


def test_importing_the_module_does_not_import_lief():
    code = "import sys, orobuild.elf.crosscheck; sys.exit('lief' in sys.modules)"
    toolchain = Path(module.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(toolchain)})
    assert done.returncode == 0

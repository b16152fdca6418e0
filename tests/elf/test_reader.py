"""What the reader reads is what readelf reads."""

from __future__ import annotations

import re
import subprocess

import pytest

from elf.samples import run, samples
from orobuild.elf import arrays, reader
from orobuild.elf.constants import SHT_DYNSYM, SHT_SYMTAB
from orobuild.elf.descriptions import relocation_type
from orobuild.elf.reader import ElfError


@pytest.fixture(params=samples(), ids=str)
def sample(request, tmp_path):
    path = tmp_path / "sample"
    path.write_bytes(samples()[request.param])
    return path


def readelf(path, *arguments: str) -> str:
    done = subprocess.run(
        ["readelf", "-W", *arguments, path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sections_are_those_of_readelf(sample):
    elf = reader.read(sample.read_bytes(), "sample")
    rows = re.findall(
        r"^ *\[ *(\d+)\] (.*?) +([A-Z_]+) +([0-9a-f]{8,16}) ([0-9a-f]+) ([0-9a-f]+) ",
        readelf(sample, "-S"),
        re.MULTILINE,
    )
    ours = [(s.index, s.name, s.sh_addr, s.sh_offset, s.sh_size) for s in elf.sections]
    theirs = [(int(i), n, int(a, 16), int(o, 16), int(z, 16)) for i, n, _, a, o, z in rows]
    assert ours == theirs


def test_segments_are_those_of_readelf(sample):
    elf = reader.read(sample.read_bytes(), "sample")
    rows = re.findall(
        r"^  [A-Z_]+ +0x(\w+) 0x(\w+) 0x(\w+) 0x(\w+) 0x(\w+) ([R ][W ][E ]) 0x(\w+)",
        readelf(sample, "-l"),
        re.MULTILINE,
    )
    theirs = [
        (*(int(v, 16) for v in row[:5]), "".join(row[5].split()), int(row[6], 16)) for row in rows
    ]
    ours = [
        (
            s.p_offset,
            s.p_vaddr,
            s.p_paddr,
            s.p_filesz,
            s.p_memsz,
            "".join(x for bit, x in ((4, "R"), (2, "W"), (1, "E")) if s.p_flags & bit),
            s.p_align,
        )
        for s in elf.segments
    ]
    assert ours == theirs


def test_symbols_are_those_of_readelf(sample):
    elf = reader.read(sample.read_bytes(), "sample")
    theirs = re.findall(
        r"^ *\d+: ([0-9a-f]+) +(\d+) \w+ +\w+ +\w+ +(\w+) ?(\S*)",
        readelf(sample, "-s"),
        re.MULTILINE,
    )
    ours = []
    for table in elf.sections:
        if table.sh_type in (SHT_SYMTAB, SHT_DYNSYM):
            ours += [
                (s.st_value, s.st_size, {0: "UND", 0xFFF1: "ABS"}.get(s.st_shndx, str(s.st_shndx)))
                for s in elf.symbols_of(table)
            ]
    assert sorted(ours) == sorted((int(v, 16), int(z), i) for v, z, i, _ in theirs)
    names = {name.partition("@")[0] for _, _, _, name in theirs if name}
    assert {s.name for s in elf.symbols if s.type != 3 and s.name} <= names


def test_relocations_are_those_of_readelf(sample):
    elf = reader.read(sample.read_bytes(), "sample")
    theirs = re.findall(
        r"^([0-9a-f]{8,16}) +[0-9a-f]+ (R_\w+)", readelf(sample, "-r"), re.MULTILINE
    )
    ours = [
        (r.r_offset, relocation_type(elf.header.e_machine, r.r_type))
        for section in elf.relocation_sections()
        for r in elf.relocations(section)
    ]
    assert sorted(ours) == sorted((int(o, 16), t) for o, t in theirs)


def test_arrays_hold_what_the_reader_reads(sample):
    elf = reader.read(sample.read_bytes(), "sample")
    for section in elf.relocation_sections():
        rows = arrays.relocations(elf, section)
        expected = [
            (r.r_offset, r.r_sym, r.r_type, r.r_addend or 0) for r in elf.relocations(section)
        ]
        assert [tuple(int(v) for v in row) for row in rows] == expected
    for section in elf.sections:
        if section.sh_type in (SHT_SYMTAB, SHT_DYNSYM):
            rows = arrays.symbols(elf, section)
            expected = [
                (s.st_name, s.st_value, s.st_size, s.st_info) for s in elf.symbols_of(section)
            ]
            fields = ("st_name", "st_value", "st_size", "st_info")
            assert [tuple(int(row[f]) for f in fields) for row in rows] == expected


def test_more_sections_than_the_header_can_count():
    text = "".join(f'.section .s{i},"a"\n.byte 1\n' for i in range(65_600))
    text += '.section .last,"aw"\nlast: .byte 2\n'
    data = run(["as", "--64", "in.s", "-o", "o"], "o", in_s=text)
    elf = reader.read(data, "many")
    assert len(elf.sections) > 65_600
    symbol = next(s for s in elf.symbols if s.name == "last")
    assert elf.sections[symbol.st_shndx].name == ".last"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"#!/bin/sh\n", "not an ELF file"),
        (b"BC\xc0\xde1234", "compile without -flto"),
        (b"\x7fELF\x02\x01\x01", "truncated"),
        (b"\x7fELF\x07\x01\x01" + bytes(60), "unknown ELF class 7"),
        (b"\x7fELF\x02\x02\x01" + bytes(60), "only little-endian"),
        (b"\x7fELF\x02\x01\x09" + bytes(60), "unknown ELF version 9"),
        (b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xb7\0" + bytes(44), "machine 183"),
    ],
)
def test_what_is_no_x86_elf_file_is_refused_with_the_reason(data, message):
    with pytest.raises(ElfError, match=message):
        reader.read(data, "sample")

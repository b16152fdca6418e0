"""-g: debuggers find the source line of every instruction; `.oro.code`: analyses find the widths."""

from __future__ import annotations

import re
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from assembler.gnu_as import ours
from orobuild.elf import constants as c
from orobuild.elf.reader import read

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """\
.section .text
.macro bump r
    inc \\r
    inc \\r
.endm
.globl _start
_start:
    mov $5, %edi
    bump %edi
    call f
.section .text.f,"ax"
f:  dec %edi
    .balign 16
    ret
.section .text
    mov $60, %eax
    syscall
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """`PROGRAM` assembled with -g and linked by GNU ld."""
    (tmp_path / "{standard input}").write_text(PROGRAM)
    (tmp_path / "p.o").write_bytes(ours(PROGRAM, strict=True, debug_info=True).object)
    subprocess.run(["ld", "p.o", "-o", "p"], cwd=tmp_path, check=True)
    return tmp_path / "p"


def output(command: list[str], directory: Path) -> str:
    """What a program prints."""
    run = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60)
    return run.stdout + run.stderr


def test_readelf_shows_a_line_for_every_change(program: Path) -> None:
    said = output(["readelf", "--debug-dump=decodedline", "p"], program.parent)
    rows = re.findall(r"input}?\s+(\d+)\s+0x([0-9a-f]+)", said)
    assert [int(line) for line, _ in rows] == [8, 9, 10, 16, 17, 12, 14]
    assert "Warning" not in said


def test_gdb_stops_at_the_source_line(program: Path) -> None:
    commands = [w for line in ("break f", "run", "bt", "next", "info line") for w in ("-ex", line)]
    said = output(["gdb", "-batch", "-nx", *commands, "./p"], program.parent)
    assert "{standard input}:12" in said
    assert re.search(r"_start \(\) at .*:10", said)
    assert re.search(r"^14\s+ret", said, re.MULTILINE)


def test_the_debug_sections_are_well_formed(program: Path) -> None:
    said = output(["readelf", "--debug-dump=info,aranges,Ranges,abbrev", "p"], program.parent)
    assert "Warning" not in said
    assert "Error" not in said
    assert "DW_LANG" in said or "MIPS assembler" in said


def test_32_bit_objects_have_a_line_table_too(tmp_path: Path) -> None:
    made = ours(".text\nf: nop\nret\n", 32, debug_info=True)
    (tmp_path / "p.o").write_bytes(made.object)
    said = output(["readelf", "--debug-dump=decodedline,info,aranges", "p.o"], tmp_path)
    assert "Warning" not in said


def test_compiler_made_line_tables_are_left_alone() -> None:
    text = '.text\n.file 1 "a.c"\n.loc 1 5\nnop\n'
    assert ours(text, debug_info=True).object == ours(text).object


WIDTHS = """\
.text
.code16
 cli
 jmp 1f
 .byte 1, 2
1: hlt
.code32
 nop
 .balign 8
 nop
.code64
 nop
a: .rept 200
 nop
 .endr
 jmp a
.data
 .quad 1
.section .x,"ax"
 ret
"""


@pytest.mark.parametrize("bits", [32, 64])
def test_code_ranges_name_the_width_of_every_instruction(bits: int) -> None:
    text = WIDTHS if bits == 64 else WIDTHS.replace(".code64", ".code32")
    elf = read(ours(text, bits, strict=True, code_ranges=True).object, "o")  # type: ignore[arg-type]
    section = elf.section(".oro.code")
    assert section is not None
    assert not section.sh_flags & c.SHF_ALLOC
    entries = list(struct.iter_unpack("<QQII", elf.section_data(section)))
    table = next(s for s in elf.relocation_sections() if s.sh_info == section.index)
    places = [
        (elf.sections[elf.symbols[r.r_sym].st_shndx].name, entry[0] + (r.r_addend or 0))
        for r, entry in zip(elf.relocations(table), entries, strict=True)
    ]
    sizes = [(size, width) for _, size, width, _ in entries]
    if bits == 64:
        assert places == [(".text", 0), (".text", 5), (".text", 6), (".text", 9), (".x", 0)]
        assert sizes == [(3, 16), (1, 16), (3, 32), (206, 64), (1, 64)]
    else:
        assert places == [(".text", 0), (".text", 5), (".text", 6), (".x", 0)]
        assert sizes == [(3, 16), (1, 16), (209, 32), (1, 32)]
    assert all(entry[3] == 0 for entry in entries)


def test_without_the_option_there_is_no_such_section() -> None:
    assert read(ours(WIDTHS).object, "o").section(".oro.code") is None

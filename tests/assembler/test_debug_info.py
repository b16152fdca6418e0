"""-g: debuggers find the source line of every instruction; `.oro.code`: analyses find the widths."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from assembler.gnu_as import gnu, ours
from orobuild.elf import constants as c
from orobuild.elf.compare import compare
from orobuild.elf.reader import read

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


DESCRIBED = """\
.text
.globl f
.type f, @function
f:  nop
1:  jmp 1b
    jmp 2f
    .p2align 4
2:  .size f, . - f
.type g, @function
g:  bump %ecx
    .irp x, 1, 2
    mov $\\x, %eax
    .endr
    .size g, . - g
.type unsized, @function
unsized: nop
"""
FUNCTIONS = ".macro bump r\n inc \\r\n inc \\r\n.endm\n" + DESCRIBED
PROGRAMS = {
    "one section, two functions": FUNCTIONS,
    "several sections and subsections": PROGRAM + ".text 1\n hlt\n.text 0\n nop\n",
    "line markers": '.text\n nop\n# 100 "other/x.c"\n nop\n nop; nop\n',
    "no code": ".data\n.long 1\n",
    "a symbol of its own for each": FUNCTIONS + ".weak w\n.set w, g\n.globl h\n.set h, g\n",
    "rows of a compiler": '.text\nnop\n.file 1 "d/x.c"\nnop\n.loc 1 4\nnop\n',
    "files of a compiler": '.text\n.file 1 "x.c"\nnop\n',
    "file zero": '.text\n.file 0 "/d" "d/x.c"\n.loc 0 3\nnop\n.section .t,"ax"\nnop\n',
    "debug information of a compiler": '.text\n.file 1 "x.c"\n.loc 1 3\nnop\n'
    ".section .debug_info\n.long 1\n",
}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("version", [2, 3, 4, 5])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_debug_sections_are_those_of_gnu_as(name: str, version: int, bits: int) -> None:
    theirs, said = gnu(PROGRAMS[name], bits, f"--gdwarf-{version}")
    assert theirs is not None, said
    mine = ours(
        PROGRAMS[name],
        bits,  # type: ignore[arg-type]
        debug_info=True,
        dwarf=version,
        compilation_directory=str(Path.cwd()),
        producer="GNU AS 2.40",
    )
    assert compare(mine.object, theirs) == []


def test_an_include_directory_names_the_included_file_in_the_line_table(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/m.inc").write_text(" nop\n")
    (tmp_path / "p.s").write_text('.text\n.include "m.inc"\n nop\n.include "sub/m.inc"\n')
    objects = []
    for program in ("as", str(Path(sys.executable).with_name("oro-as"))):
        command = [program, "-g", "-I", "sub", "-o", "p.o", "p.s"]
        subprocess.run(command, cwd=tmp_path, check=True)
        objects.append((tmp_path / "p.o").read_bytes())
    assert compare(objects[1], objects[0]) == []


def test_gdb_steps_through_every_version(tmp_path: Path) -> None:
    (tmp_path / "{standard input}").write_text(PROGRAM)
    commands = [w for line in ("break 9", "run", "step", "info line") for w in ("-ex", line)]
    for version in (2, 3, 4, 5):
        made = ours(PROGRAM, debug_info=True, dwarf=version, compilation_directory=str(tmp_path))
        (tmp_path / "p.o").write_bytes(made.object)
        subprocess.run(["ld", "p.o", "-o", "p"], cwd=tmp_path, check=True)
        said = output(["gdb", "-batch", "-nx", *commands, "./p"], tmp_path)
        assert re.search(r"Breakpoint 1, _start \(\) at .*:9", said), said
        assert re.search(r"^10\s+call f", said, re.MULTILINE), said
        assert "Line 10 of" in said


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

"""What is at an address: by its virtual, physical and run address; what is not there."""

from __future__ import annotations

import subprocess

import pytest

from debug.conftest import program_of
from orobuild.debug import location, location_text
from orobuild.elf import reader
from orobuild.errors import InputError, UsageError
from orobuild.lint import LintConfig
from orobuild.lint.config import RunAddress
from orobuild.lint.program import Program

SOURCE = """\
    .section .text,"ax"
    .globl _start
    .type _start, @function
_start:
    call helper
    jmp _start
    .size _start, . - _start
    .type helper, @function
helper:
    movabsq $table, %rax
    ret
    .size helper, . - helper
trampoline:
    nop
    nop
trampoline_end:
    .section .rodata,"a"
table:
    .quad helper, 7
    .section .bss,"aw",@nobits
counter:
    .skip 64
"""
SCRIPT = """\
SECTIONS
{
    . = 0xffffffff80100000;
    .text : AT(0x100000) { *(.text) }
    . = ALIGN(0x1000);
    .rodata : AT(0x102000) { *(.rodata) }
    . = ALIGN(0x1000);
    .bss : { *(.bss) }
}
"""
START = 0xFFFFFFFF80100000


@pytest.fixture(scope="module")
def image(tool, tmp_path_factory):
    """A small higher-half kernel whose segments lie elsewhere physically."""
    directory = tmp_path_factory.mktemp("image")
    (directory / "a.s").write_text(SOURCE)
    (directory / "a.ld").write_text(SCRIPT)
    subprocess.run([tool("as"), "-g", "a.s", "-o", "a.o"], cwd=directory, check=True)
    command = [tool("ld"), "-T", "a.ld", "a.o", "-o", "a.elf", "-z", "max-page-size=4096"]
    subprocess.run([*command, "--no-warn-rwx-segments"], cwd=directory, check=True)
    return directory / "a.elf"


@pytest.fixture
def program(image):
    return program_of(image)


def at(program, text, **options):
    address = location.parse(program, text, base=options.get("base", 0))
    return location.locate(program, [address], **options)[0]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0xffffffff80100005", START + 5),
        ("FFFFFFFF80100005", START + 5),
        ("ffffffff`80100005", START + 5),
        ("0xffffffff_80100005", START + 5),
        ("_start", START),
        ("helper+0xa", START + 17),
        ("helper-2", START + 5),
        (".text+7", START + 7),
        (".rodata", START + 0x1000),
        ("+0x1008", START + 0x1008),
        ("100005", 0x100005),
    ],
)
def test_addresses_are_read_as_people_write_them(program, text, address):
    assert location.parse(program, text) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("helpr", "did you mean 'helper'"),
        (".rodat+4", "did you mean '.rodata'"),
        ("what?", "for example"),
        ("", "for example"),
    ],
)
def test_what_is_no_address_is_refused_with_the_nearest_name(program, text, says):
    with pytest.raises(UsageError) as failure:
        location.parse(program, text)
    assert says in failure.value.diagnostics[0].hint


def test_a_number_wider_than_an_address_is_refused(program):
    with pytest.raises(UsageError, match="more than an address"):
        location.parse(program, "0x1ffffffff80100005")


def test_code_has_symbol_section_segment_source_and_instruction(program):
    found = at(program, "_start+5")
    assert (found.name, found.section.name, found.segment.flags) == ("_start+0x5", ".text", "R E")
    assert found.physical == 0x100005
    assert found.file_offset == program.segments[0].header.p_offset + 5
    assert str(found.places[0]).endswith("a.s:6")
    assert found.instruction.text.startswith("jmp")
    assert found.instruction.name == "_start"
    assert not found.inside


def test_the_middle_of_an_instruction_is_said_to_be_that(program):
    found = at(program, "_start+2")
    assert found.inside
    assert found.instruction.address == START
    text = location_text.text(program, found, lambda words, _role: words)
    assert "2 bytes into this instruction" in text


def test_a_physical_address_means_the_byte_that_is_loaded_there(program):
    found = at(program, "100005")
    assert (found.meaning, found.address, found.name) == ("physical", START + 5, "_start+0x5")


def test_a_declared_run_address_means_the_code_that_is_copied_there(image):
    config = LintConfig(run_addresses=(RunAddress("trampoline..trampoline_end", 0x8000),))
    program = Program(reader.read(image.read_bytes(), "a.elf"), config)
    found = at(program, "0x8001")
    assert (found.meaning, found.name) == ("run", "trampoline+0x1")


def test_a_module_is_asked_relative_to_where_it_was_loaded(program):
    found = at(program, "7f0000000005", base=0x7F0000000000)
    assert (found.asked, found.address) == (0x7F0000000005, START + 5)
    assert location.parse(program, "_start+5", base=0x7F0000000000) == 0x7F0000000005


def test_data_shows_what_it_points_to(program):
    found = at(program, "table")
    assert found.data[8:] == b"\x07" + bytes(7)
    assert found.pointer == "helper in .text"
    assert not found.instructions


def test_memory_without_bytes_in_the_file_is_said_to_be_that(program):
    found = at(program, "counter+4")
    assert found.file_offset is None
    assert found.data == b""
    text = location_text.text(program, found, lambda words, _role: words)
    assert "no bytes in the file" in text


def test_who_goes_there_is_listed_by_kind(program):
    helper = at(program, "helper")
    assert [(r.kind, r.source) for r in helper.referenced] == [
        ("call", START),
        ("pointer", START + 0x1000),
    ]
    table = at(program, "table")
    assert [(r.kind, program.symbols.name(r.source)) for r in table.referenced] == [
        ("address", "helper")
    ]
    inner = at(program, "helper+0xa")
    assert [r.kind for r in inner.callers] == ["call", "pointer"]


def test_an_address_outside_names_the_segments_around_it(program):
    found = at(program, "0xffffffff80180000")
    assert found.segment is None
    assert location.missing([found]) == 1
    assert [s.index for s in found.neighbours] == [program.loads[-1].index]
    text = location_text.text(program, found, lambda words, _role: words)
    assert "no part of the image is there" in text
    assert "behind its end" in text


def test_an_object_has_no_addresses(tool, tmp_path):
    (tmp_path / "a.s").write_text(SOURCE)
    subprocess.run([tool("as"), "a.s", "-o", "a.o"], cwd=tmp_path, check=True)
    with pytest.raises(InputError, match="no addresses yet"):
        location.check(program_of(tmp_path / "a.o"))

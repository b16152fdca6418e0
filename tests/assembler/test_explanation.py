"""`--explain` says why a line became its bytes; what it says is checked against the object."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assembler.encoder.instruction_corpus import encodings
from assembler.gnu_as import ours
from orobuild.assembler.encoder import anatomy
from orobuild.assembler.explanation import Explained, explain

NAME = "{standard input}"
PROGRAM = """\
.section .text,"ax"
.globl f
f:  mov foo(%rip), %eax
    movq bar@GOTPCREL(%rip), %r9
    mov $foo, %rax
    lock addl $0x12345678, %gs:8(%rbx,%r9,4)
    jmp 1f
    jne f
    .skip 130
    jmp f
1:  call f
    call g
g:  vaddps 64(%rax){1to16}, %zmm1, %zmm9{%k1}{z}
    endbr64
    .macro two r
    inc \\r
    push \\r
    .endm
    two %rax
    two %rcx
    .p2align 4
    .quad f, g - f, .L9
.L9: .long g - .
    jmp elsewhere
    jmp w
    .p2align 4, , 1
.weak w
w:  fstcw (%rax)
x = 5
# nothing here
    .if 0
    ud2
    .endif
"""


@pytest.fixture(scope="module")
def line():
    """The explanations of one line of `PROGRAM`."""
    record = ours(PROGRAM, strict=True, record=True).record
    assert record is not None

    def explained(number: int) -> tuple[Explained, ...]:
        return explain(record, NAME, number)

    return explained


def only(found: tuple[Explained, ...]) -> Explained:
    (item,) = found
    return item


def test_the_parts_of_an_instruction_have_their_names(line) -> None:
    item = only(line(6))
    named = [(part.name, part.data.hex()) for part in item.parts]
    assert named == [
        ("prefix", "65"), ("prefix", "f0"), ("REX", "42"), ("opcode", "81"), ("ModRM", "44"),
        ("SIB", "8b"), ("disp8", "08"), ("imm32", "78563412"),
    ]  # fmt: skip
    assert item.reads == "lock addl $0x12345678,%gs:8(%rbx,%r9,4)"
    assert item.origin == "keystone"


def test_a_compressed_displacement_is_explained(line) -> None:
    parts = {part.name: part.note for part in only(line(13)).parts}
    assert parts["EVEX"] == "W=0 L=512"
    assert parts["disp8"] == "in units of the operand: 0x40"


def test_the_row_of_the_corrections_table_is_shown(line) -> None:
    assert "row 'endbr64 |  | p:f3 0f1efa'" in only(line(14)).origin
    assert "row 'mov | r64, is32 | o64 c7 /0 id'" in only(line(5)).origin


def test_relocations_come_with_their_reasons(line) -> None:
    made = [item for number in (3, 4, 5, 11, 22) for item in only(line(number)).relocations]
    assert [(r.type, r.symbol, r.addend) for r in made] == [
        ("R_X86_64_PC32", "foo", -4),
        ("R_X86_64_REX_GOTPCRELX", "bar", -4),
        ("R_X86_64_32S", "foo", 0),
        ("R_X86_64_PLT32", "f", -4),
        ("R_X86_64_64", "f", 0),
        ("R_X86_64_64", ".text", 0xE8),
    ]
    assert any("'f' is global" in why for why in made[3].why)
    assert any("its section's symbol" in why for why in made[5].why)
    assert "no relocation for 'g'" in "".join(only(line(12)).notes)


def test_the_size_of_a_branch_is_explained(line) -> None:
    assert "relaxation pass 1 found '1' +134 bytes away" in only(line(7)).branch[0]
    assert only(line(8)).branch[0].startswith("short: 'f' is -38 bytes")
    assert "42 bytes less" in only(line(10)).branch[1]
    assert "not defined in this file" in only(line(24)).branch[0]
    assert "'w' is weak" in only(line(25)).branch[0]


def test_every_expansion_of_a_macro_is_shown(line) -> None:
    use = line(19)
    assert [item.text for item in use] == ["two %rax", "inc %rax", "push %rax"]
    assert use[1].expansion == (f"in expansion of macro 'two' at {NAME}:19",)
    assert [item.text for item in line(16)] == ["inc %rax", "inc %rcx"]


def test_padding_data_and_symbols_are_explained(line) -> None:
    assert "a multiple of 16" in only(line(21)).notes[0]
    assert "more than the limit 1" in only(line(26)).notes[0]
    assert only(line(22)).data[8:16] == (0xB7).to_bytes(8, "little")
    assert only(line(29)).notes == ("'x' = 0x5",)


def test_lines_that_are_not_read_have_no_explanation(line) -> None:
    assert line(30) == ()
    assert line(32) == ()


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_the_parts_of_every_instruction_are_its_bytes(bits: int) -> None:
    seen = set()
    for code in encodings(bits, 1, seed=bits)[:: 1 if bits == 64 else 3]:
        found = anatomy.dissect(code, bits)
        if found is None:
            continue  # the decoder needs other options for it
        assert b"".join(part.data for part in found.parts) == code
        assert sum(part.name == "opcode" and bool(part.data) for part in found.parts) == 1, code
        seen |= {part.name for part in found.parts}
    assert {
        "prefix",
        "opcode",
        "ModRM",
        "VEX",
        "EVEX",
        "imm8",
        "rel8" if bits == 0 else "disp8",
    } <= seen


def test_the_command_line_answers_in_text_and_json(tmp_path: Path) -> None:
    (tmp_path / "m.inc").write_text(" hlt\n")
    (tmp_path / "p.s").write_text('.section .text,"ax"\n nop\n.include "m.inc"\n')
    base = [sys.executable, "-m", "orobuild", "asm", "p.s", "-o", "p.o"]

    def run(*words: str, status: int = 0) -> str:
        result = subprocess.run(
            [*base, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert result.returncode == status, result.stderr
        return result.stdout + result.stderr

    assert "90  opcode  NOP" in run("--explain", "2")
    (made,) = json.loads(run("--explain", "m.inc:1", "--format", "json"))
    assert (made["bytes"], made["text"], made["section"]) == ("f4", "hlt", ".text")
    assert "no statement that is read stands on p.s:9" in run("--explain", "9", status=2)
    assert "this is no line" in run("--explain", "x", status=2)
    oro_as = Path(sys.executable).with_name("oro-as")
    said = subprocess.run(
        [oro_as, "p.s", "-o", "p.o", "--explain", "2"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "90  opcode  NOP" in said.stdout
    assert "\x1b" not in said.stdout

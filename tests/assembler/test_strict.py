"""Strict mode refuses what GNU as guesses, and says who would suffer."""

from __future__ import annotations

import pytest

from assembler.gnu_as import gnu, message, ours
from orobuild.errors import InputError


def test_an_instruction_before_any_section_is_an_error() -> None:
    said = message("timer_isr:\n    push %rax\n", strict=True)
    assert "instruction of 'timer_isr' before any section directive" in said
    assert "[strict-section]" in said
    assert "{standard input}:2:5" in said


def test_data_before_any_section_is_an_error_told_once() -> None:
    said = message(".long 1\n.long 2\nnop\n", strict=True)
    assert said.count("[strict-section]") == 1


@pytest.mark.parametrize("line", [".text", ".section .text", ".pushsection .text", ".data 1"])
def test_any_section_directive_will_do(line: str) -> None:
    code = "nop" if "text" in line else ".long 1"
    assert ours(f"{line}\n{code}\n", strict=True).object


def test_after_popping_to_no_section_there_is_none_again() -> None:
    said = message(".pushsection .text\nnop\n.popsection\nnop\n", strict=True)
    assert "{standard input}:4:1" in said
    assert "[strict-section]" in said


ISR_IN_RODATA = """\
.section .text
vectors_init:
    lea timer_isr(%rip), %rax
    call timer_isr
    jmp timer_isr
.section .rodata
table: .quad timer_isr
timer_isr:
    push %rax
    iretq
"""


def test_code_in_a_section_that_is_not_executable_names_the_symbol_the_section_and_the_branches() -> (
    None
):
    said = message(ISR_IN_RODATA, strict=True)
    assert "instruction of 'timer_isr' in section '.rodata' (flags \"a\")" in said
    assert "which is not executable [strict-executable]" in said
    assert "{standard input}:9:5: error" in said
    assert "{standard input}:4:5: note: 'timer_isr' is called from here" in said
    assert "{standard input}:5:5: note: 'timer_isr' is reached from here" in said
    assert "{standard input}:7:1: note: 'timer_isr' is referred to from here" in said
    assert "{standard input}:6:1: note: '.rodata' was chosen here" in said


def test_gnu_as_accepts_code_in_rodata_and_so_does_the_other_mode() -> None:
    assert gnu(ISR_IN_RODATA)[0] is not None
    assert ours(ISR_IN_RODATA).object


def test_a_custom_section_without_flags_is_an_error_and_its_code_is_named() -> None:
    said = message(
        ".section .isr\ntimer_isr:\n iretq\n.section .text\n jmp timer_isr\n", strict=True
    )
    assert "section '.isr' has no flags: it would not be allocated" in said
    assert '.section .isr,"ax",@progbits' in said
    assert "instruction of 'timer_isr' in section '.isr' (no flags)" in said
    assert "'timer_isr' is reached from here" in said


def test_a_section_needs_its_flags_only_once() -> None:
    assert ours('.section .isr,"ax"\nnop\n.text\nnop\n.section .isr\nnop\n', strict=True).object


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        ('.section .text,"aw"', "ax"),
        ('.section .text.hot,"a"', "ax"),
        ('.section .rodata,"aw"', "a"),
        ('.section .data,"ax"', "aw"),
        ('.section .bss,"a"', "aw"),
        ('.section .tdata,"aw"', "awT"),
        ('.section .note.x,"awx"', ""),
    ],
)
def test_flags_that_contradict_a_well_known_name_are_an_error(line: str, flags: str) -> None:
    said = message(line + "\n", strict=True)
    assert "[strict-attributes]" in said
    assert f'write "{flags}"' in said


@pytest.mark.parametrize(
    "line",
    [
        '.section .text,"ax",@progbits',
        '.section .rodata.str1.1,"aMS",@progbits,1',
        '.section .note.GNU-stack,"",@progbits',
        '.section .note.GNU-stack,"x",@progbits',
        '.section .note.gnu.property,"a"',
        '.section .init_array,"aw"',
        '.section .text.f,"axG",@progbits,f,comdat',
        ".section .data.rel.ro",
        '.section .debug_info,"",@progbits',
        '.section .comment,"MS",@progbits,1',
    ],
)
def test_usual_section_lines_are_fine(line: str) -> None:
    assert ours(line + "\n", strict=True).object


def test_everything_wrong_is_said_at_once() -> None:
    said = message('nop\n.section .isr\n.section .text,"a"\n.sectoin\nmov %exx, 1\n', strict=True)
    for rule in (
        "strict-section",
        "strict-flags",
        "strict-attributes",
        "did you mean '.section'",
        "exx",
    ):
        assert rule in said


@pytest.mark.parametrize(
    "line",
    [
        ".popsection", ".endm", ".endr", ".exitm", ".purgem m", ".section .a,\"aM\"", ".byte 1,",
        ".section .a,\"a\",@bits",
    ],
)  # fmt: skip
def test_what_gnu_as_ignores_with_a_warning_is_an_error(line: str) -> None:
    assert "error" in message(f".text\n{line}\n", strict=True)
    assert ours(f".text\n{line}\n").warnings


def test_a_string_is_not_a_byte() -> None:
    assert "use '.ascii'" in message('.data\n.byte "a"\n', strict=True)


def test_strict_and_lenient_objects_are_the_same() -> None:
    text = '.section .text\n.globl f\nf: jmp f\n.section .x,"aw"\n.quad f\n'
    assert ours(text, strict=True).object == ours(text).object


def test_diagnostics_stop_at_fifty() -> None:
    with pytest.raises(InputError) as caught:
        ours(".text\n" + "bogus\n" * 200)
    assert len(caught.value.diagnostics) == 50

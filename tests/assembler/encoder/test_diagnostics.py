"""What is wrong with a statement is said at the operand that is wrong."""

from __future__ import annotations

import pytest

from orobuild.assembler.encoder.encoder import Encoder, span_of
from orobuild.assembler.encoder.types import Dialect
from orobuild.diagnostics import Diagnostic, Severity


def complaints(text: str, dialect: Dialect) -> list[Diagnostic]:
    encoder = Encoder()
    slot = encoder.submit(text, dialect, lambda _: None, span_of("t.s", 1, text))
    found = encoder.flush()
    if any(d.severity is Severity.ERROR for d in found):
        assert slot.encoded is None
    return found


CASES = [
    (64, "movv %eax, %ebx", "unknown instruction 'movv'", "movv"),
    (64, "mov %eaz, %ebx", "bad register name '%eaz'", "%eaz"),
    (32, "mov %rax, %rbx", "bad register name '%rax'", "%rax"),
    (64, "mov %eax, %bx", "operand size mismatch for 'mov'", "%bx"),
    (64, "mov %eax", "cannot encode", "mov"),
    (64, "mov %eax, %ebx, %ecx", "cannot encode", "mov"),
    (64, "mov 8(%rax,%rsp), %ebx", "'%rsp' cannot be an index register", "%rax,%rsp"),
    (64, "mov 8(%rax,%rbx,3), %ebx", "the scale factor is 1, 2, 4 or 8", "3"),
    (64, "mov 8(%rax,%ebx), %ebx", "base and index registers differ in size", "%rax,%ebx"),
    (16, "mov (%bx,%bp), %ax", "not a 16-bit address", "%bx,%bp"),
    (64, "mov 0x123456789(%rax), %ebx", "not a signed 32-bit displacement", "0x123456789(%rax)"),
    (64, "int $300", "does not fit into 8 bits", "$300"),
    (64, "push $0x123456789", "cannot encode", "push"),
    (64, "lock mov %eax, (%rax)", "lock", "mov"),
    (64, "rep mov %eax, %ebx", "rep", "mov"),
    (64, "rep lock nop", "cannot", ""),
    (64, "mov %ah, %r8b", "REX", "mov"),
    (64, "lcall $1, $2", "cannot encode", "lcall"),
    (64, "mov , %eax", "an operand is missing", ","),
    (64, "mov $, %eax", "an expression is missing", ","),
    (64, "mov %eax %ebx", "junk", "%ebx"),
    (64, "addr32 lea (%rax), %eax", "address-size prefix contradicts", "(%rax)"),
    (64, "{vex9} nop", "unknown pseudo prefix", "{vex9}"),
    (64, "data32 nop", "means nothing in 64-bit code", "data32"),
    (64, "cs ds nop", "two prefixes of the same group", "ds"),
    (64, "mov*%eax, %ebx", "invalid character '*' in mnemonic", "*"),
    (64, "12345", "an instruction is expected here", "12345"),
    (64, "vcvtpd2ps (%rax), %xmm0", "suffix", "vcvtpd2ps"),
]


@pytest.mark.parametrize(("bits", "text", "message", "marked"), CASES)
def test_att_errors(bits: int, text: str, message: str, marked: str) -> None:
    first = complaints(text, Dialect(bits))[0]
    if marked == "":
        return
    assert message in first.message
    assert first.span is not None
    start = first.span.column - 1
    assert text[start:].startswith(marked)


INTEL = [
    ("mov [rax], 1", "ambiguous operand size for 'mov'"),
    ("movzx eax, [rax]", "ambiguous operand size for 'movzx'"),
    ("mov eax, word ptr [rax]", "cannot encode"),
    ("mov eax, [rax+rbx*3]", "the scale factor is 1, 2, 4 or 8"),
    ("mov eax, [rax+rbx+rcx]", "one base and one index"),
    ("mov eax, [rax", "']' is missing"),
    ("mov eax, [rax*rbx]", "multiplied"),
    ("mov eax, [rax-rbx]", "registers can only be added"),
    ("mov eax, 5/0", "division by zero"),
    ("mov eax, 09", "bad number"),
    ("fld [rax]", "ambiguous operand size for 'fld'"),
]


@pytest.mark.parametrize(("text", "message"), INTEL)
def test_intel_errors(text: str, message: str) -> None:
    assert message in complaints(text, Dialect(64, intel=True, naked=True))[0].message


def test_an_unknown_mnemonic_gets_the_nearest_known_one() -> None:
    assert complaints("movzxx %al, %eax", Dialect(64))[0].hint == "did you mean 'movzx'?"


def test_a_missing_suffix_is_a_warning_as_in_gnu_as() -> None:
    (said,) = complaints("incb (%rax)", Dialect(64)) or complaints("inc (%rax)", Dialect(64))
    assert said.severity is Severity.WARNING
    assert "no instruction mnemonic suffix given" in said.message


def test_a_value_that_is_cut_is_a_warning() -> None:
    (said,) = complaints("movb $0x123, %al", Dialect(64))
    assert said.severity is Severity.WARNING
    assert said.message == "0x123 shortened to 0x23"


def test_every_occurrence_of_a_bad_statement_is_reported_in_order() -> None:
    encoder = Encoder()
    lines = ["mov %eax, %bx", "nop", "mov %eaz, %ebx", "mov %eax, %bx", "xyzzy"]
    for number, text in enumerate(lines, 1):
        encoder.submit(text, Dialect(64), lambda _: None, span_of("t.s", number, text))
    places = [d.span.line for d in encoder.flush() if d.span]
    assert places == [1, 3, 4, 5]
    assert encoder.flush() == []

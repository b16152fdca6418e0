"""Every encoding is the one GNU as 2.40 chooses: bytes and relocations."""

from __future__ import annotations

import re
from pathlib import Path

import iced_x86 as iced
import pytest

from assembler.encoder.gnu_oracle import differences, gnu_as
from assembler.encoder.instruction_corpus import symbolic, texts
from orobuild.assembler.encoder.registers import REGISTERS, RegisterClass
from orobuild.assembler.encoder.types import Dialect

HERE = Path(__file__).parent
LEGACY = {iced.EncodingKind.LEGACY, iced.EncodingKind.D3NOW}
VECTOR = {iced.EncodingKind.VEX, iced.EncodingKind.EVEX, iced.EncodingKind.XOP}

KNOWN = re.compile(r"montmul|movsxd r?[a-z0-9]+[xpiw],DWORD|(?:data16|data32) sfence")
"""`montmul` of VIA's PadLock exists in 64-bit code for GNU as, but not for the decoder; the
decoder takes the source of `movsxd` into 16 bits for a word, GNU as for a doubleword; `sfence`
with an operand-size prefix is `pcommit`, so it is refused."""


def compared(statements: list[str], dialect: Dialect) -> list[str]:
    """The differences from GNU as, less those in `KNOWN`."""
    return [d for d in differences(statements, dialect) if not KNOWN.search(d)]


# The rarer modes only with --full.
MODES = [*(pytest.param(bits, marks=pytest.mark.full) for bits in (16, 32)), 64]


@pytest.mark.parametrize("bits", [16, 32, 64])
@pytest.mark.parametrize("kinds", [LEGACY, VECTOR], ids=["legacy", "vector"])
def test_every_instruction_of_the_decoders_table(bits: int, kinds: set[int]) -> None:
    found = texts(bits, 2, seed=bits, kinds=kinds)
    assert len(found) > 3500
    assert compared(found, Dialect(bits)) == []


@pytest.mark.parametrize("bits", MODES)
def test_symbolic_operands_leave_the_same_relocations(bits: int) -> None:
    found = symbolic(texts(bits, 1, seed=7 * bits))
    assert len(found) > 2000
    assert compared(found, Dialect(bits)) == []


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_statements_that_kernels_and_compilers_write(bits: int) -> None:
    statements = (HERE / f"statements_{bits}.txt").read_text().splitlines()
    accepted = [a for a in gnu_as(statements, Dialect(bits)).values() if a is not None]
    assert len(accepted) >= len(statements) - 20
    assert compared(statements, Dialect(bits)) == []


@pytest.mark.parametrize("bits", MODES)
def test_every_instruction_in_intel_syntax(bits: int) -> None:
    dialect = Dialect(bits, intel=True, naked=True)
    found = texts(bits, 1, seed=100 + bits, intel=True)
    assert len(found) > 5000
    assert compared(found, dialect) == []


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_intel_statements_that_kernels_and_compilers_write(bits: int) -> None:
    dialect = Dialect(bits, intel=True, naked=True)
    statements = (HERE / f"statements_intel_{bits}.txt").read_text().splitlines()
    assert compared(statements, dialect) == []


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_every_general_register_in_every_place(bits: int) -> None:
    registers = [
        r.name
        for r in REGISTERS.values()
        if r.kind is RegisterClass.GENERAL and (bits == 64 or not r.long_mode)
    ]
    forms = (
        "mov 0x1234,%{}",
        "mov %{},0x1234",
        "mov %fs:0,%{}",
        "mov $5,%{}",
        "mov %{},%{}",
        "xchg %{},%{}",
        "push %{}",
        "inc %{}",
        "shl %cl,%{}",
        "movsx %{},%eax",
        "movzx %al,%{}",
        "mov %ds,%{}",
        "mov %{},%es",
        "bswap %{}",
        "imul $7,%{}",
        "nop %{}",
        "mov 8(%{}),%eax",
        "mov (,%{},4),%eax",
        "mov foo(%{}),%ecx",
        "in %dx,%{}",
        "movd %{},%xmm0",
        "cvtsi2sd %{},%xmm1",
        "vpinsrw $1,%{},%xmm1,%xmm2",
        "rdrand %{}",
        "jmp *%{}",
        "ltr %{}",
        "smsw %{}",
    )
    statements = [form.replace("{}", name) for form in forms for name in registers]
    assert compared(statements, Dialect(bits)) == []


def test_16_bit_code_of_gcc_pushes_and_calls_with_32_bits() -> None:
    statements = (HERE / "statements_16.txt").read_text().splitlines()
    # GNU as writes a 32-bit push with a 16-bit immediate here, which no processor reads so.
    statements.remove("push $foo")
    assert compared(statements, Dialect(16, code16gcc=True)) == []

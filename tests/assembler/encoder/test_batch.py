"""Batches against the encoder's own way: what is encoded together is what each would be alone."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import pytest

from orobuild.assembler.encoder import batch
from orobuild.assembler.encoder.encoder import Encoder, span_of
from orobuild.assembler.encoder.types import Dialect, Encoded, Slot

HERE = Path(__file__).parent


def names(text: str) -> list[str]:
    return text.split()


QUADS = names("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15")
LONGS = names("eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d")
SHORTS = names("ax cx dx bx sp bp si di r8w r9w r12w r13w r15w")
BYTES = names("al cl dl bl spl bpl sil dil r8b r9b r12b r13b r15b ah ch dh bh")
VECTORS = [f"xmm{n}" for n in (0, 1, 7, 8, 9, 15)] + ["ymm0", "ymm5", "ymm12"]
EXTENDED = ["xmm16", "xmm23", "xmm24", "xmm31", "zmm0", "zmm9", "zmm17"]
NUMBERS = names("""0 1 2 3 4 5 0x7f 127 128 -1 -128 -129 255 256 0xff80 0xffff 0x10000 32767 32768 65535
    -32768 -32769 -65536 0x7fffffff 0x80000000 0xffffff80 0xffffffff -0x80000000 0x100000000
    0x123456789abcdef -0x80000001""")


def alone(text: str, dialect: Dialect) -> Encoded | None:
    """What the encoder makes of the statement when there is no other."""
    encoder = Encoder()
    slot = encoder.submit(text, dialect, lambda _: None, span_of("x.s", 1, text))
    return None if encoder.flush() else slot.encoded


def together(texts: list[str], dialect: Dialect, encoder: Encoder | None = None):
    """What a batch makes of the statements that it takes, by text."""
    found = batch.encode(
        encoder or Encoder(), dict.fromkeys(texts), dialect, lambda _: True, lambda _: True
    )
    return {text: Slot(raw).encoded for text, raw in found.raws.items()}


def compare(texts: list[str], dialect: Dialect) -> float:
    """Fail where a batch says something else; the share of valid statements that it takes."""
    made = together(texts, dialect)
    valid = 0
    for text in dict.fromkeys(texts):
        wanted = alone(text, dialect)
        valid += wanted is not None
        if text in made:
            assert made[text] == wanted, text
    return len(made) / max(1, valid)


def address(choices: random.Random, registers: list[str]) -> str:
    """An address, valid or not."""
    number = choices.choice([*NUMBERS, *[""] * 12])
    base = choices.choice(registers)
    kind = choices.randrange(6)
    if kind < 3:
        return f"{number}(%{base})"
    if kind < 5:
        scale = choices.choice(["", ",1", ",2", ",4", ",8"])
        return f"{number}(%{base},%{choices.choice(registers)}{scale})"
    if choices.random() < 0.5:
        return f"{number}(,%{choices.choice(registers)},{choices.choice('1248')})"
    return f"symbol{choices.choice(['', '+8', '-0x10'])}(%rip)"


def operand(choices: random.Random, registers: list[str]) -> str:
    kind = choices.randrange(3)
    if kind == 0:
        return f"%{choices.choice(registers)}"
    if kind == 1:
        return address(choices, QUADS if choices.random() < 0.8 else LONGS)
    return f"${choices.choice(NUMBERS)}"


INTEGERS = names("""mov add or adc sbb and sub xor cmp test xchg imul lea cmove cmovnb cmovge bt bts shl shr
    sar rol shld shrd xadd cmpxchg movzbl movsbq movslq movzwl push pop inc dec neg not mul div idiv
    call jmp in out bswap bsf popcnt movabs crc32 movnti movbe enter sete setnz""")
OTHERS = names("""movd movq movss movsd movaps movdqu addsd pxor cvtsi2sd cvttsd2si pinsrw pextrq pshufd
    blendvps pblendvb vaddps vpxor vmovaps vmovd vmovq vpaddd vinserti128 vpgatherdd vblendvps vpermq
    andn bextr shlx mulx rorx pdep vfmadd213pd vpbroadcastd vcvtss2sd movmskps sha256rnds2
    aesenc vaddpd vpternlogd""")


def generated(choices: random.Random, count: int) -> list[str]:
    """Statements, many of them wrong."""
    texts = []
    for _ in range(count):
        if choices.random() < 0.7:
            registers = choices.choice([QUADS, QUADS, LONGS, SHORTS, BYTES])
            mnemonic = choices.choice(INTEGERS) + choices.choice(["", "", *"bwlq"])
            operands = choices.choice((1, 2, 2, 2, 2, 3))
        else:
            registers = choices.choice(
                [VECTORS, VECTORS, [*VECTORS, *EXTENDED], [*VECTORS, *QUADS]]
            )
            mnemonic = choices.choice(OTHERS)
            operands = choices.choice((2, 2, 3, 3, 4))
        prefix = choices.choice(["", "", "", "", "lock ", "rep ", "data16 "])
        star = "*" if mnemonic.startswith(("call", "jmp")) else ""
        parts = ",".join(operand(choices, registers) for _ in range(operands))
        texts.append(f"{prefix}{mnemonic} {star}{parts}")
    return texts


@pytest.mark.parametrize("seed", range(6))
def test_generated_statements_come_out_as_they_do_alone(seed):
    choices = random.Random(seed)
    bits = (64, 64, 64, 64, 32, 16)[seed]
    # Families only form where there are many alike.
    few = [choices.choice(INTEGERS) for _ in range(6)], [choices.choice(OTHERS) for _ in range(4)]
    texts = generated(choices, 300)
    texts += [
        f"{mnemonic} {operand(choices, registers)},{operand(choices, registers)}"
        for mnemonic in few[0]
        for registers in (QUADS, LONGS, BYTES)
        for _ in range(20)
    ]
    texts += [
        f"{mnemonic} {operand(choices, VECTORS)},%{choices.choice(VECTORS)},%{choices.choice(VECTORS)}"
        for mnemonic in few[1]
        for _ in range(20)
    ]
    assert compare(texts, Dialect(bits)) > 0.4


@pytest.mark.parametrize(
    ("mnemonics", "forms"),
    [
        ("mov add cmp test xchg", "{m} %{a},%{b}"),
        ("mov lea sub imul", "{m} 8(%{a}),%{b}"),
        ("mov xor", "{m} %{b},(%{a})"),
        ("mov", "{m} (%{a},%{b},4),%rdx"),
        ("movzbl movsbq", "{m} 0x1000(%{a}),%e{b}"),
    ],
)
def test_every_register_in_every_place(mnemonics, forms):
    texts = [
        forms.format(m=mnemonic, a=a, b=b).replace("%er", "%e")
        for mnemonic, a, b in product(mnemonics.split(), QUADS, QUADS)
    ]
    texts = random.Random(forms).sample(texts, 200)
    assert compare(texts, Dialect(64)) > 0.9


@pytest.mark.parametrize("registers", [LONGS, SHORTS, BYTES, VECTORS], ids=len)
def test_every_pair_of_registers(registers):
    mnemonics = (
        ("movaps", "addsd", "pxor", "movq", "vmovaps")
        if "xmm0" in registers
        else ("mov", "adc", "xchg")
    )
    texts = [f"{m} %{a},%{b}" for m, a, b in product(mnemonics, registers, registers)]
    texts = random.Random(registers[0]).sample(texts, 200)
    compare(texts, Dialect(64))


@pytest.mark.parametrize(
    "mnemonic", ["add", "mov", "movq", "test", "imul", "push", "shl", "cmpb", "andw"]
)
def test_every_number_with_every_register(mnemonic):
    registers = [*QUADS, *LONGS, "ax", "cx", "al", "dl", "cl", "ah", "r9b"]
    texts = [f"{mnemonic} ${number},%{register}" for number in NUMBERS for register in registers]
    texts += [f"{mnemonic} ${number},{number}(%{base})" for number in NUMBERS for base in QUADS]
    texts += [f"{mnemonic} ${number}" for number in NUMBERS]
    texts = random.Random(mnemonic).sample(texts, 250)
    assert compare(texts, Dialect(64)) > 0.4


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_statements_of_real_programs(bits):
    texts = (HERE / f"statements_{bits}.txt").read_text().splitlines()
    random.Random(1).shuffle(texts)
    texts = texts[:400]
    compare(texts, Dialect(bits))


def test_a_batch_believes_nothing_that_reads_differently(monkeypatch):
    """Break the places of registers: the decoder must notice."""
    from orobuild.assembler.encoder import stencil

    texts = [f"mov %{a},8(%{b})" for a, b in product(QUADS, QUADS)]
    honest = stencil.Stencil.stamp

    def crooked(self, members):
        code, reading = honest(self, members)
        return code[:-2] + bytes((code[-2] ^ 1,)) + code[-1:], reading

    monkeypatch.setattr(stencil.Stencil, "stamp", crooked)
    made = together(texts, Dialect(64))
    monkeypatch.undo()
    assert len(made) < len(together(texts, Dialect(64)))
    for text, encoded in made.items():
        assert encoded == alone(text, Dialect(64)), text

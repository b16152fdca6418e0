"""Recipes and memos give the bytes that the long way gives."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import orobuild
from assembler.encoder.gnu_oracle import gnu_as
from orobuild.assembler.encoder.encoder import Encoder, span_of
from orobuild.assembler.encoder.types import Dialect, Encoded
from orobuild.assembler.expression import fold

VALUES = [
    *(0, 1, 2, 3, 4, 5, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFF7F, 0xFF80),
    *(0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFF7F, 0xFFFFFF80, 0xFFFFFFFF),
    *(-1, -2, -0x7F, -0x80, -0x81, -0x100, -0x101, -0x8000, -0x8001, -0x10000, -0x10001),
    *(-0x7FFFFFFF, -0x80000000),
]
FORMS = [
    "add ${}, %al",
    "add ${}, %bx",
    "add ${}, %ecx",
    "add ${}, %rdx",
    "mov ${}, %rax",
    "mov ${}, %r9d",
    "movw ${}, 8(%rsp)",
    "imul ${}, %ax, %cx",
    "shl ${}, %eax",
    "push ${}",
    "int ${}",
    "test ${}, %rcx",
    "mov {}(%rax), %ebx",
    "mov {}(%rbp,%rcx,4), %ebx",
    "mov {}(%eax), %ebx",
    "lea {}(%rax), %ecx",
    "mov {}(,%rax,8), %ebx",
    "mov {}, %ebx",
    "vmovaps {}(%rax), %zmm1",
    "lock addl ${}, {}(%rdi)",
]


def encoded(encoder: Encoder, texts: list[str], dialect: Dialect) -> list[Encoded | None]:
    slots = [
        encoder.submit(t, dialect, lambda e: fold(e, lambda _: None), span_of("t.s", 1, t))
        for t in texts
    ]
    encoder.flush()
    return [slot.encoded for slot in slots]


def test_every_class_of_numbers_is_encoded_as_gnu_as_does_whichever_came_first() -> None:
    texts = [form.replace("{}", str(value)) for form in FORMS for value in VALUES]
    dialect = Dialect(64)
    expected = gnu_as(texts, dialect)
    encoder = Encoder()
    for order in (texts, texts[::-1]):
        for text, found in zip(order, encoded(encoder, order, dialect), strict=True):
            answer = expected[text]
            if answer is not None:
                assert found is not None, text
                assert found.code == answer.code, text


def test_a_fresh_encoder_with_a_memo_gives_the_same(tmp_path: Path) -> None:
    texts = [form.replace("{}", str(value)) for form in FORMS for value in VALUES]
    texts += ["mov foo+8(%rip), %rax", "addl $5, foo(%rip)", "jmp foo", "call foo@PLT", "nop"]
    memo: dict = {}
    cold = encoded(Encoder(memo), texts, Dialect(64))
    path = tmp_path / "memo"
    path.write_bytes(pickle.dumps(memo))
    warm = encoded(Encoder(pickle.loads(path.read_bytes())), texts, Dialect(64))
    assert warm == cold


def test_with_a_memo_neither_keystone_nor_the_decoder_is_imported(tmp_path: Path) -> None:
    memo: dict = {}
    texts = ["mov 8(%rsp), %rax", "jne foo", "movl $5, foo(%rip)", "vpaddd %ymm1, %ymm2, %ymm3"]
    encoded(Encoder(memo), texts, Dialect(64))
    (tmp_path / "memo").write_bytes(pickle.dumps(memo))
    script = f"""
import pickle, sys
from orobuild.assembler.encoder.encoder import Encoder, span_of
from orobuild.assembler.encoder.types import Dialect
encoder = Encoder(pickle.loads(open({str(tmp_path / "memo")!r}, "rb").read()))
slots = [encoder.submit(t, Dialect(64), lambda e: None, span_of("t", 1, t)) for t in {texts!r}]
assert encoder.flush() == []
assert all(slot.encoded for slot in slots)
assert not {{"keystone", "iced_x86"}} & set(sys.modules)
"""
    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        env={"PYTHONPATH": str(Path(orobuild.__file__).parent.parent)},
    )


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_flushing_after_every_statement_changes_nothing(bits: int) -> None:
    texts = (Path(__file__).parent / f"statements_{bits}.txt").read_text().splitlines()
    together = encoded(Encoder(), texts, Dialect(bits))
    encoder = Encoder()
    alone = [encoded(encoder, [text], Dialect(bits))[0] for text in texts]
    assert alone == together


def test_a_symbol_that_becomes_known_is_not_taken_from_an_earlier_statement() -> None:
    encoder = Encoder()
    text = "mov foo(%rip), %eax"
    before = encoder.submit(text, Dialect(64), lambda _: None, span_of("t", 1, text))
    encoder.flush()
    after = encoder.submit(text, Dialect(64), lambda _: 5, span_of("t", 2, text))
    encoder.flush()
    assert before.encoded is not None
    assert after.encoded is not None
    assert len(before.encoded.fixups) == 1
    assert after.encoded == Encoded(bytes.fromhex("8b0505000000"))

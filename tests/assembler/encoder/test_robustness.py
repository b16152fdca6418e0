"""Whatever the text, the answer is bytes or a diagnostic; and what is accepted means what it says."""

from __future__ import annotations

import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembler.encoder.gnu_oracle import gnu_as, ours
from assembler.encoder.instruction_corpus import texts
from orobuild.assembler.encoder.encoder import Encoder, span_of
from orobuild.assembler.encoder.mnemonics import ALIASES, PREFIXES
from orobuild.assembler.encoder.operands import split
from orobuild.assembler.encoder.registers import REGISTERS
from orobuild.assembler.encoder.types import Dialect
from orobuild.diagnostics import Severity

DIALECTS = [
    Dialect(bits, intel=intel, naked=intel) for bits in (16, 32, 64) for intel in (False, True)
]
WORDS = st.one_of(
    st.sampled_from(sorted(REGISTERS)).map(lambda name: f"%{name}"),
    st.sampled_from(sorted(REGISTERS)),
    st.sampled_from(sorted(ALIASES)),
    st.sampled_from(sorted(PREFIXES)),
    st.sampled_from(
        [
            "$",
            "*",
            "(",
            ")",
            "[",
            "]",
            ",",
            ":",
            "+",
            "-",
            "{",
            "}",
            "%",
            "'",
            '"',
            "@",
            ".",
            "0x10",
            "-1",
            "99999999999999999999",
            "{z}",
            "{%k1}",
        ]
    ),
    st.sampled_from(["dword ptr", "offset", "foo", "mov", "add", "jmp", "vaddps", "fld", " "]),
    st.text(string.printable.replace("\n", ""), max_size=4),
)


def submit(text: str, dialect: Dialect) -> None:
    encoder = Encoder()
    slot = encoder.submit(text, dialect, lambda _: None, span_of("t.s", 1, text))
    errors = [d for d in encoder.flush() if d.severity is Severity.ERROR]
    assert (slot.encoded is None) == bool(errors)


@settings(max_examples=600, deadline=None)
@given(st.lists(WORDS, max_size=8).map(" ".join), st.sampled_from(DIALECTS))
def test_words_in_any_order(text: str, dialect: Dialect) -> None:
    submit(text.replace("\n", " "), dialect)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.sampled_from(DIALECTS))
def test_any_text(text: str, dialect: Dialect) -> None:
    submit(text.replace("\n", " "), dialect)


def mutated(text: str, choice: random.Random) -> str:
    """`text` with a register, the suffix, or an operand changed."""
    kind = choice.random()
    registers = list(re.finditer(r"%(?:st\(\d\)|\w+)", text))
    if kind < 0.5 and registers:
        match = choice.choice(registers)
        return f"{text[: match.start()]}%{choice.choice(sorted(REGISTERS))}{text[match.end() :]}"
    head, _, rest = text.partition(" ")
    if kind < 0.65:
        return f"{head}{choice.choice('bwlqstx')} {rest}"
    operands = [piece for piece, _ in split(rest)]
    if kind < 0.8:
        choice.shuffle(operands)
    elif kind < 0.9:
        operands.pop(choice.randrange(len(operands)))
    else:
        operands.append(choice.choice(["%eax", "$5", "(%rax)", "8(%ebx,%ecx,2)", "foo(%rip)"]))
    return f"{head} {','.join(operands)}"


TOLERATED = re.compile(
    r"^(?:\S+ )?(?:\w+[wlqs] |movs?ww|movzww|l[dfg]s|lss|lldt|ltr|lmsw|ver[rw]|sldt|str|smsw|tpause|"
    r"umwait|umonitor|call|jmp|crc32)|sae\}"
)
"""Where the encoder takes more than GNU as without a doubt about the meaning: a suffix that repeats
the register's size, a selector in a wider register, rounding written after another operand."""


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_changed_statements_are_accepted_only_where_gnu_as_accepts_them(bits: int) -> None:
    choice = random.Random(bits)
    known = texts(bits, 1, seed=5)
    changed = [mutated(choice.choice(known), choice) for _ in range(800)]
    # GNU as takes what stands alone for a prefix, and a number for a branch's target.
    changed = [t for t in changed if not re.match(r"(?:\S+ )?(?:j|call|loop|xbegin)|^\S+ ?$", t)]
    expected = gnu_as(changed, Dialect(bits))
    found, _ = ours(changed, Dialect(bits))
    wrong = [t for t, a in found.items() if a is not None and expected[t] is None]
    assert [t for t in wrong if not TOLERATED.search(t)] == []
    differing = [
        f"{t}: GNU as {expected[t]}, ours {a}"
        for t, a in found.items()
        if a is not None and expected[t] is not None and a != expected[t]
    ]
    assert differing == []

"""Any bytes as a source: findings or a located error, in bounded time, and never a traceback.

The time is bounded by pytest's limit for a test: what is quadratic does not pass here.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from lint.building import FIXTURES
from orobuild.diagnostics import render
from orobuild.errors import InputError
from orobuild.lint import LintConfig, files

ROOT = Path(__file__).parents[2]
NAMES = ("x.S", "x.s", "x.inc", "x.asm", "x.c", "x.rs", "x.ld")
SEEDS = [
    *(p.read_bytes() for p in sorted(FIXTURES.glob("[AS][SU][MP]*"))),
    *(p.read_bytes() for p in sorted((ROOT / "asm").glob("*.S"))),
]


def lint(data: bytes, name: str) -> bool:
    """Whether the bytes could be checked; anything but `InputError` is the test's failure."""
    try:
        if not files.why_passed_over(data, name):
            for finding in files.check_bytes(data, name, LintConfig()):
                render(finding)
    except InputError:
        return False
    return True


N = 10_000
HARD = {
    "nothing": b"",
    "one byte": b"\xff",
    "a byte order mark": b"\xef\xbb\xbf",
    "UTF-16": "push rax\n".encode("utf-16"),
    "NUL": b".text\nnop\0",
    "no newline": b".text\nasm",
    "returns": b".text\rnop\rasm(\r",
    "a long line": b"nop;" * N,
    "a long word": b"a" * (10 * N),
    "many labels": b"".join(b"l%d:" % i for i in range(N)),
    "deep conditionals": b".if 1\n" * N + b".endif\n" * N,
    "deep preprocessor": b"#if X\n" * N,
    "deep macros": b"".join(b".macro m%d\n" % i for i in range(3000)),
    "a macro that grows": b".macro m x\nm \\x\\x\n.endm\nm ab\n",
    "a macro of itself": b".macro m\nm\nm\n.endm\nm\n",
    "repetitions": b".rept 9\n" * 40 + b"nop\n" + b".endr\n" * 40,
    "a large repetition": b".rept 0xffffffffffff\nnop\n.endr\n",
    "brackets": b"asm(" * N,
    "brackets of Rust": b'asm!("' + b"(" * N,
    "strings": b'asm("' * N,
    "quotes": b'"' * (2 * N + 1),
    "apostrophes": b"'" * (2 * N + 1),
    "backslashes": b"\\" * N,
    "continued lines": b"\\\n" * N,
    "raw strings": b'r#"' * N,
    "raw strings of C++": b'R"x(' * N,
    "fences": b"r" + b"#" * N,
    "comments": b"/*" * N,
    "comments of Rust": b"/*/" * N,
    "a define that grows": b"".join(b"#define a%d a%d a%d\n" % (i, i + 1, i + 1) for i in range(60)) + b"a0\n",
    "a define of itself": b"#define f(x) f(x) f(x)\nf(f(f(f(1))))\n",
    "many defines": b"".join(b"#define M%d() asm(\"nop\")\n" % i for i in range(2000)),
    "many blocks": b'asm("nop");\n' * 4000,
    "many blocks of Rust": b'asm!("nop");\n' * 4000,
    "pushes": b".pushsection .x\n" * N,
    "pops": b".popsection\n" * N,
    "marks": b"/* orolint: ignore[ASM001] x */\n" * 4000,
    "marks on a line": b"/* orolint: ignore[ASM001,ASM002] x */" * 2000,
    "open marks": b"# orolint: ignore[" * 2000,
    "attributes": b"#[cfg(target_arch = " * 3000,
    "braces": b"{" * N + b"}" * N,
    "branches": b".text\n.globl f\nf:\n" + b"".join(b"l%d: jz l%d\npush %%rax\n" % (i, 4000 - i) for i in range(4000)),
    "functions": b".text\n" + b"".join(b".globl f%d\nf%d: ret\n" % (i, i) for i in range(3000)),
}  # fmt: skip


@pytest.mark.parametrize("name", ["x.S", "x.c", "x.rs"])
@pytest.mark.parametrize("what", HARD)
def test_what_is_hard_to_read_is_checked_or_refused(what, name):
    lint(HARD[what], name)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Lines and pieces removed, doubled, swapped, or replaced by what is special somewhere."""
    pieces = re.findall(rb"\w+|[ \t]+|[^\w \t]", data)
    special = [
        b'"', b"'", b"\\", b"\\\n", b"/*", b"*/", b"//", b"#", b"\n", b"\r\n", b"{", b"}", b"(",
        b")", b"[", b"]", b";", b",", b":", b"\xff", b".macro m\n", b".endm\n", b"\n#if X\n",
        b"\n#endif\n", b".rept 3\n", b".endr\n", b"asm(", b'asm!("', b'r#"', b"\\@", b"%", b"{}",
        b".section ", b".pushsection .x\n", b".popsection\n", b"orolint: ignore[", b"9" * 400,
    ]  # fmt: skip
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(pieces))
        match rng.randrange(4):
            case 0:
                pieces[at] = b""
            case 1:
                pieces[at] *= 2
            case 2:
                other = rng.randrange(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case 3:
                pieces[at] = rng.choice(special)
    return b"".join(pieces)


def check_mutations(seed: int, count: int) -> None:
    rng = random.Random(seed)
    outcomes = [lint(mutate(rng.choice(SEEDS), rng), rng.choice(NAMES)) for _ in range(count)]
    assert sum(outcomes) > count // 4


def test_mutated_sources_are_checked_or_refused():
    check_mutations(1, 300)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_very_many_mutated_sources_are_checked_or_refused():
    check_mutations(2, 30_000)

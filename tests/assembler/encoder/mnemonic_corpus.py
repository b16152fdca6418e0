"""Instruction texts to compare: every mnemonic that GNU as knows, with every shape of operands.

The mnemonics are the words of GNU as's own program that it takes for instructions; the operands
are all that registers, addresses and numbers of each kind can stand in. What GNU as refuses is
no test case; what it accepts must come out equal. The decoder's table, with the decorations of
AVX-512, is the other source (`instruction_corpus`).
"""

from __future__ import annotations

import functools
import itertools
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(rb"[a-z][a-z0-9._-]{1,23}\0")
SUFFIXES = ("b", "w", "l", "q", "s", "t")
_UNKNOWN = re.compile(r":(\d+): Error: (no such instruction|invalid instruction suffix|unknown)")
_COUNT = re.compile(r":(\d+): Error: (?:number of operands mismatch|operand number mismatch)")


def _errors(lines: list[str], bits: int, intel: bool) -> list[str]:
    head = [f".code{bits}", ".intel_syntax noprefix" if intel else ".att_syntax"]
    run = subprocess.run(
        ["as", "--64" if bits == 64 else "--32", "-W", "-o", "/dev/null", "-"],
        input="\n".join(head + lines) + "\n",
        capture_output=True,
        text=True,
    )
    return run.stderr.splitlines()


@functools.cache
def mnemonics(bits: int = 64, *, intel: bool = False) -> tuple[str, ...]:
    """The words that GNU as reads as instructions in `bits`-bit code, without size suffixes."""
    program = shutil.which("as")
    assert program
    strings = {w[:-1].decode() for w in _WORD.findall(Path(program).read_bytes())}
    # Linkers share the ends of strings: `mov` is only in the program as the end of `cmov`.
    words = {string[start:] for string in strings for start in range(len(string) - 1)}
    words = {word for word in words if word[0].isalpha()}
    ordered = sorted(words)
    unknown = set()
    for line in _errors(ordered, bits, intel):
        if match := _UNKNOWN.search(line):
            unknown.add(int(match[1]) - 3)
    return tuple(
        word
        for number, word in enumerate(ordered)
        if number not in unknown
        and word not in PREFIXES
        and not word.startswith((".", "j", "loop"))
    )


PREFIXES = frozenset(
    [
        "addr16",
        "addr32",
        "aword",
        "adword",
        "ds.s",
        "ht",
        "hnt",
        "bnd",
        "cs",
        "data16",
        "data32",
        "ds",
        "es",
        "fs",
        "gs",
        "lock",
        "notrack",
        "rep",
        "repe",
        "repne",
        "repnz",
        "repz",
        "ss",
        "xacquire",
        "xrelease",
        "rex",
        "rexz",
        "rexy",
        "rexyz",
        "rexx",
        "rexxz",
        "rexxy",
        "rexxyz",
        "rex64",
        "rex64z",
        "rex64y",
        "rex64yz",
        "rex64x",
        "rex64xz",
        "rex64xy",
        "rex64xyz",
        "wait",
        "fwait",
        "rex.b",
        "rex.x",
        "rex.xb",
        "rex.r",
        "rex.rb",
        "rex.rx",
        "rex.rxb",
        "rex.w",
        "rex.wb",
        "rex.wx",
        "rex.wxb",
        "rex.wr",
        "rex.wrb",
        "rex.wrx",
        "rex.wrxb",
        "word",
        "dword",
        "qword",
        "byte",
        "oword",
        "tbyte",
        "fword",
        "xmmword",
        "ymmword",
        "zmmword",
        "mmword",
        "macro",
        "endm",
        "offset",
    ]
)
_REGISTERS = {
    16: "al cl ah ax cx dx eax ecx st st(1) mm1 xmm1 ymm2 zmm3 k1 bnd1 cr0 dr7 es cs fs",
    32: "al cl ah ax cx dx eax ecx st st(1) mm1 xmm1 ymm2 zmm3 k1 bnd1 cr0 dr7 tr6 es cs fs",
    64: "al cl ah ax cx dx eax ecx rax rcx r9 r10d r11w r12b sil st st(1) mm1 xmm1 xmm9 xmm17 ymm2 "
    "ymm10 zmm3 zmm20 k1 tmm1 bnd1 cr0 cr8 dr7 es cs fs",
}
_ADDRESSES = {
    16: ("(%bx)", "8(%bp,%si)", "0x1234", "(%eax)", "%es:(%di)"),
    32: ("(%eax)", "8(%ebx,%ecx,4)", "0x1234", "-0x1000(%ebp)", "%es:(%edi)"),
    64: ("(%rax)", "8(%rbx,%r9,4)", "0x1234", "-0x1000(%rbp)", "(%r13)", "%es:(%rdi)", "(%ecx)"),
}
_VECTOR_ADDRESSES = {
    16: ("(%eax,%xmm1,2)", "(%eax,%ymm1,2)", "(%eax,%zmm1,2)"),
    32: ("(%eax,%xmm1,2)", "(%eax,%ymm1,2)", "(%eax,%zmm1,2)"),
    64: ("(%rax,%xmm1,2)", "8(%rax,%ymm1,2)", "(%r9,%zmm17,8)"),
}
_NUMBERS = ("$1", "$0x12", "$0x1234", "$-3", "$0x12345678")
_POINTERS = ("", "byte ptr ", "word ptr ", "dword ptr ", "qword ptr ", "xmmword ptr ", "ymmword ptr ",
             "zmmword ptr ", "tbyte ptr ", "fword ptr ", "oword ptr ")  # fmt: skip


def _intel_address(text: str) -> str:
    match = re.fullmatch(r"(?:%(\w+):)?(-?\w*)\(%(\w+)(?:,%(\w+)(?:,(\d))?)?\)", text)
    if match is None:
        return f"ds:{text}"
    segment, displacement, base, index, scale = match.groups()
    inside = base + (f"+{index}" if index else "") + (f"*{scale}" if scale else "")
    if displacement:
        inside += displacement if displacement.startswith("-") else f"+{displacement}"
    return f"{segment + ':' if segment else ''}[{inside}]"


def operands(bits: int, *, intel: bool) -> tuple[list[str], list[str], list[str], list[str]]:
    """Registers, addresses, addresses with a vector as index, and numbers, as they are written."""
    registers = _REGISTERS[bits].split()
    addresses, vectors = list(_ADDRESSES[bits]), list(_VECTOR_ADDRESSES[bits])
    if not intel:
        return [f"%{name}" for name in registers], addresses, vectors, list(_NUMBERS)
    plain = [_intel_address(text) for text in addresses]
    sized = [pointer + plain[0] for pointer in _POINTERS] + plain[1:]
    sized += [pointer + plain[1] for pointer in _POINTERS[2:5]]
    return registers, sized, [_intel_address(t) for t in vectors], [n[1:] for n in _NUMBERS]


def _counts(names: tuple[str, ...], bits: int, *, intel: bool) -> dict[str, set[int]]:
    """How many operands each mnemonic may have, as GNU as says it."""
    registers, _, _, numbers = operands(bits, intel=intel)
    lines = [
        f"{name} {','.join([numbers[0], *registers[:count]][-count or 9 :] if count else [])}"
        for name in names
        for count in range(6)
    ]
    wrong = set()
    for line in _errors(lines, bits, intel):
        if match := _COUNT.search(line):
            wrong.add(int(match[1]) - 3)
    found: dict[str, set[int]] = {name: set() for name in names}
    for number in range(len(lines)):
        if number not in wrong:
            found[names[number // 6]].add(number % 6)
    return found


_AMONG_THREE = "cl ax eax rax mm1 xmm1 ymm2 zmm3 k1 tmm1".split()  # noqa: SIM905


def _shapes(
    count: int, kinds: tuple[list[str], list[str], list[str], list[str]]
) -> Iterator[tuple[str, ...]]:
    """Operand lists of `count` operands."""
    registers, addresses, vectors, numbers = kinds
    everything = registers + addresses + vectors + numbers
    if count < 3:
        yield from itertools.product(everything, repeat=count)
        return
    some = [r for r in registers if r.lstrip("%") in _AMONG_THREE]
    some += [addresses[0], *vectors[:2], numbers[1]]
    if count == 3:
        yield from itertools.product(some, repeat=3)
        return
    like = [
        r for r in some if r.lstrip("%")[:3] in ("xmm", "ymm", "zmm", "mm1", "eax", "rax", "ecx")
    ]
    for kind in ("xmm", "ymm", "zmm", "mm1", "eax", "rax", "ecx"):
        places = [*(r for r in like if kind in r), addresses[0], numbers[1]]
        for shape in itertools.product(places, repeat=4):
            yield shape if count == 4 else (numbers[1], *shape)


def with_suffixes(accepted: list[str]) -> list[str]:
    """AT&T texts that GNU as accepts, with size suffixes, of which it may accept some.

    Where a register told the size the suffix repeats or contradicts it; where nothing did it
    gives it.
    """
    found = []
    for text in accepted:
        name, blank, rest = text.partition(" ")
        if rest and not re.search(r"%[xyzk]?mm|%k1|%bnd|%tmm", rest):
            found += [f"{name}{suffix}{blank}{rest}" for suffix in SUFFIXES]
    return found


def candidates(bits: int, *, intel: bool = False, share: float = 1.0, seed: int = 0) -> list[str]:
    """Texts of which GNU as may accept some; `share` of the mnemonics, drawn by `seed`."""
    names = mnemonics(bits, intel=intel)
    if share < 1:
        names = tuple(random.Random(seed).sample(names, int(len(names) * share)))
    kinds = operands(bits, intel=intel)
    shapes = {count: list(_shapes(count, kinds)) for count in range(6)}
    found = []
    for name, counts in _counts(names, bits, intel=intel).items():
        for count in counts:
            found += [f"{name} {','.join(shape)}".rstrip() for shape in shapes[count]]
    return found

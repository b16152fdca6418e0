"""`-O`, `-O2` and `-Os`: what GNU as writes shorter, we write the same."""

from __future__ import annotations

import itertools

import pytest

from assembler.gnu_as import gnu, ours
from orobuild.assembler.flags import Flags
from orobuild.elf.compare import compare

LEVELS = {"-O0": (0, False), "-O": (1, False), "-O2": (2, False), "-Os": (2, True)}
NUMBERS = ("0", "1", "127", "128", "-1", "0x7fffffff", "0x80000000", "0xffffffff", "0x100000000")
GENERAL = (
    [f"{stem}{suffix} ${n}, %{register}" for stem in ("and", "test", "mov", "or", "sub", "xor")
     for n in NUMBERS for suffix, register in (("q", "rax"), ("", "r14"), ("l", "ebx"), ("w", "si"))]
    + [f"{stem} %{r}, %{r}" for stem in ("and", "or", "xor", "sub", "test", "mov")
       for r in ("rcx", "r9", "ecx", "r9d", "cx", "cl")]
    + ["clrq %rdx", "clr %r8", "clr %edx", "movabs $1, %rax", "xorq %rax, %rbx", "andq $1, (%rax)",
       "{nooptimize} xorq %rax, %rax", "{nooptimize} mov $1, %rax", "mov $x, %rax", "test $x, %rax"]
)  # fmt: skip
ADDRESSES = (
    "(%rax)", "0(%r9)", "(,%rbx,1)", "(,%rbx,2)", "1(%rax)", "x", "x(%rip)", "4", "0x80000000",
    "(%ecx)", "1(%ecx)", "(%eax,%ebx)", "%gs:(%rax)", "-1", "(%eip)",
)  # fmt: skip
LEA = [f"lea {a}, %{r}" for a in ADDRESSES for r in ("rcx", "r8", "ecx", "r8d", "cx")]
LEA_32 = [
    f"lea {a}, %{r}"
    for a in ("(%eax)", "(,%ebx,1)", "x", "4", "(%bx)", "1(%bx)", "0x12345", "%fs:(%eax)")
    for r in ("ecx", "cx")
]
TWICE = (
    "vandnps vandnpd vxorps vxorpd vpsubb vpsubw vpsubd vpsubq vpandn vpandnd vpandnq vpxor "
    "vpxord vpxorq vpaddb"
)
VECTORS = (
    [f"{name} %{w}mm{a}, %{w}mm{a}, %{w}mm{b}{mask}" for name in TWICE.split() for w in "xyz"
     for a, b in ((1, 2), (9, 2), (17, 2), (1, 20)) for mask in ("", "{%k1}{z}")]
    + [f"{{evex}} {name} %{w}mm1, %{w}mm1, %{w}mm2" for name in ("vpxord", "vxorps") for w in "yz"]
    + [f"{name} {a}, {b}" for name in ("vmovdqa32", "vmovdqa64", "vmovdqu8", "vmovdqu16", "vmovdqu64")
       for a, b in itertools.permutations(("%xmm1", "127(%rax)"), 2)]
    + [f"{name} {n}(%rax), %ymm3" for name in ("vmovdqu32", "vmovdqa64") for n in (0, 32, 128, 4096)]
    + [f"{name} {a}, %ymm2, %ymm3" for name in ("vpandd", "vpandnq", "vporq", "vpxord")
       for a in ("%ymm1", "(%rax)", "256(%rax)", "(%rax){1to8}", "%ymm30")]
    + [f"{name} %k1, %k1, %k2" for name in ("kxord", "kxorq", "kandnd", "kandnq", "kxorw", "kxorb")]
    + [f"{name} %xmm12, %xmm{a}, %xmm{b}" for name in ("vaddps", "vandps", "vpaddd", "vcmpeqps",
       "vcmpltps", "vpmuludq", "vpor") for a in (3, 11) for b in (4, 13)]
)  # fmt: skip


def _accepted(lines: list[str], bits: int) -> str:
    """The lines that GNU as takes."""
    _, said = gnu("\n".join(lines) + "\n", bits)
    wrong = {int(line.split(":")[1]) for line in said.splitlines() if ": Error: " in line}
    return "".join(f"{line}\n" for n, line in enumerate(lines, 1) if n not in wrong)


@pytest.mark.parametrize("flag", LEVELS)
@pytest.mark.parametrize(
    ("head", "bits", "lines"),
    [("", 64, GENERAL + LEA), ("", 64, VECTORS), (".code32", 64, LEA_32), (".code16", 64, LEA_32)],
    ids=["general", "vectors", "32 bits", "16 bits"],
)
def test_optimised_code_is_that_of_gnu_as(
    flag: str, head: str, bits: int, lines: list[str]
) -> None:
    text = f"{head}\n{_accepted(lines, bits) if not head else _accepted([head, *lines], bits)}"
    theirs, said = gnu(text, 64, flag)
    assert theirs is not None, said
    number, space = LEVELS[flag]
    mine = ours(text, 64, flags=Flags(optimize=number, for_space=space)).object
    assert compare(mine, theirs) == []


def test_avx512vl_shortens_what_only_evex_can_say() -> None:
    text = ".arch .avx512vl\nvpxord %zmm20, %zmm20, %zmm21\n"
    theirs, _ = gnu(text, 64, "-O2")
    assert theirs is not None
    assert compare(ours(text, flags=Flags(optimize=2)).object, theirs) == []

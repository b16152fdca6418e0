"""The options of oro-as: each gives the object that GNU as gives with it, or says why not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orobuild.cli import as_status
from orobuild.cli.as_options import TABLE
from orobuild.cli.commands import oro_as
from orobuild.elf.compare import compare
from orobuild.errors import OrobuildError

PROGRAM = """\
 .text
 .globl glob
glob: nop
 lock incl (%eax)
 lfence
 lock; decl (%ebx)
 .p2align 4, 0x90
 .data
 .long 1
 .data 2
 .long 3
 .text
 .p2align 5
 fsub %st, %st(1)
 fsubp
 fsubrp %st, %st(2)
 fdiv %st(1), %st
 fdivp %st, %st(1)
 .comm common, 4
 .set absolute, 5
 .globl visible
 .set visible, 6
.Lkept: nop
1: jmp 1b
 jmp .Lkept
 jmp glob
 call glob
 vaddss %xmm1, %xmm2, %xmm3
 vaddsd (%eax), %xmm2, %xmm3
 vpaddb %xmm1, %xmm2, %xmm3
 vaddss {rn-sae}, %xmm1, %xmm2, %xmm3
 vaddss %xmm1, %xmm2, %xmm3{%k1}
 vpaddb %xmm1, %xmm2, %xmm3{%k1}
 vpmovzxbd foo, %ymm2
 vcmpss $1, {sae}, %xmm1, %xmm2, %k1
 vrndscalesd $1, {sae}, %xmm1, %xmm2, %xmm3
 vcvttss2si {sae}, %xmm1, %eax
 addps %xmm1, %xmm2
 .section .debug_info,"",@progbits
 .fill 200, 1, 5
 .long glob
 .section .text%S
 nop
 .p2align 4
 .text
 .balign 64
"""
PROGRAM_64 = (
    PROGRAM + " movq x@GOTPCREL(%rip), %rax\n mov x@GOTPCREL(%rip), %eax\n call *x@GOTPCREL(%rip)\n"
    " vaddss %xmm17, %xmm2, %xmm3\n vpaddb %xmm17, %xmm2, %xmm3\n"
)
WORDS = (
    "-n", "-R", "-L", "--strip-local-absolute", "--elf-stt-common=yes", "-momit-lock-prefix=yes",
    "-mfence-as-lock-add=yes", "-mmnemonic=intel", "-mrelax-relocations=no", "-mshared",
    "-mavxscalar=256", "-mvexwig=1", "-mevexlig=256", "-mevexlig=512", "-mevexwig=1",
    "-mevexrcig=rz", "-mevexrcig=ru", "--noexecstack", "--execstack", "--compress-debug-sections",
    "--compress-debug-sections=zlib-gnu", "--compress-debug-sections=none", "--sectname-subst",
    "-mtune=i386", "-mtune=k8", "-mtune=znver4", "-march=znver4", "-msse-check=warning", "-mnaked-reg",
    "-mamd64", "-k", "-s", "-q", "-w", "-X", "-Qy", "--divide", "--hash-size=5", "--warn", "-W",
    "-J", "-D", "-f", "--traditional-format", "--reduce-memory-overheads", "-O0",
    "--defsym=other=3", "-I.",
)  # fmt: skip


def objects(directory: Path, words: list[str], text: str) -> tuple[bytes, bytes]:
    """The objects of GNU as and of oro-as."""
    source = directory / "p.s"
    source.write_text(text)
    made = []
    theirs, mine = directory / "g.o", directory / "o.o"
    run = subprocess.run(["as", *words, "-o", theirs, source], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert oro_as.run([*words, "-W", "-o", str(mine), str(source)]) == 0
    made = [path.read_bytes() for path in (theirs, mine)]
    return made[0], made[1]


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("word", WORDS)
def test_an_option_gives_the_object_of_gnu_as(word: str, bits: int, tmp_path: Path) -> None:
    text = PROGRAM if bits == 32 else PROGRAM_64
    theirs, mine = objects(tmp_path, [f"--{bits}", word], text)
    assert compare(mine, theirs) == []


CHANGING = [w for w in WORDS if w.startswith("-m") and "tune" not in w and "yes" in w]


@pytest.mark.parametrize("word", [*CHANGING, "-R", "-n", "-L", "-mvexwig=1", "-mmnemonic=intel"])
def test_the_program_shows_what_the_option_does(word: str, tmp_path: Path) -> None:
    _, plain = objects(tmp_path, ["--64"], PROGRAM_64)
    _, changed = objects(tmp_path, ["--64", word], PROGRAM_64)
    assert compare(plain, changed)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("-msyntax=intel -mnaked-reg", "mov eax, [rbx]\nfsub st(1), st\nfsubp\nfdivrp st(2), st\n"),
        (
            "-msyntax=intel -mnaked-reg -mmnemonic=intel",
            "fsub st(1), st\nfsubp\nfdivrp st(2), st\n",
        ),
        ("-msyntax=intel -mnaked-reg -mfence-as-lock-add=yes", "mfence\n"),
        ("-msyntax=att -mnaked-reg", "mov eax, ebx\n"),
        (
            "-mvexwig=1 --32",
            "llwpcb %eax\nblcfill (%eax),%eax\nlwpins $1,(%eax),%eax\nvpextrw $0,%xmm0,%eax\n",
        ),
        ("-mvexwig=1", "vmovmskpd %xmm4,%rcx\nvpextrb $1,%xmm1,%eax\nvpmovmskb %ymm4,%rcx\n"),
        ("-mevexwig=1", "vpextrb $1,%xmm29,%eax\nvpinsrw $1,(%rcx),%xmm29,%xmm30\n"),
        ("-march=i686+nop --32", "nop\n.p2align 4\nnopl (%eax)\n"),
        ("-march=i686+nop+nonop --32", "nop\n.p2align 4\n"),
        ("-march=i386 -mtune=core2 --32", "nop\n.p2align 4\n"),
        ("-march=i686 -mtune=core2 --32", "nop\n.p2align 4\n"),
        ("-mtune=core2 --32", "nop\n.p2align 4\n"),
        ("--alternate", ".macro m x\n mov $x, %eax\n.endm\nm 5\n"),
        ("-march=i386+avx2 --32", "vpaddb %ymm1, %ymm2, %ymm3\ncmpl $1, %eax\n"),
        ("-g --debug-prefix-map=/=/elsewhere/", ".text\nf: nop\n"),
        ("--gdwarf-5 --compress-debug-sections", ".text\n" + " nop\n" * 300),
    ],
)
def test_options_that_need_a_program_of_their_own(words: str, text: str, tmp_path: Path) -> None:
    theirs, mine = objects(tmp_path, words.split(), text)
    assert compare(mine, theirs) == []


def test_an_sse_instruction_can_be_an_error(tmp_path: Path) -> None:
    source = tmp_path / "p.s"
    source.write_text("addps %xmm1, %xmm2\n")
    with pytest.raises(OrobuildError, match="an SSE instruction is used"):
        oro_as.run(["-msse-check=error", "-o", str(tmp_path / "o.o"), str(source)])


@pytest.mark.parametrize(
    "option", [o for o in TABLE if o.refused or (o.choices and any(o.choices.values()))],
    ids=lambda o: o.names[0],
)  # fmt: skip
def test_what_is_refused_says_why(option, tmp_path: Path) -> None:
    source = tmp_path / "p.s"
    source.write_text("nop\n")
    words = [f"{name}" for name in option.names]
    if option.choices:
        words = [f"{option.names[0]}={value}" for value, why in option.choices.items() if why]
    for word in words:
        with pytest.raises(OrobuildError, match="is not supported: "):
            oro_as.run([word, "-o", str(tmp_path / "o.o"), str(source)])


def test_every_option_that_gnu_as_names_is_in_the_table() -> None:
    import re

    said = subprocess.run(["as", "--help"], capture_output=True, text=True).stdout
    named = set(re.findall(r"(?m)^  (--?[A-Za-z][\w-]*)", said))
    named |= set(re.findall(r"[,|] ?(--[a-z][\w-]*)", said))
    known = {name.lstrip("-") for option in TABLE for name in option.names}
    spelled = {name for name in named if name.lstrip("-") not in known}
    # shown with their values joined, or by a pattern
    assert spelled - {"-gdwarf-", "--gdwarf-", "-mfence-as-lock-add", "--x", "-Qy"} == set()


def test_the_page_is_made_from_the_table(root: Path) -> None:
    assert (root / "docs/assembler-flags.md").read_text() == as_status.table()

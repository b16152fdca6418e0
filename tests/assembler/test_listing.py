"""Listings are those of GNU as, to the byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ORO_AS = str(Path(sys.executable).with_name("oro-as"))

PROGRAM = """\
# a comment first
\t.text
\t.globl f
\t.macro two r:req\t# a comment
\t  inc\t\\r , foo

\t# only a comment
l\\@:\tnop ; nop
\t.endm
\t.macro out y
\ttwo \\y
\t.if 1
\thlt
\t.else
\tud2
\t.endif
\t.endm
\t.set k, 5
f:\tmov  $k, %eax   # a comment
/* a block
   comment */
\tnop; nop
\tjmp g
\t.rept 2

\tmov $'a,   %al
\t.endr
\t.p2align 4
g:\tret
\t.type g, @function
\t.size g, . - g
\t.data
d:\t.long 1,2,3,4,5,6,7,8,9,10
\t.ascii "hello", " world\\n"
\t.long f
\t.bss
b:\t.skip 20
\t.section .text.x,"ax"; nop
\t.byte 1
 .if 0
 nop
 .if 1
 hlt
 .endif
 .else
 hlt
 .endif
\t.nolist
\tnop
\t.list
\t.irp x,1,2
\t  mov $\\x,  %eax
\t.endr
\t.title "A title"
\t.sbttl "A subtitle"
\tnop
\t.eject
\t.include "sub/part.inc"
\tpair %ebx
\tout (%edi)
\t.section .debug_info
\t.long 1

\t.section .notes,"a"
\t.org 100
\t.string "a line that is far too long for the right hand side of any listing that anybody could want to see"
\t.comm common, 4, 4
\t.set forward, behind + 2
\t.set alias, f
behind:\tcall external
\t.struct 10
field: .skip 4
\t.text
\tnop\t\t# tabs\there
# the last line"""
INCLUDED = """\
# a comment in the included file
\t.macro pair r
\tinc \\r
\tdec \\r
\t.endm
\tnop

"""
LINES = ("inc\t\\r , foo", "incl\t\\r")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """`PROGRAM` as p.s and what it includes."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/part.inc").write_text(INCLUDED)
    (tmp_path / "p.s").write_text(PROGRAM.replace(*LINES).replace("inc \\r\n", "incl \\r\n"))
    return tmp_path


def listing(program: str, directory: Path, *words: str, stdin: str | None = None) -> bytes:
    """What `program` lists."""
    command = [program, *words, "-o", "p.o"]
    data = stdin.encode() if stdin is not None else None
    run = subprocess.run(command, cwd=directory, input=data, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


@pytest.mark.parametrize(
    "words",
    [
        "-al", "-aln", "-alm", "-almn", "-als", "-as", "-almnc", "-alnd", "-ahlsn", "-ahlmn",
        "-aln --listing-lhs-width=3", "-aln --listing-lhs-width=2 --listing-lhs-width2=3",
        "-aln --listing-rhs-width 20", "-aln --listing-cont-lines=0", "--32 -aln",
        "-a -alm", "-a=p.lst -aln -als",
    ],
)  # fmt: skip
def test_the_listing_is_the_one_of_gnu_as(directory: Path, words: str) -> None:
    both = []
    for program in ("as", ORO_AS):
        said = listing(program, directory, *words.split(), "p.s")
        file = directory / "p.lst"
        both.append(file.read_bytes() if file.exists() else said)
        file.unlink(missing_ok=True)
    assert both[1].decode() == both[0].decode()
    assert len(both[0]) > 200


@pytest.mark.parametrize("words", ["-al", "-almn", "-as"])
def test_the_listing_of_standard_input_is_the_one_of_gnu_as(directory: Path, words: str) -> None:
    text = (directory / "p.s").read_text() + "\n"
    theirs, ours = (listing(p, directory, words, "-", stdin=text) for p in ("as", ORO_AS))
    assert ours.decode() == theirs.decode()


def test_the_source_of_the_compiler_stands_between_the_lines(directory: Path) -> None:
    (directory / "t.c").write_text("int f(int a)\n{\n  if (a)\n    return 3 * a;\n  return 4;\n}\n")
    subprocess.run(["gcc", "-g", "-O1", "-S", "t.c"], cwd=directory, check=True)
    theirs, ours = (listing(p, directory, "-ahldn", "t.s") for p in ("as", ORO_AS))
    assert "3:t.c           **** " in ours.decode()
    assert ours.decode() == theirs.decode()


def test_the_general_information_names_what_ran(directory: Path) -> None:
    said = listing(ORO_AS, directory, "-aglns", "p.s").decode()
    assert "options passed\t: -aglns" in said
    assert "output file   \t: p.o" in said


def test_a_listing_changes_nothing_in_the_object(directory: Path) -> None:
    listing(ORO_AS, directory, "p.s")
    plain = (directory / "p.o").read_bytes()
    listing(ORO_AS, directory, "-alms", "p.s")
    assert (directory / "p.o").read_bytes() == plain


def test_orobuild_asm_lists_what_oro_as_does(directory: Path) -> None:
    (directory / "q.s").write_text('.section .text,"ax",@progbits\nf: ret\n')
    theirs = listing(ORO_AS, directory, "-aln", "q.s")
    command = [sys.executable, "-m", "orobuild", "asm", "q.s", "-aln=q.lst"]
    subprocess.run(command, cwd=directory, check=True)
    assert (directory / "q.lst").read_bytes() == theirs


@pytest.mark.parametrize(
    ("words", "said"),
    [("-alq", "'q' is no kind of listing"), ("-al=", "no file is named"),
     ("-al --listing-lhs-width=x", "'x' is not the width")],
)  # fmt: skip
def test_a_wrong_request_is_refused(directory: Path, words: str, said: str) -> None:
    run = subprocess.run([ORO_AS, *words.split(), "p.s"], cwd=directory, capture_output=True)
    assert run.returncode == 2
    assert said in run.stderr.decode()

"""`oro-as` in the place of GNU as."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orobuild.elf.compare import compare

PROGRAM = """\
    .text
    .globl answer
answer:
    movl $VALUE, %eax
    ret
"""

C_PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static const char *const names[] = {"zero", "one", "two", "three"};
double half(int x) { return x / 2.0; }
int main(int argc, char **argv)
{
    int values[] = {5, 3, 9, 1};
    (void)argv;
    qsort(values, 4, sizeof values[0], compare);
    for (int i = 0; i < 4; i++)
        printf("%s %d %.1f\n", names[i], values[i], half(values[i]));
    switch (argc) {
    case 1: puts("alone"); break;
    case 2: puts("pair"); break;
    case 3: puts("three"); break;
    case 4: puts("four"); break;
    case 5: puts("five"); break;
    }
    return 0;
}
"""
C_OUTPUT = "zero 1 0.5\none 3 1.5\ntwo 5 2.5\nthree 9 4.5\nalone\n"


@pytest.fixture
def oro_as(tmp_path):
    """Runs the program in a directory of its own."""

    def run(*arguments, text=None, status=0):
        result = subprocess.run(
            [sys.executable, "-c", "from orobuild.cli import oro_as; oro_as()", *arguments],
            cwd=tmp_path,
            input=text or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert result.returncode == status, result.stderr
        assert "Traceback" not in result.stderr
        return result

    return run


@pytest.fixture
def directory_with_as(tmp_path):
    """A directory for `gcc -B` in which `as` is oro-as."""
    directory = tmp_path / "bin"
    directory.mkdir()
    program = directory / "as"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from orobuild.cli import oro_as; oro_as()" "$@"\n'
    )
    program.chmod(0o755)
    return directory


def text_of(path, tool):
    """The .text section's bytes, by GNU objcopy."""
    raw = path.with_suffix(".raw")
    subprocess.run([tool("objcopy"), "-O", "binary", "-j", ".text", path, raw], check=True)
    return raw.read_bytes()


def test_flags_of_build_systems_are_taken(oro_as, tmp_path, tool):
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "value.inc").write_text("VALUE = 7\n")
    (tmp_path / "a.s").write_text('.include "value.inc"\n' + PROGRAM)
    oro_as(
        "--64", "-Iinc", "-march=core2", "-mtune=generic64", "--noexecstack", "-W", "-Qy", "-O2",
        "-mrelax-relocations=yes", "--size-check=error", "a.s", "-oa.o",
    )  # fmt: skip
    assert text_of(tmp_path / "a.o", tool) == bytes.fromhex("b807000000c3")
    shown = subprocess.run(
        [tool("readelf"), "-SW", "a.o"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ".note.GNU-stack" in shown.stdout


@pytest.mark.parametrize("stack", ["--noexecstack", "--execstack"])
def test_the_stack_note_is_gnu_as_own(oro_as, tmp_path, tool, stack):
    (tmp_path / "a.s").write_text("ret\n")
    oro_as(stack, "a.s", "-o", "ours.o")
    subprocess.run([tool("as"), stack, "a.s", "-o", "theirs.o"], cwd=tmp_path, check=True)
    notes = []
    for name in ("ours.o", "theirs.o"):
        shown = subprocess.run(
            [tool("readelf"), "-SW", name], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        notes += [
            line.split("]")[1].split()[6:]
            for line in shown.stdout.splitlines()
            if ".note.GNU-stack" in line
        ]
    assert len(notes) == 2
    assert notes[0] == notes[1]


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input_is_read(oro_as, tmp_path, tool, arguments):
    oro_as("--defsym", "VALUE=010", "-o", "a.o", *arguments, text=PROGRAM)
    assert text_of(tmp_path / "a.o", tool) == bytes.fromhex("b808000000c3")


def test_several_files_are_one_and_errors_name_the_right_one(oro_as, tmp_path, tool):
    (tmp_path / "one.s").write_text(".macro twice\n nop\n nop\n.endm\n")
    (tmp_path / "two.s").write_text("twice\nfrob %eax\n")
    said = oro_as("one.s", "two.s", "-o", "x.o", status=1).stderr
    assert said.startswith("two.s:2:1: error: ")
    assert not (tmp_path / "x.o").exists()
    (tmp_path / "two.s").write_text("twice")
    oro_as("one.s", "two.s", "-o", "x.o")
    assert text_of(tmp_path / "x.o", tool) == b"\x90\x90"


def test_response_files(oro_as, tmp_path, tool):
    (tmp_path / "a b.s").write_text("ret\n")
    (tmp_path / "words").write_text("--64 'a b.s' -o\nout.o\n")
    oro_as("@words")
    assert text_of(tmp_path / "out.o", tool) == b"\xc3"


def test_code_of_32_bits(oro_as, tmp_path, tool):
    oro_as("--32", "-o", "a.o", text="push %eax\n")
    shown = subprocess.run(
        [tool("objdump"), "-d", "a.o"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "elf32-i386" in shown.stdout
    assert "push   %eax" in shown.stdout


def test_intel_syntax_from_the_command_line(oro_as, tmp_path, tool):
    oro_as("-msyntax=intel", "-mnaked-reg", "-o", "a.o", text="mov eax, 5\n")
    assert text_of(tmp_path / "a.o", tool) == bytes.fromhex("b805000000")
    said = oro_as("-msyntax=intel", "-mnaked-reg", text="nop\nfrob eax\n", status=1).stderr
    assert said.startswith("{standard input}:2:1: ")


def test_the_dependency_file_lets_make_rebuild(oro_as, tmp_path):
    (tmp_path / "a.inc").write_text("nop\n")
    (tmp_path / "blob").write_text("x")
    (tmp_path / "a.s").write_text('.include "a.inc"\n.incbin "blob"\n')
    oro_as("--MD", "a.d", "a.s", "-o", "a.o")
    assert (tmp_path / "a.d").read_text() == "a.o: a.s a.inc blob\n"


def test_an_object_that_did_not_change_is_still_newer_than_its_source(oro_as, tmp_path, tool):
    (tmp_path / "a.s").write_text("ret\n")
    (tmp_path / "Makefile").write_text("a.o: a.s\n\ttrue\n")
    oro_as("a.s", "-o", "a.o")
    (tmp_path / "a.s").write_text("ret \n")
    oro_as("a.s", "-o", "a.o")
    assert subprocess.run([tool("make"), "-q", "a.o"], cwd=tmp_path, check=False).returncode == 0


def test_warnings_can_be_shown_silenced_or_fatal(oro_as, tmp_path):
    source = '.warning "careful"\n'
    assert "warning: careful" in oro_as("-o", "a.o", text=source).stderr
    assert oro_as("--no-warn", "-o", "a.o", text=source).stderr == ""
    assert oro_as("--fatal-w", "-o", "b.o", text=source, status=1).stderr
    assert not (tmp_path / "b.o").exists()


def test_strict_refuses_code_before_a_section_directive(oro_as):
    oro_as("-o", "a.o", text="ret\n")
    assert "error" in oro_as("--strict", "-o", "a.o", text="ret\n", status=1).stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--frobnicate",), "unknown option"),
        (("--noexecstak",), "did you mean '--noexecstack'?"),
        (("--x32",), "--64 or --32"),
        (("--gstabs",), "obsolete"),
        (("-march=core3",), "did you mean 'core'?"),
        (("--defsym", "A"), "NAME=VALUE"),
        (("-o",), "needs a value"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(oro_as, arguments, expected):
    assert expected in oro_as(*arguments, status=2).stderr


def test_a_file_that_is_not_there(oro_as):
    assert oro_as("none.s", status=1).stderr.startswith("none.s: error: cannot read")


def test_linux_finds_the_version_where_it_looks(oro_as):
    """scripts/as-version.sh: two first words, and the last one as the version."""
    words = oro_as("--version").stdout.splitlines()[0].split(" ")
    assert words[:2] == ["GNU", "assembler"]
    assert words[-1] == "2.40"
    assert "orobuild" in words[2]


def test_help_ends_well(oro_as):
    text = oro_as("--help").stdout
    assert "oro-as -o isr.o isr.s" in text
    assert "Refused:" in text


def test_v_says_the_version_and_assembles(oro_as, tmp_path):
    assert oro_as("-v", "-o", "a.o", text="ret\n").stderr.startswith("GNU assembler version 2.40")
    assert (tmp_path / "a.o").exists()


@pytest.mark.parametrize("flags", [("-O0",), ("-O2",), ("-O2", "-g"), ("-Os", "-fPIC")])
def test_a_c_program_through_oro_as_runs(oro_as, tmp_path, tool, flags):
    (tmp_path / "p.c").write_text(C_PROGRAM)
    subprocess.run([tool("gcc"), "-S", *flags, "p.c"], cwd=tmp_path, check=True)
    oro_as("--64", "p.s", "-o", "p.o")
    subprocess.run([tool("gcc"), "p.o", "-o", "p"], cwd=tmp_path, check=True)
    ran = subprocess.run([tmp_path / "p"], capture_output=True, text=True, check=True)
    assert ran.stdout == C_OUTPUT


def test_gcc_with_oro_as_as_its_assembler(directory_with_as, tmp_path, tool):
    (tmp_path / "p.c").write_text(C_PROGRAM)
    subprocess.run(
        [tool("gcc"), "-B", directory_with_as, "-O2", "-g", "-pipe", "p.c", "-o", "p"],
        cwd=tmp_path,
        check=True,
    )
    ran = subprocess.run([tmp_path / "p"], capture_output=True, text=True, check=True)
    assert ran.stdout == C_OUTPUT
    shown = subprocess.run(
        [tool("readelf"), "--debug-dump=decodedline", "p"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "p.c" in shown.stdout


def test_make_with_oro_as(directory_with_as, tmp_path, tool):
    (tmp_path / "a.s").write_text(".globl main\nmain: xor %eax, %eax\n ret\n")
    subprocess.run(
        [tool("make"), f"AS={directory_with_as / 'as'}", "a.o"], cwd=tmp_path, check=True
    )
    subprocess.run([tool("gcc"), "a.o", "-o", "a"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "a"], check=True)


def test_local_numbers_can_be_left_out(oro_as, tmp_path, tool):
    source = "a = 1\n.globl b\nb = 2\n.text\nc: mov $a, %eax\n"
    (tmp_path / "x.s").write_text(source)
    oro_as("--strip-local-absolute", "-o", "ours.o", "x.s")
    theirs = [tool("as"), "--strip-local-absolute", "-o", "theirs.o", "x.s"]
    subprocess.run(theirs, cwd=tmp_path, check=True)
    assert compare(*((tmp_path / name).read_bytes() for name in ("ours.o", "theirs.o"))) == []

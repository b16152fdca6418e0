"""Assembly files: how they are found, read and refused."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from pathlib import Path

import pytest

from lint.building import assemble, fixtures
from orobuild.diagnostics import render
from orobuild.errors import InputError
from orobuild.lint import LintConfig, check_paths, files

ROOT = Path(__file__).parents[2]
SOURCES = [f for f in fixtures() if f.is_source]
STUB = "isr32:\n    push $32\n    iretq\n"


def codes(path, text):
    path.write_text(text)
    result = check_paths([str(path)])
    assert not result.errors, [render(e) for e in result.errors]
    return [f.rule for f in result.findings]


def test_our_own_assembly_has_no_findings():
    paths = [str(p) for p in (ROOT / "asm").rglob("*") if p.suffix in (".S", ".s", ".inc")]
    assert len(paths) > 10
    result = check_paths(paths)
    assert result.is_clean, [render(d) for d in (*result.findings, *result.errors)]


@pytest.mark.parametrize("suffix", [".S", ".s"])
def test_a_stub_without_a_section_is_found_at_its_line(tmp_path, suffix):
    path = tmp_path / f"isr{suffix}"
    path.write_text(STUB)
    (finding,) = check_paths([str(path)]).findings
    assert (finding.rule, finding.span.path, finding.span.line) == ("ASM001", str(path), 2)


def test_gnu_as_assembles_the_stub_without_a_word():
    assert assemble(STUB, "--64", "--fatal-warnings")


def test_a_fragment_leaves_the_section_to_who_includes_it(tmp_path):
    assert codes(tmp_path / "isr.inc", STUB) == []
    assert codes(tmp_path / "good.s", '.text\n.include "isr.inc"\n') == []
    assert codes(tmp_path / "bad.s", '.include "isr.inc"\n') == ["ASM001"]
    assert codes(tmp_path / "bad.S", '#include "isr.inc"\n') == ["ASM001"]


def test_a_file_that_includes_itself_is_read_to_a_bound(tmp_path):
    assert codes(tmp_path / "self.s", '.text\n.include "self.s"\n') == []


def test_a_branch_that_only_some_builds_read_makes_the_section_unknown(tmp_path):
    start = "#ifdef CONFIG_LATE\n.data\n#endif\n"
    assert codes(tmp_path / "a.S", f".text\n{start}    hlt\n") == []
    assert codes(tmp_path / "b.S", ".text\n.data\n    hlt\n") == ["ASM005"]


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("boot.asm", "mov ax, 1\n", 1, "a file named .asm"),
        ("boot.asm", "; boots\n\nbits 16\n", 3, "'bits 16' is NASM or MASM syntax"),
        (
            "boot.s",
            "; boots\nsection .text\nglobal _start\n",
            2,
            "'section .text' is NASM or MASM syntax",
        ),
        ("boot.S", "%macro isr 1\n", 1, "'%macro isr 1' is NASM or MASM syntax"),
        ("boot.s", ".text\nhlt\0\n", 2, "a byte 0"),
    ],
)
def test_what_is_not_gnu_syntax_is_refused_at_its_line(tmp_path, name, text, line, what):
    path = tmp_path / name
    path.write_text(text)
    result = check_paths([str(path)])
    (problem,) = result.errors
    assert not result.findings
    assert problem.span.line == line
    assert what in problem.message


def test_an_object_is_an_object_whatever_its_name(tmp_path):
    path = tmp_path / "isr.s"
    path.write_bytes(assemble(".section .data\nf: ret\n.type f, @function\n", "--64"))
    assert {f.rule for f in check_paths([str(path)]).findings} <= {"OBJ001", "OBJ002", "OBJ003"}


def test_the_command_prints_the_place_and_fails(tmp_path):
    (tmp_path / "isr.S").write_text(STUB)
    command = [sys.executable, "-m", "orobuild", "lint", "--isolated", "isr.S"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "isr.S:2:" in done.stdout
    assert "[ASM001]" in done.stdout


def test_damaged_sources_are_checked_or_refused_and_nothing_else():
    chosen = random.Random(7)
    pieces = [
        b"\\",
        b'"',
        b".macro ",
        b".endm\n",
        b"#if\n",
        b"#endif\n",
        b"(",
        b".rept 9\n",
        b"\xff",
    ]
    for fixture in SOURCES:
        data = fixture.path.read_bytes()
        for _ in range(12):
            at = chosen.randrange(len(data))
            damaged = data[:at] + chosen.choice(pieces) + data[at + chosen.randrange(4) :]
            for name in ("damaged.S", "damaged.s"):
                with contextlib.suppress(InputError):
                    files.check_bytes(damaged, name, LintConfig())

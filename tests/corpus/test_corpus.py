"""Debian packages through oro-as: the same objects as GNU as makes, and programs that run."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from corpus import __main__ as corpus
from corpus import comparison, gas_testsuite, mirror
from corpus.recorder import keep, split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORO_AS = f'#!/bin/sh\nexec {sys.executable} -c "from orobuild.cli import oro_as; oro_as()" "$@"\n'


def test_what_a_build_gives_its_assembler_is_taken_apart() -> None:
    inputs, flags = split(["--64", "-I", "/x", "-o", "a.o", "--defsym", "A=1", "-g", "a.s"])
    assert inputs == ["a.s"]
    assert flags == ["--64", "-I/x", "--defsym", "A=1", "-g"]


def test_every_package_is_pinned() -> None:
    for package in corpus.packages().values():
        assert len(package["sha256"]) == 64
        assert "://" not in package["file"]


def test_an_input_that_is_the_same_and_one_that_is_refused(tmp_path: Path) -> None:
    keep(b".text\nf: jne f\n.data\n.long f\n", ["--64"], "same", tmp_path)
    keep(b".bundle_align_mode 4\nnop\n", ["--64"], "refused", tmp_path)
    keep(b".nothing\n", ["--64"], "wrong", tmp_path)
    found = sorted(comparison.compared(str(p)).verdict for p in tmp_path.glob("*.s"))
    assert found == [comparison.IDENTICAL, comparison.REFUSED, comparison.BOTH_REFUSE]


def test_the_command_names_its_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus.main(["--list"]) == 0
    assert "linux" in capsys.readouterr().out.split()


def test_the_page_about_gnu_as_own_tests_excuses_nothing_else() -> None:
    rows = gas_testsuite.documented()
    assert len(rows) > 40
    assert {row.verdict for row in rows} <= {
        comparison.REFUSED, comparison.DIFFERENT, comparison.ONLY_OURS,
    }  # fmt: skip
    new = comparison.Result("i386/x86-64-avx.s --64", comparison.DIFFERENT)
    known = comparison.Result("i386/bundle.s --32", comparison.REFUSED)
    worse = comparison.Result("i386/bundle.s --32", comparison.DIFFERENT)
    assert gas_testsuite.undocumented([new, known, worse]) == [new, worse]


def test_a_file_of_a_test_suite_is_taken_with_its_options(tmp_path: Path) -> None:
    directory = tmp_path / "i386"
    directory.mkdir()
    (directory / "a.s").write_text("nop\n")
    (directory / "a.d").write_text("#objdump: -d\n#as: -O2 -I${srcdir}/$subdir\n")
    (directory / "x86-64-b.s").write_text("nop\n")
    found = {case.name for case in gas_testsuite.cases(tmp_path)}
    assert found == {"i386/a.s --32 -O2 -Ii386", "i386/a.s --32", "i386/x86-64-b.s --64"}


@pytest.mark.full
def test_gnu_as_own_tests_come_out_as_the_page_says(root: Path) -> None:
    suite = gas_testsuite.fetched(root / "build" / "corpus")
    results = gas_testsuite.judge(gas_testsuite.cases(suite), jobs=2)
    assert len(results) > 2000
    assert gas_testsuite.undocumented(results) == []
    left = [r for r in results if r.verdict not in gas_testsuite.AGREED]
    idle = [
        row.cases.pattern
        for row in gas_testsuite.documented()
        if not any(row.verdict == r.verdict and row.cases.fullmatch(r.path) for r in left)
    ]
    assert idle == []


@pytest.mark.full
@pytest.mark.parametrize("package", ["seabios", "hello", "double-conversion"])
def test_a_package_is_assembled_as_by_gnu_as(package: str, root: Path, tmp_path: Path) -> None:
    work = root / "build" / "corpus"
    inputs = corpus.record(package, corpus.packages()[package], work, jobs=2)
    results = corpus.compare(inputs, jobs=2, limit=0)
    assert len(results) > 30
    assert [r for r in results if r.verdict != comparison.IDENTICAL] == []


@pytest.mark.full
def test_gnu_hello_is_built_by_oro_as(
    root: Path, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "as").write_text(ORO_AS)
    (programs / "as").chmod(0o755)
    hello = corpus.packages()["hello"]
    archive = mirror.fetch(hello["file"], hello["sha256"], root / "build" / "corpus" / "archives")
    source = mirror.unpack(archive, tmp_path / "hello")
    oro_as = [f"AS={programs / 'as'}", f"CC={tool('gcc')} -B{programs}"]
    subprocess.run(["./configure", *oro_as], cwd=source, check=True, capture_output=True)
    subprocess.run([tool("make"), *oro_as], cwd=source, check=True, capture_output=True)
    said = subprocess.run([source / "hello"], check=True, capture_output=True, text=True).stdout
    assert said == "Hello, world!\n"

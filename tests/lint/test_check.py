"""The entry points: paths in, findings out, whatever the files hold."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import orobuild
from elf.samples import samples
from elf.test_reader_robustness import mutate
from lint.building import assemble, build, fixtures, link
from orobuild.elf import reader
from orobuild.elf.reader import ElfError
from orobuild.errors import InputError, UsageError
from orobuild.lint import LintConfig, check_image, check_paths, explain
from orobuild.lint.config import CodeRange, RunAddress

FOUNDING = next(f for f in fixtures() if f.path.stem == "SEG001_no_section_line")


@pytest.fixture
def founding(tmp_path):
    path = tmp_path / "k.elf"
    path.write_bytes(build(FOUNDING))
    return str(path)


def test_the_founding_bug_is_found_with_the_way_to_it(founding):
    result = check_paths([founding])
    (finding,) = result.findings
    assert finding.rule == "SEG001"
    assert finding.evidence.symbol == "isr_common"
    assert finding.evidence.section == '.rodata ("a")'
    assert [s.instruction for s in finding.evidence.path] == [
        "jne isr_32",
        "jmp isr_common",
    ]
    assert finding.evidence.path[-1].place == "isr_32+0x2 in .text"
    assert finding.span is not None
    assert finding.span.path == founding
    assert not result.is_clean


def test_gnu_ld_links_the_founding_bug_without_a_word():
    for fixture in fixtures():
        if fixture.path.stem in (
            "SEG001_no_section_line",
            "SEG001_section_without_flags",
            "SEG001_script_places_it_in_r",
        ):
            fixture.ld_arguments.append("--fatal-warnings")
            build(fixture)  # asserts that ld exits with 0


def test_files_that_cannot_be_checked_are_errors_and_the_rest_is_checked(founding, tmp_path):
    text = tmp_path / "text"
    text.write_text("hello")
    result = check_paths([str(text), str(tmp_path / "missing"), str(tmp_path), founding])
    assert [f.rule for f in result.findings] == ["SEG001"]
    assert [e.rule for e in result.errors] == ["elf", "file", "file"]
    assert len(result.checked) == 4


def test_a_relocatable_object_is_no_image():
    elf = reader.read(samples()["object64"], "o")
    with pytest.raises(ElfError, match="not a linked image"):
        check_image(elf)


def test_selection_reaches_the_engine(founding):
    assert check_paths([founding], config=LintConfig(ignore=("SEG001",))).is_clean
    assert check_paths([founding], config=LintConfig(select=("SEG002",))).is_clean


def test_findings_past_the_limit_are_announced():
    text = ".section .rodata\n.globl t\nt:" + "".join(f"l{i}: .byte 0\n" for i in range(50))
    text += ".text\n.globl _start\n_start:" + "".join(f"je l{i}\n" for i in range(50))
    elf = reader.read(link({"o": assemble(text, "--64")}, "-z", "separate-code"), "k")
    assert len(check_image(elf)) == 50
    findings = check_image(elf, config=LintConfig(max_findings=10))
    assert len(findings) == 10
    assert any("more findings of SEG001" in n.message for f in findings for n in f.notes)


@pytest.mark.parametrize(
    "config",
    [
        LintConfig(code=(CodeRange(".nothing", 16),)),
        LintConfig(code=(CodeRange("_start..nothing", 16),)),
        LintConfig(run_addresses=(RunAddress("nothing", 0),)),
        LintConfig(code=(CodeRange("isr_33..isr_32", 16),)),
    ],
)
def test_a_configuration_that_does_not_fit_the_image_is_an_error(config):
    elf = reader.read(build(FOUNDING), "k")
    with pytest.raises(UsageError):
        check_image(elf, config=config)


def test_explaining_a_rule_shows_its_page():
    page = explain("SEG001")
    assert page.startswith("# branch-outside-executable (SEG001)")
    assert "## Fix" in page


def test_importing_the_package_is_light():
    heavy = ("lief", "keystone", "numpy", "elftools", "rich", "iced_x86")
    code = f"import sys, orobuild.lint; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(orobuild.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]", done.stderr


HOSTILE = LintConfig(
    vector_tables=("*",),
    code=(CodeRange(".text", 16),),
    run_addresses=(RunAddress(".text", 0x8000),),
)


def lint_or_refuse(data: bytes) -> int:
    """0 refused, 1 checked; anything else is an exception."""
    try:
        elf = reader.read(data, "mutant")
        check_image(elf)
        check_image(elf, config=HOSTILE)
    except (InputError, UsageError):
        return 0
    return 1


def test_mutated_images_are_checked_or_refused():
    rng = random.Random(42)
    images = [data for name, data in samples().items() if not name.startswith("object")]
    started = time.perf_counter()
    checked = sum(lint_or_refuse(mutate(rng.choice(images), rng)) for _ in range(3000))
    assert checked > 300
    assert time.perf_counter() - started < 60


@pytest.mark.full
def test_very_many_mutated_images_are_checked_or_refused():
    rng = random.Random(43)
    images = [data for name, data in samples().items() if not name.startswith("object")]
    for _ in range(200_000):
        lint_or_refuse(mutate(rng.choice(images), rng))


def test_a_chain_of_a_million_jumps_is_followed_in_bounded_time():
    count = 500_000
    text = ".text\n.globl _start\n_start:\n" + f".rept {count}\njmp 1f\n1:\n.endr\njmp table\n"
    text += ".section .rodata\n.byte 1\ntable: ret\n"
    elf = reader.read(link({"o": assemble(text, "--64")}, "-z", "separate-code"), "k")
    started = time.perf_counter()
    (finding,) = check_image(elf)
    assert time.perf_counter() - started < 20
    assert len(finding.evidence.path) <= 64
    assert "more than 64 branches" in (finding.evidence.root or "")


def test_thousands_of_overlapping_segments_are_checked_in_bounded_time():
    data = bytearray(build(FOUNDING))
    elf = reader.read(bytes(data), "k")
    header = next(s for s in elf.segments if s.p_type == 1)
    count = 60_000
    table = header.pack(2) * count
    data[32:40] = len(data).to_bytes(8, "little")  # e_phoff
    data[56:58] = count.to_bytes(2, "little")  # e_phnum
    started = time.perf_counter()
    findings = check_image(reader.read(bytes(data) + table, "k"))
    assert time.perf_counter() - started < 20
    assert {f.rule for f in findings} >= {"SEG009"}

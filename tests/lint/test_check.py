"""The entry points: paths in, findings out, whatever the files hold."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import orobuild
from elf.samples import samples
from elf.test_reader_robustness import mutate
from lint.building import FIXTURES, assemble, build, fixtures, link
from orobuild.elf import reader
from orobuild.elf.reader import ElfError
from orobuild.errors import InputError, UsageError
from orobuild.lint import (
    LintConfig,
    check_image,
    check_object,
    check_paths,
    check_script,
    explain,
    files,
)
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
    result = check_paths([str(text), str(tmp_path / "missing"), founding])
    assert [f.rule for f in result.findings] == ["SEG001"]
    assert [e.rule for e in result.errors] == ["elf", "file"]
    assert len(result.checked) == 3


def test_a_relocatable_object_is_no_image():
    elf = reader.read(samples()["object64"], "o")
    with pytest.raises(ElfError, match="not a linked image"):
        check_image(elf)


@pytest.mark.parametrize("flags", ["rcs", "rcsT"], ids=["archive", "thin-archive"])
def test_every_member_of_an_archive_is_checked(flags, tmp_path):
    good = assemble(".text\nf: ret\n", "--64")
    bad = assemble('.section .patch,"awx"\nret\n', "--64")
    for name, data in (("good.o", good), ("bad.o", bad), ("notes.o", b"hello")):
        (tmp_path / name).write_bytes(data)
    subprocess.run(["ar", flags, "all.a", "good.o", "bad.o", "notes.o"], cwd=tmp_path, check=True)
    archive = str(tmp_path / "all.a")
    result = check_paths([archive])
    assert result.checked == tuple(f"{archive}({n})" for n in ("good.o", "bad.o", "notes.o"))
    assert [(f.rule, str(f.span)) for f in result.findings] == [("OBJ003", f"{archive}(bad.o)")]
    assert [str(e.span) for e in result.errors] == [f"{archive}(notes.o)"]


def test_a_damaged_archive_is_an_error(tmp_path):
    path = tmp_path / "x.a"
    path.write_bytes(b"!<arch>\nnonsense")
    result = check_paths([str(path)])
    assert not result.findings
    assert len(result.errors) == 1


def test_an_image_is_no_relocatable_object():
    with pytest.raises(ElfError, match="not a relocatable object"):
        check_object(reader.read(build(FOUNDING), "k"))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_what_compilers_write_is_clean(compiler, level, tmp_path):
    source = tmp_path / "k.c"
    source.write_text(
        """
        static int counter; const char *names[] = {"a", "b"}; _Thread_local int own;
        __attribute__((section(".text.cold"))) void cold(void) { counter--; }
        int add(int a) { own += a; return a > 3 ? (cold(), counter) : counter++; }
        int (*const table[])(int) = {add};
        __attribute__((constructor)) void start(void) { add(table[0](1) + names[0][0]); }
        int main(void) { return add(2); }
        """
    )
    for output, more in (("k.o", ["-c"]), ("k32.o", ["-c", "-m32"]), ("k", ["-g"])):
        flags = [level, "-o", str(tmp_path / output), *more]
        done = subprocess.run([compiler, *flags, str(source)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        result = check_paths([str(tmp_path / output)])
        assert result.is_clean, result.diagnostics


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
        files.check_bytes(data, "mutant", LintConfig())
        files.check_bytes(data, "mutant", HOSTILE)
    except (InputError, UsageError):
        return 0
    return 1


def test_mutated_files_are_checked_or_refused():
    rng = random.Random(42)
    inputs = list(samples().values())
    checked = sum(lint_or_refuse(mutate(rng.choice(inputs), rng)) for _ in range(1500))
    assert checked > 100


@pytest.mark.full
def test_very_many_mutated_files_are_checked_or_refused():
    rng = random.Random(43)
    inputs = list(samples().values())
    for _ in range(200_000):
        lint_or_refuse(mutate(rng.choice(inputs), rng))


def mutate_text(text: str, rng: random.Random) -> str:
    """Pieces of a script removed, doubled, swapped or replaced by something short."""
    pieces = re.findall(r"\w+|\s+|[^\w\s]", text)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(pieces))
        match rng.randrange(4):
            case 0:
                pieces[at] = ""
            case 1:
                pieces[at] *= 2
            case 2:
                other = rng.randrange(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case 3:
                pieces[at] = rng.choice(["{", "}", "(", ")", ";", ":", "0x", '"', "\0", "*", "-1"])
    return "".join(pieces)


def test_mutated_scripts_are_checked_or_refused():
    rng = random.Random(44)
    scripts = [path.read_text() for path in FIXTURES.glob("*.ld")]
    outcomes = {"checked": 0, "refused": 0}
    for _ in range(1500):
        text = mutate_text(rng.choice(scripts), rng)
        try:
            check_script(text, "mutant.ld")
            outcomes["checked"] += 1
        except InputError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 100, outcomes


def test_a_chain_of_many_jumps_is_followed_in_bounded_time():
    count = 100_000
    text = ".text\n.globl _start\n_start:\n" + f".rept {count}\njmp 1f\n1:\n.endr\njmp table\n"
    text += ".section .rodata\n.byte 1\ntable: ret\n"
    elf = reader.read(link({"o": assemble(text, "--64")}, "-z", "separate-code"), "k")
    started = time.process_time()
    (finding,) = check_image(elf)
    assert time.process_time() - started < 60
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
    started = time.process_time()
    findings = check_image(reader.read(bytes(data) + table, "k"))
    assert time.process_time() - started < 60
    assert {f.rule for f in findings} >= {"SEG009"}

"""Damaged objects, archives and scripts: a located error or a link, never a traceback, soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from linker.generate import Case, case
from linker.linking import assemble, check
from linker.mutate import mutated_bytes, mutated_script
from orobuild.errors import InputError
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.script import parse

SECONDS = 5.0  # for one link of a few kilobytes, on a busy machine
OPTIONS = (
    LinkOptions(),
    LinkOptions(strict=False, orphan_handling="place"),
    LinkOptions(gc_sections=True, orphan_handling="warn", strict=False),
    LinkOptions(strict=False, orphan_handling="discard", strip="debug"),
)


def no_file(name: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", name)


def try_link(script: str, inputs: list[LinkInput], options: LinkOptions) -> str:
    """The message of a link that fails, "" if it succeeds; anything else fails the test."""
    started = time.process_time()
    try:
        image = link(inputs, parse(script, "script.ld", read_file=no_file), options)
        assert image.data
        assert image.map.sections is not None
    except InputError as problem:
        return str(problem)
    finally:
        assert time.process_time() - started < SECONDS
    return ""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Case, list[LinkInput]]]:
    made = []
    for seed in range(8):
        directory = tmp_path_factory.mktemp(f"case{seed}")
        link_case = case(seed)
        objects = [assemble(t, directory / f"o{i}.o") for i, t in enumerate(link_case.objects)]
        made.append((link_case, [LinkInput(o.name, o.read_bytes()) for o in objects]))
    return made


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_mutated_objects_never_break_the_linker(
    first: int, cases: list[tuple[Case, list[LinkInput]]]
) -> None:
    rejected = 0
    for seed in range(first, first + 100):
        link_case, inputs = cases[seed % len(cases)]
        victim = seed // 8 % len(inputs)
        damaged = list(inputs)
        damaged[victim] = LinkInput(inputs[victim].path, mutated_bytes(inputs[victim].data, seed))
        rejected += bool(try_link(link_case.script, damaged, OPTIONS[seed % 4]))
    assert rejected > 30


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_mutated_scripts_never_break_the_linker(
    first: int, cases: list[tuple[Case, list[LinkInput]]]
) -> None:
    rejected = 0
    for seed in range(first, first + 100):
        link_case, inputs = cases[seed % len(cases)]
        script = mutated_script(link_case.script, seed)
        message = try_link(script, inputs, OPTIONS[seed % 4])
        rejected += bool(message)
    assert rejected > 30


def test_every_truncation_of_an_object_is_a_located_error(
    cases: list[tuple[Case, list[LinkInput]]],
) -> None:
    link_case, inputs = cases[0]
    whole = inputs[0]
    for length in range(0, len(whole.data), 7):
        damaged = [LinkInput(whole.path, whole.data[:length]), *inputs[1:]]
        message = try_link(link_case.script, damaged, OPTIONS[1])
        assert message.startswith("o0.o: error: "), (length, message)


def test_every_truncation_of_a_script_is_an_error_or_a_script(
    cases: list[tuple[Case, list[LinkInput]]],
) -> None:
    text = cases[0][0].script
    for length in range(0, len(text), 3):
        try:
            parse(text[:length], "script.ld", read_file=no_file)
        except InputError as problem:
            (diagnostic,) = problem.diagnostics
            assert diagnostic.span is not None
            assert diagnostic.span.line


def test_truncated_and_mutated_archives(tmp_path: Path) -> None:
    main = assemble(".globl _start\n_start: call helper\n", tmp_path / "main.o")
    assemble(".globl helper\nhelper: ret\n", tmp_path / "a_helper_with_a_long_name.o")
    check("ar", "rcs", "lib.a", "a_helper_with_a_long_name.o", cwd=tmp_path)
    data = (tmp_path / "lib.a").read_bytes()
    script = "SECTIONS { .text : { *(.text) } }"
    start = LinkInput("main.o", main.read_bytes())
    assert not try_link(script, [start, LinkInput("lib.a", data)], OPTIONS[1])
    for length in range(9, len(data), 5):
        assert try_link(script, [start, LinkInput("lib.a", data[:length])], OPTIONS[1])
    for seed in range(200):
        try_link(script, [start, LinkInput("lib.a", mutated_bytes(data, seed))], OPTIONS[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SECTIONS { .text : { *(.text) }", "1:10: error: SECTIONS is not closed"),
        ("SECTION { }", "unknown command 'SECTION'"),
        ("SECTION { }", "did you mean 'SECTIONS'?"),
        ("ENTRY _start", "expected '(' after ENTRY, found '_start'"),
        ("a = 1", "expected ';' after the assignment, found the end of the script"),
        ("a = (1;", "expected ')' after the expression, found ';'"),
        ("a = 0x;", "'0x' is not a number"),
        ("a = 12q;", "'12q' is not a number"),
        ("/* open", "this comment is not closed"),
        ("INCLUDE missing.ld", "cannot include 'missing.ld': No such file or directory"),
        ("PHDRS { a PT_LOUD; }", "did you mean 'PT_LOAD'?"),
        ("PHDRS { a PT_LOAD; a PT_LOAD; }", "the segment 'a' is declared twice"),
        ("OUTPUT_FORMAT(elf64-x86-65)", "did you mean 'elf64-x86-64'?"),
        ("MEMORY { a : ORIGIN = 0 }", "expected ',' after the origin"),
        ("SECTIONS { .a : AT 5 { } }", "expected '(' after AT, found '5'"),
        ("SECTIONS { .a : { KEPT(*(.a)) } }", "did you mean 'KEEP'?"),
        ("a = " + "(" * 200 + "1", "nested deeper than 60 levels"),
        ("a = 1" + " + 1" * 500 + ";", "more than 200 operands"),
        ("a = CONSTANT(PAGESIZE);", "did you mean 'MAXPAGESIZE'?"),
    ],
)  # fmt: skip
def test_a_wrong_script_says_what_and_where(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "script.ld", read_file=no_file)
    assert message in str(caught.value)
    assert str(caught.value).startswith("script.ld:1:")


def test_a_script_that_includes_itself_is_refused() -> None:
    with pytest.raises(InputError, match="nested deeper than 10 levels"):
        parse("INCLUDE me.ld", "me.ld", read_file=lambda _: b"INCLUDE me.ld")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"BC\xc0\xde rest of a module with enough bytes to look like a file", "-flto"),
        (b"\x7fELF", "truncated"),
        (b"int main(void) { return 0; } /* not an object at all, just text */", "not an ELF file"),
    ],
)
def test_what_is_no_object_is_named(data: bytes, message: str) -> None:
    text = try_link("", [LinkInput("thing.o", data)], OPTIONS[0])
    assert text.startswith("thing.o: error: ")
    assert message in text


def test_executables_and_objects_of_another_machine_are_refused(tmp_path: Path) -> None:
    wide = assemble(".globl _start\n_start: ret\n", tmp_path / "wide.o")
    narrow = assemble("ret\n", tmp_path / "narrow.o", "--32")
    check("ld", "wide.o", "-o", "program", cwd=tmp_path)
    program = LinkInput("program", (tmp_path / "program").read_bytes())
    inputs = [LinkInput(p.name, p.read_bytes()) for p in (wide, narrow)]
    script = "SECTIONS { .text : { *(.text) } }"
    assert "narrow.o: error: the object is for i386, the output for x86-64" in try_link(
        script, inputs, OPTIONS[1]
    )
    assert "program: error: an executable (e_type 2) cannot be linked" in try_link(
        script, [program], OPTIONS[1]
    )
    assert "no input files" in try_link(script, [], OPTIONS[1])


def test_an_output_that_would_be_huge_is_refused(tmp_path: Path) -> None:
    objects = [assemble(".globl _start\n_start: ret\n.data\n.quad 1\n", tmp_path / "a.o")]
    inputs = [LinkInput(p.name, p.read_bytes()) for p in objects]
    script = (
        "PHDRS { all PT_LOAD; } SECTIONS { .text 0x1000 : { *(.text) } :all "
        ".data 0xffffffff00000000 : { *(.data) } }"
    )
    assert "more than 1 GiB" in try_link(script, inputs, OPTIONS[1])
    text = "SECTIONS { .text : { *(.text) . += 0xffffffffffff; } }"
    assert "would be larger than 1024 GiB" in try_link(text, inputs, OPTIONS[1])

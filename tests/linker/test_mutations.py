"""Thousands of damaged objects, archives and scripts: an error or a link, soon, and no more memory.

The default run takes a sample; `--full` takes them all. The seeds are the test's input: one that
fails stays in `FOUND`.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from linker import zoo
from linker.linking import assemble, check, compile_c
from linker.mutate import mutated_bytes, mutated_script
from linker.test_scripts import CASES
from orobuild.errors import InputError
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.explanations import why
from orobuild.linker.map_json import render_json
from orobuild.linker.script import parse

SECONDS = 5.0  # for one link of a few kilobytes, on a busy machine
GIGABYTES = 3
SCRIPT = """ENTRY(_start) SECTIONS { . = 0x10000; .text : { *(.text*) } .data : { *(.data*) }
/DISCARD/ : { *(.note*) } .all : { *(.x .bss COMMON .rodata* .eh_frame) } }"""
C = """int v; __attribute__((section(".x"))) int t[4] = {1}; int w[9];
int q(int x) { return v + x; }
int _start(int x) { v = q(x); return t[x] + w[x] + 1; }
const char *s = "hello", *r = "lo";
"""
LIKE_GNU = LinkOptions(strict=False, orphan_handling="place")
OPTIONS = (
    LinkOptions(),
    LIKE_GNU,
    LinkOptions(gc_sections=True, orphan_handling="warn", strict=False),
    LinkOptions(strict=False, orphan_handling="place", relocatable=True),
    LinkOptions(strict=False, orphan_handling="place", pie=True),
)


@dataclass(frozen=True)
class Valid:
    """Inputs before the damage: a few kilobytes each."""

    first: LinkInput
    second: LinkInput
    compiled: LinkInput
    archive: LinkInput
    caller: LinkInput


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Valid:
    directory = tmp_path_factory.mktemp("valid")
    zoo.make(directory)
    compile_c(C, directory / "c.o", "-g", "-O1", "-fno-pie", "-fcommon")
    assemble(".globl _start\n_start: call member2\n", directory / "caller.o")
    names = ("a.o", "b.o", "c.o", "libm.a", "caller.o")
    return Valid(*(LinkInput(name, (directory / name).read_bytes()) for name in names))


def damaged(valid: Valid, seed: int) -> tuple[str, list[LinkInput]]:
    """The script and inputs of a seed: one thing in them is damaged."""
    script = CASES[seed % len(CASES)].script
    kind = seed % 4
    if kind == 0:
        return script, [LinkInput("a.o", mutated_bytes(valid.first.data, seed)), valid.second]
    if kind == 1:
        return mutated_script(script, seed), [valid.first, valid.second]
    if kind == 2:
        return SCRIPT, [LinkInput("c.o", mutated_bytes(valid.compiled.data, seed))]
    return SCRIPT, [valid.caller, LinkInput("libm.a", mutated_bytes(valid.archive.data, seed))]


def no_file(name: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", name)


def survive(script: str, inputs: list[LinkInput], options: LinkOptions) -> str:
    """The message, "" for a link; anything but an InputError, or slowness, fails the test."""
    started = time.process_time()
    try:
        image = link(inputs, parse(script, "script.ld", read_file=no_file), options)
        render_json(image.map)
        why(image, "v")
    except InputError as problem:
        return str(problem)
    finally:
        assert time.process_time() - started < SECONDS
    return ""


@pytest.fixture(autouse=True)
def little_memory():
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def check_seeds(valid: Valid, seeds: range) -> None:
    rejected = 0
    for seed in seeds:
        script, inputs = damaged(valid, seed)
        try:
            rejected += bool(survive(script, inputs, OPTIONS[seed // 4 % len(OPTIONS)]))
        except BaseException as problem:
            raise AssertionError(f"seed {seed}: {problem!r}") from problem
    assert len(seeds) / 5 < rejected < len(seeds)


def test_a_sample_of_damaged_inputs(valid: Valid) -> None:
    check_seeds(valid, range(400))


@pytest.mark.full
@pytest.mark.parametrize("first", range(1000, 13000, 1000))
def test_thousands_of_damaged_inputs(first: int, valid: Valid) -> None:
    check_seeds(valid, range(first, first + 1000))


def check_truncations(valid: Valid, step: int) -> None:
    for length in range(0, len(valid.second.data), step):
        inputs = [LinkInput("b.o", valid.second.data[:length]), valid.first]
        assert survive(SCRIPT, inputs, LIKE_GNU).startswith("b.o: error: "), length
    assert survive(SCRIPT, [valid.caller, valid.archive], LIKE_GNU) == ""
    for length in range(9, len(valid.archive.data), step):
        inputs = [valid.caller, LinkInput("libm.a", valid.archive.data[:length])]
        assert survive(SCRIPT, inputs, LIKE_GNU), length


def test_some_prefixes_of_an_object_and_an_archive_are_located_errors(valid: Valid) -> None:
    check_truncations(valid, 61)


@pytest.mark.full
def test_every_prefix_of_an_object_and_an_archive_is_a_located_error(valid: Valid) -> None:
    check_truncations(valid, 1)


def check_script_prefixes(step: int) -> None:
    for case in CASES:
        for length in range(0, len(case.script), step):
            try:
                parse(case.script[:length], "script.ld", read_file=no_file)
            except InputError as problem:
                (diagnostic,) = problem.diagnostics
                assert diagnostic.span is not None
                assert diagnostic.span.line


def test_some_prefixes_of_every_script_are_a_script_or_a_located_error() -> None:
    check_script_prefixes(37)


@pytest.mark.full
def test_every_prefix_of_every_script_is_a_script_or_a_located_error() -> None:
    check_script_prefixes(1)


def test_commons_of_absurd_size_or_alignment_are_refused(tmp_path: Path) -> None:
    object_ = assemble(".globl _start\n_start: ret\n.comm big, 8, 8\n", tmp_path / "a.o")
    data = object_.read_bytes()
    entry = (8).to_bytes(8, "little") * 2  # st_value and st_size of the common symbol
    assert data.count(entry) == 1
    for value, size in ((8, (1 << 64) - 1), ((1 << 64) - 1, 8), (1 << 63, 8)):
        raw = value.to_bytes(8, "little") + size.to_bytes(8, "little")
        inputs = [LinkInput("a.o", data.replace(entry, raw))]
        assert "a.o" in survive(SCRIPT, inputs, LIKE_GNU) or "GiB" in survive(
            SCRIPT, inputs, LIKE_GNU
        )


def test_an_object_without_symbols_links(tmp_path: Path) -> None:
    object_ = assemble(".byte 1\n", tmp_path / "a.o")
    check("strip", object_)
    script = "SECTIONS { .text : { *(.text) } }"
    assert survive(script, [LinkInput("a.o", object_.read_bytes())], LIKE_GNU) == ""

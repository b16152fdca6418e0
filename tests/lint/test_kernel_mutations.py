"""The kernel is clean, and each seeded way of breaking it is found by the rule meant for it."""

from __future__ import annotations

import pytest

from lint.kernel_image_mutations import BYTES, CONFIG, Image
from lint.kernel_mutations import (
    SOURCES,
    TEXTS,
    build_findings,
    copy_project,
    findings,
    moved_symbol,
    text_findings,
)
from orobuild.elf import reader
from orobuild.lint.program import Program
from orobuild.pipeline.build import Request, build
from orobuild.project import load


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("kernel"))


@pytest.fixture(scope="module")
def kernel(project, profile):
    return build(load(project), Request(profile=profile)).kernel.read_bytes()


def some(rows, names, key):
    """Pytest parameters of all rows; those that are not named run in the full suite only."""
    missing = names - {key(row) for row in rows}
    assert not missing, missing
    return [
        pytest.param(
            row,
            id=key(row).replace(" ", "-"),
            marks=() if key(row) in names else pytest.mark.full,
        )
        for row in rows
    ]


# One of each kind of proof; the table of all is checked with --full.
BY_DEFAULT = {
    "text not executable",
    "handler jumps to rodata",
    "vector in rodata",
    "stub pushes another vector",
    "cld lost in bytes",
    "swapgs lost where syscall arrives",
    "two registers popped in the wrong order",
    "stack not aligned on IST",
    "EFER not written in the trampoline",
}
BUILT_BY_DEFAULT = {"no .section line", "two registers pushed in the wrong order"}


@pytest.mark.parametrize("mutation", some(BYTES, BY_DEFAULT, lambda m: m.name))
def test_a_change_of_the_image_is_found_by_its_rule(kernel, mutation):
    image = Image(kernel)
    mutation.change(image)
    found = findings(bytes(image.data))
    assert mutation.rule in found
    assert found <= {mutation.rule} | mutation.others


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [row[1:] for row in TEXTS],
    ids=[name.replace(" ", "-") for name, *_ in TEXTS],
)
def test_a_change_of_a_file_is_found_in_the_file(file, old, new, rules):
    assert text_findings(file, old, new) == rules


def test_a_symbol_that_changes_its_segment_is_found_between_two_builds(kernel):
    assert moved_symbol(kernel) == {"BLD001"}


@pytest.mark.parametrize("row", some(SOURCES, BUILT_BY_DEFAULT, lambda row: row[0]))
def test_a_change_of_the_source_is_found_by_its_rule(project, profile, row):
    _, change, rules = row
    assert build_findings(project, profile, change) == rules


def test_the_kernel_is_clean(kernel):
    assert findings(kernel) == set()


def test_every_function_of_the_kernel_is_reached(kernel):
    program = Program(reader.read(kernel, "oro.elf"), CONFIG)
    reached = {i.ip for _, decoder in program.flow.instructions() for i in decoder}
    assert [program.symbols.name(a) for a, _ in program.functions if a not in reached] == []


def test_the_trampoline_and_the_entry_are_decoded_at_their_own_widths(kernel):
    program = Program(reader.read(kernel, "oro.elf"), CONFIG)
    assert {width for width, _ in program.flow.instructions()} == {16, 32, 64}

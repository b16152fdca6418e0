"""The kernel is clean, and each seeded way of breaking it is found by the rule meant for it."""

from __future__ import annotations

import pytest

from lint.kernel_mutations import (
    BYTES,
    CONFIG,
    SOURCES,
    TEXTS,
    Image,
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


@pytest.mark.parametrize("mutation", BYTES, ids=lambda m: m.name.replace(" ", "-"))
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


@pytest.mark.parametrize(
    ("change", "rules"),
    [(change, rules) for _, change, rules in SOURCES],
    ids=[name.replace(" ", "-") for name, _, _ in SOURCES],
)
def test_a_change_of_the_source_is_found_by_its_rule(project, profile, change, rules):
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

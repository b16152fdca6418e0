"""Which rules run, at which severity, and what a configuration may say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orobuild.diagnostics import Severity
from orobuild.errors import UsageError
from orobuild.lint.config import CodeRange, LintConfig, RunAddress, from_mapping
from orobuild.lint.registry import rule, rules
from orobuild.lint.rule import Rule
from orobuild.lint.selection import check, matches, selected, severity_of


def example(code: str, *, default: bool = True) -> Rule:
    return Rule(code, code.lower(), "Finds nothing.", lambda program: (), default=default)


RULES = {
    code: example(code, default=code != "SEG900")
    for code in ("IDT001", "SEG001", "SEG002", "SEG010", "SEG900")
}


def codes(**settings: tuple[str, ...]) -> list[str]:
    config = LintConfig(**settings)  # type: ignore[arg-type]
    check(RULES, config)
    return [r.code for r in selected(RULES, config)]


def test_without_a_selection_every_default_rule_runs():
    assert codes() == ["IDT001", "SEG001", "SEG002", "SEG010"]


def test_a_prefix_selects_a_family():
    assert codes(select=("SEG",)) == ["SEG001", "SEG002", "SEG010"]


def test_a_longer_prefix_selects_fewer():
    assert codes(select=("SEG00",)) == ["SEG001", "SEG002"]


def test_the_longest_prefix_decides():
    assert codes(select=("SEG",), ignore=("SEG00",)) == ["SEG010"]
    assert codes(select=("SEG001",), ignore=("SEG",)) == ["SEG001"]
    assert codes(select=("SEG001",), ignore=("SEG001",)) == []


def test_extend_select_adds_to_the_default():
    assert codes(extend_select=("SEG900",)) == [*codes(), "SEG900"]


def test_a_rule_that_is_off_needs_its_whole_code():
    assert "SEG900" not in codes(select=("ALL", "SEG"))
    assert "SEG900" in codes(select=("SEG900",))


def test_ignoring_everything_leaves_what_is_selected_by_name():
    assert codes(ignore=("ALL",), select=("SEG",)) == ["SEG001", "SEG002", "SEG010"]


def test_an_unknown_prefix_is_an_error_with_the_nearest_code():
    with pytest.raises(UsageError, match="SEG01x") as caught:
        codes(select=("SEG01x",))
    assert caught.value.diagnostics[0].hint == "did you mean 'SEG010'?"


@pytest.mark.parametrize("settings", [{"ignore": ("XYZ",)}, {"extend_select": ("",)}])
def test_a_prefix_that_matches_nothing_is_an_error(settings):
    with pytest.raises(UsageError):
        codes(**settings)


def test_the_longest_prefix_decides_the_severity():
    config = LintConfig(severity=(("SEG", Severity.WARNING), ("SEG001", Severity.NOTE)))
    assert severity_of(RULES["SEG001"], config) is Severity.NOTE
    assert severity_of(RULES["SEG002"], config) is Severity.WARNING
    assert severity_of(RULES["IDT001"], config) is Severity.ERROR


def test_a_severity_for_an_unknown_rule_is_an_error():
    with pytest.raises(UsageError):
        check(RULES, LintConfig(severity=(("XYZ", Severity.NOTE),)))


def test_rules_are_left_out_in_files_that_a_pattern_matches():
    config = LintConfig(select=("SEG001", "IDT"), per_file_ignores=(("boot/*.S", ("SEG",)),))
    assert [r.code for r in selected(RULES, config, "arch/boot/a.S")] == ["IDT001"]
    assert [r.code for r in selected(RULES, config, "arch/a.S")] == ["IDT001", "SEG001"]


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("arch/x86/boot/a.S", "*.S", True),
        ("arch/x86/boot/a.S", "boot", True),
        ("arch/x86/boot/a.S", "x86/boot", True),
        ("arch/x86/boot/a.S", "x86/boot/", True),
        ("arch/x86/boot/a.S", "./arch/*/a.S", True),
        ("/home/k/arch/x86/a.S", "arch/x86/*", True),
        ("arch/x86/boot/a.S", "oot", False),
        ("arch/x86/boot/a.S", "86/boot", False),
        ("", "*", False),
    ],
)
def test_a_pattern_is_that_of_a_path_its_end_or_a_part(path, pattern, expected):
    assert matches(path, pattern) is expected


def test_a_configuration_is_read_from_a_table():
    table = {
        "select": ["SEG"],
        "ignore": ["SEG006"],
        "severity": {"SEG001": "warning"},
        "vector-tables": ["isr_*"],
        "code": {".text.boot": 32},
        "run-addresses": {"a..b": 0x8000},
        "page-size": 0x200000,
    }
    assert from_mapping(table) == replace(
        LintConfig(),
        select=("SEG",),
        ignore=("SEG006",),
        severity=(("SEG001", Severity.WARNING),),
        vector_tables=("isr_*",),
        code=(CodeRange(".text.boot", 32),),
        run_addresses=(RunAddress("a..b", 0x8000),),
        page_size=0x200000,
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"selct": []}, "did you mean 'select'"),
        ({"select": "SEG"}, "expected a list of strings"),
        ({"select": [1]}, "expected a list of strings"),
        ({"severity": {"SEG": "fatal"}}, "'fatal' is not a severity"),
        ({"severity": []}, "expected a table"),
        ({"code": {".text": 8}}, "not a code width"),
        ({"code": {".text": "16"}}, "not a code width"),
        ({"per-file-ignores": {"a.S": "SEG"}}, "expected a list of strings"),
        ({"per-file-ignores": []}, "expected a table"),
        ({"baseline": 1}, "expected a string"),
        ({"page-size": 4095}, "not a power of two"),
        ({"page-size": 0}, "not a power of two"),
        ({"page-size": True}, "expected a number"),
        ({"run-addresses": {"x": -1}}, "not negative"),
    ],
)
def test_a_wrong_configuration_names_the_key_at_fault(table, message):
    with pytest.raises(UsageError, match=message) as caught:
        from_mapping(table)
    assert next(iter(table)) in str(caught.value)


def test_a_rule_is_found_by_code_and_by_name():
    assert rule("SEG001") is rule("branch-outside-executable") is rule("seg001")


def test_an_unknown_rule_is_an_error_with_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        rule("branch-outside-executabel")
    assert caught.value.diagnostics[0].hint == "did you mean 'branch-outside-executable'?"


def test_codes_and_names_are_unique_and_well_formed():
    table = rules()
    assert list(table) == sorted(table)
    names = [r.name for r in table.values()]
    assert len(set(names)) == len(names)
    assert all(name == name.lower().replace(" ", "-") for name in names)

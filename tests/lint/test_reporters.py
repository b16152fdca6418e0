"""One result in every format: what a tool that reads the format relies on is there."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from orobuild.diagnostics import Note, Severity, Span, error
from orobuild.errors import UsageError
from orobuild.lint import report
from orobuild.lint.finding import Evidence, Finding, Step
from orobuild.lint.registry import rules
from orobuild.lint.reporters import FORMATS
from orobuild.lint.result import LintResult

ADDRESS = 0xFFFFFFFF80001004


def finding(path: str = "build/k.elf", symbol: str = "isr_common", **more) -> Finding:
    step = Step(ADDRESS - 4, "isr_32 in .text", "jmp isr_common", ADDRESS)
    values = {
        "severity": Severity.ERROR,
        "message": "jmp goes to isr_common, 100% wrong",
        "span": Span(path),
        "hint": "first\nsecond",
        "rule": "SEG001",
        "notes": (Note("reached from entry point _start"),),
        "evidence": Evidence(ADDRESS, symbol, '.rodata ("a")', "segment 2", "entry", (step,)),
    }
    return Finding(**{**values, **more})


RESULT = LintResult(
    ("build/k.elf", "clean.elf", "asm/a b.S", "text"),
    (
        finding(),
        finding(
            "asm/a b.S", span=Span("asm/a b.S", 12, 5), severity=Severity.WARNING, rule="SEG002"
        ),
    ),
    (error("not an ELF file", Span("text"), rule="elf"),),
)
CLEAN = LintResult(("clean.elf",))


@pytest.mark.parametrize("output_format", FORMATS)
def test_every_format_reports_every_finding_and_error(output_format):
    text = report(RESULT, output_format)
    for word in ("SEG001", "SEG002", "not an ELF file"):
        assert word in text


@pytest.mark.parametrize("output_format", FORMATS)
def test_no_format_writes_escape_codes_unless_asked(output_format):
    assert "\x1b" not in report(RESULT, output_format)


def test_an_unknown_format_is_an_error():
    with pytest.raises(UsageError, match="there is no output format 'sarf'"):
        report(RESULT, "sarf")


def test_full_shows_evidence_hint_and_a_count():
    text = report(RESULT)
    assert "note: reached from entry point _start" in text
    assert "hint: first\n      second" in text
    assert text.endswith("2 errors, 1 warning in 4 files\n")


def test_full_says_that_nothing_was_found():
    assert report(CLEAN) == "no findings in 1 file\n"


def test_full_can_be_colored():
    assert "\x1b[" in report(RESULT, color=True)


def test_concise_is_one_line_a_finding():
    assert report(RESULT, "concise").splitlines() == [
        "text: error: not an ELF file [elf]",
        "build/k.elf: error: jmp goes to isr_common, 100% wrong [SEG001]",
        "asm/a b.S:12:5: warning: jmp goes to isr_common, 100% wrong [SEG002]",
    ]
    assert report(CLEAN, "concise") == ""


def test_json_keeps_every_bit_of_an_address():
    objects = json.loads(report(RESULT, "json"))
    assert objects[1]["evidence"]["address"] == "0xffffffff80001004"
    assert objects[1]["evidence"]["path"][0]["instruction"] == "jmp isr_common"
    assert objects[2]["line"] == 12
    assert objects[0]["evidence"] is None
    assert json.loads(report(CLEAN, "json")) == []


def test_github_escapes_what_its_commands_reserve():
    lines = report(RESULT, "github").splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("::error file=build/k.elf,title=SEG001::jmp goes")
    assert "100%25 wrong%0Areached from" in lines[1]
    assert lines[2].startswith("::warning file=asm/a b.S,line=12,col=5,title=SEG002::")
    awkward = LintResult((), (finding("a,b:c.elf"),))
    assert "file=a%2Cb%3Ac.elf," in report(awkward, "github")


def test_gitlab_has_the_fields_that_it_requires_and_unique_fingerprints():
    twice = LintResult(("k",), (finding(), finding()))
    issues = json.loads(report(twice, "gitlab"))
    assert len({i["fingerprint"] for i in issues}) == 2
    for issue in issues:
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["path"] == "build/k.elf"
        assert issue["location"]["lines"]["begin"] >= 1
        assert issue["check_name"] == "SEG001"
        assert issue["description"]


def test_a_fingerprint_does_not_depend_on_addresses():
    moved = finding(evidence=Evidence(ADDRESS + 64, "isr_common+0x8"), message="jmp at 0x1 to 0x2")
    first, second = (
        json.loads(report(LintResult((), (f,)), "gitlab"))[0]["fingerprint"]
        for f in (finding(), moved)
    )
    assert first == second


def test_junit_has_a_suite_a_file_and_a_passing_case_for_a_clean_one():
    root = ET.fromstring(report(RESULT, "junit"))
    suites = {s.get("name"): s for s in root.iter("testsuite")}
    assert set(suites) == set(RESULT.checked)
    assert suites["clean.elf"].find("testcase/failure") is None
    failure = suites["build/k.elf"].find("testcase/failure")
    assert failure is not None
    assert "hint: first" in (failure.text or "")
    assert sum(int(s.get("failures", "0")) for s in suites.values()) == 3


def test_junit_is_well_formed_whatever_a_name_holds():
    hostile = LintResult(("a\x00<&>\udcff",), (finding("a\x00<&>\udcff", message="\x07]]>"),))
    assert ET.fromstring(report(hostile, "junit")).tag == "testsuites"


class TestSarif:
    def log(self, result: LintResult = RESULT):
        return json.loads(report(result, "sarif"))

    def test_declares_its_version_and_tool(self):
        log = self.log()
        assert log["version"] == "2.1.0"
        assert log["$schema"].endswith("sarif-schema-2.1.0.json")
        assert log["runs"][0]["tool"]["driver"]["name"] == "orolint"

    def test_lists_every_rule_with_its_documentation(self):
        driver = self.log()["runs"][0]["tool"]["driver"]
        assert [r["id"] for r in driver["rules"]] == list(rules())
        for rule in driver["rules"]:
            assert rule["shortDescription"]["text"]
            assert rule["fullDescription"]["text"]
            assert rule["help"]["text"]
            assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note", "none")

    def test_results_point_at_their_rule(self):
        run = self.log()["runs"][0]
        for result in run["results"]:
            assert result["level"] in ("error", "warning", "note", "none")
            assert result["message"]["text"]
            if "ruleIndex" in result:
                rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
                assert rule["id"] == result["ruleId"]

    def test_locations_are_valid_uris_with_lines_from_one(self):
        for result in self.log()["runs"][0]["results"]:
            for location in result["locations"]:
                physical = location["physicalLocation"]
                uri = physical["artifactLocation"]["uri"]
                assert re.fullmatch(r"[A-Za-z0-9._~/%:-]+", uri)
                assert physical.get("region", {"startLine": 1})["startLine"] >= 1

    def test_an_absolute_path_is_a_file_uri(self):
        log = self.log(LintResult((), (finding("/tmp/k 1.elf"),)))
        location = log["runs"][0]["results"][0]["locations"][0]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "file:///tmp/k%201.elf"

    def test_the_path_of_branches_is_a_code_flow(self):
        result = next(r for r in self.log()["runs"][0]["results"] if r["ruleId"] == "SEG001")
        steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
        assert [s["location"]["message"]["text"] for s in steps] == [
            "isr_32 in .text: jmp isr_common"
        ]

    def test_a_clean_result_has_an_empty_list_of_results(self):
        assert self.log(CLEAN)["runs"][0]["results"] == []


def test_statistics_count_by_rule():
    result = LintResult((), (finding(), finding(rule="SEG002"), finding()))
    assert result.statistics() == (("SEG001", 2), ("SEG002", 1))

"""The serial console as data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orobuild.machine.console import Core, parse_fact, read_console

LOG = """\
oro: boot protocol=multiboot2 cores=2
Oro is starting.
oro: core=1 apic=2 ticks=90 threads=3
oro: core=0 apic=0 ticks=100 threads=4
oro: core=1 apic=2 ticks=91 threads=3
oro: segment name=.text flags="R E" address=0xffffffff80101000
oro: verdict=pass
"""

PANIC = """\
before
oro: panic-begin core=1
oro: vector=14 name="page fault" error=0x11
oro: rip=0xffffffff80201000 cr2=0xffffffff80201000
some text
oro: panic-end
after
"""


def test_facts_are_read_with_their_values():
    console = read_console(LOG.splitlines())

    (boot,) = console.of_kind("boot")
    assert boot.values == {"boot": "", "protocol": "multiboot2", "cores": "2"}
    assert boot.integer("cores") == 2
    assert boot.integer("protocol") is None
    assert boot.integer("missing") is None
    assert console.verdict == "pass"


def test_a_quoted_value_may_hold_spaces_and_nothing():
    fact = parse_fact('oro: segment flags="R E" name="" address=0xffffffff80101000')

    assert fact.values == {
        "segment": "",
        "flags": "R E",
        "name": "",
        "address": "0xffffffff80101000",
    }
    assert fact.integer("address") == 0xFFFFFFFF80101000


def test_the_last_report_of_each_core_counts():
    assert read_console(LOG.splitlines()).cores == (Core(0, 0, 100, 4), Core(1, 2, 91, 3))


def test_a_garbled_core_line_is_a_fact_but_no_core():
    console = read_console(["oro: core=x apic=0 ticks=1 threads=1", "oro: core=1 apic=1 ti"])

    assert console.cores == ()
    assert len(console.of_kind("core")) == 2


def test_a_panic_block_is_kept_whole_and_apart():
    console = read_console(PANIC.splitlines())

    (panic,) = console.panics
    assert panic.complete
    assert panic.values["error"] == "0x11"
    assert panic.values["name"] == "page fault"
    assert panic.values["rip"] == panic.values["cr2"]
    assert panic.lines[-1] == "some text"
    assert not console.facts


def test_a_panic_is_told_in_a_line():
    (fault,) = read_console(PANIC.splitlines()).panics
    (asked,) = read_console(
        ["oro: panic-begin", "oro: reason=a check failed: x=1", "oro: panic-end"]
    ).panics
    (quoted,) = read_console(["oro: panic-begin", 'oro: reason="out of memory" core=1']).panics
    (empty,) = read_console(["oro: panic-begin"]).panics

    assert fault.summary == (
        "name=page fault error=0x11 rip=0xffffffff80201000 cr2=0xffffffff80201000"
    )
    assert asked.summary == "a check failed: x=1"
    assert quoted.summary == "out of memory"
    assert empty.summary == "the kernel panicked"


@pytest.mark.parametrize("kept", [2, 3, 4, 5])
def test_a_panic_that_is_cut_off_is_a_panic(kept):
    (panic,) = read_console(PANIC.splitlines()[:kept]).panics

    assert not panic.complete
    assert len(panic.lines) == kept - 2


def test_a_panic_inside_a_panic_ends_the_first():
    log = ["oro: panic-begin", "oro: a=1", "oro: panic-begin", "oro: b=2", "oro: panic-end"]

    first, second = read_console(log).panics

    assert (first.complete, second.complete) == (False, True)
    assert (first.values, second.values) == ({"a": "1"}, {"b": "2"})


@pytest.mark.parametrize("line", ["", "oro:", "oro: ", "oro:x=1", "Oro: x=1", " oro: x=1"])
def test_other_lines_are_text(line):
    assert parse_fact(line) is None


@given(st.lists(st.text()))
def test_no_log_is_refused(lines):
    console = read_console(lines)

    assert console.lines == tuple(lines)


@given(st.text(st.characters(exclude_characters="\r\n")))
def test_no_fact_is_refused(text):
    parse_fact("oro: " + text)

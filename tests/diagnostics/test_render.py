"""A diagnostic is one shape, and its text can never drive the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orobuild.diagnostics import (
    Diagnostic,
    Note,
    Severity,
    Span,
    did_you_mean,
    error,
    nearest,
    render,
    render_all,
    warning,
)
from orobuild.errors import (
    InputError,
    InternalError,
    MissingToolError,
    OrobuildError,
    UsageError,
)


def test_a_diagnostic_shows_place_message_source_caret_and_hint():
    span = Span("asm/isr.S", 12, 5, 8, "    .sectoin .text")
    diagnostic = error("unknown directive '.sectoin'", span, hint="did you mean '.section'?")
    assert render(diagnostic) == (
        "asm/isr.S:12:5: error: unknown directive '.sectoin'\n"
        "   12 |     .sectoin .text\n"
        "      |     ^~~~~~~~\n"
        "hint: did you mean '.section'?"
    )


def test_a_rule_is_named_after_the_message():
    assert render(warning("odd", rule="SEG001")) == "warning: odd [SEG001]"


def test_notes_follow_with_their_own_source():
    note = Note("expanded from here", Span("b.inc", 3, 1, 2, "go"))
    text = render(error("wrong", Span("a.S", 1)).with_notes(note))
    assert text.splitlines() == [
        "a.S:1: error: wrong",
        "b.inc:3:1: note: expanded from here",
        "    3 | go",
        "      | ^~",
    ]


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Span("f"), "f"),
        (Span("f", 3), "f:3"),
        (Span("f", 3, 7), "f:3:7"),
        (Span("f", 0, 7), "f"),
    ],
)
def test_a_span_prints_what_is_known(span, text):
    assert str(span) == text


def test_the_caret_stands_under_its_column_after_tabs():
    lines = render(error("x", Span("f", 1, 3, 3, "\t\tabc"))).splitlines()
    assert lines[1].index("abc") == lines[2].index("^")


def test_the_underline_ends_with_the_line():
    lines = render(error("x", Span("f", 1, 4, 100, "0123456"))).splitlines()
    assert lines[2].count("~") == 3


def test_a_very_long_line_is_cut_around_the_caret():
    text = "x" * 5000 + "HERE" + "y" * 5000
    lines = render(error("x", Span("f", 1, 5001, 4, text))).splitlines()
    assert len(lines[1]) < 300
    assert lines[1].index("HERE") == lines[2].index("^")


def test_a_hint_of_several_lines_is_indented():
    assert render(error("x", hint="a\nb")).splitlines()[1:] == ["hint: a", "      b"]


def test_color_is_only_added():
    diagnostic = error("x", Span("f", 1, 1, 1, "y"), hint="z")
    colored = render(diagnostic, color=True)
    assert "\x1b[1;31m" in colored
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(diagnostic)


@given(
    st.builds(
        Diagnostic,
        severity=st.sampled_from(Severity),
        message=st.text(max_size=80),
        span=st.none()
        | st.builds(
            Span,
            st.text(max_size=20),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
            st.integers(-5, 10**6),
            st.none() | st.text(max_size=400),
        ),
        hint=st.none() | st.text(max_size=80),
        notes=st.lists(st.builds(Note, st.text(max_size=40))).map(tuple),
    )
)
def test_whatever_the_text_no_control_character_reaches_the_terminal(diagnostic):
    text = render(diagnostic)
    assert all(c.isprintable() or c in "\n\t" for c in text)
    assert all(len(line) < 1000 for line in text.split("\n"))


def test_all_diagnostics_end_in_a_newline():
    assert render_all([error("a"), warning("b")]) == "error: a\nwarning: b\n"
    assert render_all([]) == ""


def test_the_nearest_name_is_suggested_and_no_far_one():
    assert nearest("sectoin", ["section", "text"]) == "section"
    assert did_you_mean("sectoin", ["section"]) == "did you mean 'section'?"
    assert did_you_mean("xyz", ["section"]) is None
    assert nearest("x", []) is None


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (InputError(error("x")), 1),
        (UsageError("x"), 2),
        (MissingToolError("x"), 2),
        (InternalError("x"), 3),
        (OrobuildError([error("x"), error("y")]), 3),
    ],
)
def test_each_error_has_its_exit_status_and_its_text(raised, status):
    assert raised.exit_status == status
    assert "error: " in str(raised)
    assert "x" in str(raised)


def test_an_internal_error_asks_for_a_report():
    hint = InternalError("the two readings differ").diagnostics[0].hint
    assert hint is not None
    assert "report" in hint

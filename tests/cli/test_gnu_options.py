"""Command lines are read as getopt_long_only reads them."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orobuild.cli import as_options, gnu_options, ld_options
from orobuild.cli.gnu_options import INPUT, Option, parse, split_words
from orobuild.errors import UsageError

TABLE = (
    Option(key="out", names=("-o", "--output"), takes="value", two_dashes=True),
    Option(key="omagic", names=("--omagic",), two_dashes=True),
    Option(key="lib", names=("-l", "--library"), takes="value", joined_first=True),
    Option(key="map", names=("-Map",), takes="value"),
    Option(key="strip", names=("-s",), constant="all"),
    Option(key="x", names=("-x", "--discard-all")),
    Option(key="level", names=("-O",), takes="maybe"),
    Option(key="id", names=("--build-id",), takes="maybe", constant="sha1"),
    Option(key="gc", names=("--gc-sections",), constant="yes"),
    Option(key="gc", names=("--no-gc-sections",), constant="no"),
    Option(key="long", names=("--ld-generated-unwind-info",)),
    Option(key="mode", names=("--mode",), takes="value", choices={"a": None, "b": "b is bad"}),
    Option(key="refused", names=("--wrap",), refused="no wrapping", instead="rename it"),
)


def read(*words):
    return [(item.key, item.value) for item in parse(words, TABLE, "prog").items]


def refuse(*words):
    with pytest.raises(UsageError) as caught:
        parse(words, TABLE, "prog")
    return str(caught.value)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("-o", "x"), [("out", "x")]),
        (("-ox",), [("out", "x")]),
        (("--output=x",), [("out", "x")]),
        (("--output", "x"), [("out", "x")]),
        (("-omagic",), [("out", "magic")]),
        (("--omagic",), [("omagic", None)]),
        (("-Map=m",), [("map", "m")]),
        (("--Map", "m"), [("map", "m")]),
        (("-ld",), [("lib", "d")]),
        (("-l:x.a",), [("lib", ":x.a")]),
        (("-sx",), [("strip", "all"), ("x", None)]),
        (("-sO2",), [("strip", "all"), ("level", "2")]),
        (("-O", "in"), [("level", None), (INPUT, "in")]),
        (("--build-id", "in"), [("id", "sha1"), (INPUT, "in")]),
        (("--build-id=none",), [("id", "none")]),
        (("-gc-sections",), [("gc", "yes")]),
        (("--gc",), [("gc", "yes")]),
        (("-no-gc",), [("gc", "no")]),
        (("--mode=a",), [("mode", "a")]),
        (("-", "-s", "--", "-s"), [(INPUT, "-"), ("strip", "all"), (INPUT, "-s")]),
        (("a.o", "-lc", "b.o"), [(INPUT, "a.o"), ("lib", "c"), (INPUT, "b.o")]),
        (("@/nonexistent/file",), [(INPUT, "@/nonexistent/file")]),
    ],
)
def test_words_mean_what_they_mean_to_getopt(words, expected):
    assert read(*words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--gc-section5",), "did you mean '--gc-sections'?"),
        (("-Mapp=x",), "did you mean '-Map'?"),
        (("--o=x",), "it may be --omagic, --output"),
        (("-o",), "'-o' needs a value"),
        (("--gc-sections=1",), "'--gc-sections' takes no value"),
        (("-sq",), "unknown option '-sq'"),
        (("--mode=b",), "b is bad"),
        (("--mode=c",), "unknown value 'c'"),
        (("--wrap=f",), "no wrapping"),
    ],
)
def test_a_word_that_cannot_be_is_refused_by_name(words, expected):
    assert expected in refuse(*words)


def test_a_refusal_says_what_to_do_instead():
    assert "hint: rename it" in refuse("--wrap=f")


def test_a_response_file_may_name_another(tmp_path):
    inner = tmp_path / "inner"
    inner.write_text("b.o '-o' \"a b\"")
    outer = tmp_path / "outer"
    outer.write_text(f"a.o\n@{inner} c\\ d.o")
    assert read(f"@{outer}") == [(INPUT, "a.o"), (INPUT, "b.o"), ("out", "a b"), (INPUT, "c d.o")]


def test_a_response_file_that_names_itself_ends(tmp_path):
    file = tmp_path / "loop"
    file.write_text(f"@{file}")
    assert "without end" in refuse(f"@{file}")


def test_a_response_file_with_an_open_quote_is_refused(tmp_path):
    file = tmp_path / "open"
    file.write_text("a 'b")
    assert "never closed" in refuse(f"@{file}")


def test_response_files_are_split_as_gnu_ld_splits_them(tmp_path, tool):
    """ld -t prints the names of its inputs, here two copies of one object."""
    (tmp_path / "s.s").write_text("")
    for name in ("a b.o", "c'd.o", "e\\f.o", 'g"h.o'):
        subprocess.run([tool("as"), "s.s", "-o", name], cwd=tmp_path, check=True)
    text = "'a b.o'\n\"c'd.o\"\te\\\\f.o g\\\"h.o"
    (tmp_path / "words").write_text(text)
    shown = subprocess.run(
        [tool("ld"), "-r", "-t", "@words", "-o", "out"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert split_words(text, "words") == shown.stdout.splitlines()


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_words_are_read_or_refused(words):
    for table in (TABLE, as_options.TABLE, ld_options.TABLE):
        with contextlib.suppress(UsageError):
            parse([word for word in words if not word.startswith("@")], table, "prog")


@pytest.mark.parametrize("table", [as_options.TABLE, ld_options.TABLE], ids=["as", "ld"])
def test_no_name_is_in_a_table_twice(table):
    names = [name for option in table for name in option.names]
    words = [name if len(name) == 2 else name.lstrip("-") for name in names]
    assert sorted(words) == sorted(set(words))


def offered(text):
    """The option names that a `--help` of binutils shows."""
    for line in text.splitlines():
        if not line.startswith("  ") or not line.lstrip().startswith("-"):
            continue
        for part in line.strip().split("  ")[0].replace("/", ",").split(","):
            word = part.strip().partition(" ")[0].partition("=")[0].partition("[")[0]
            if word.startswith("-") and "<" not in word:
                yield word


@pytest.mark.parametrize(
    ("program", "table"), [("as", as_options.TABLE), ("ld", ld_options.TABLE)], ids=["as", "ld"]
)
def test_every_option_that_gnu_documents_is_decided(program, table, tool):
    shown = subprocess.run([tool(program), "--help"], capture_output=True, text=True, check=True)
    text = shown.stdout
    if program == "ld":  # what follows is about PE
        text = text.partition("i386pep:")[0]
    known = {name.lstrip("-") for option in table for name in option.names}
    missing = {
        word
        for word in offered(text)
        if word.lstrip("-") not in known and not word.startswith(("-z", "-O", "-Q"))
    }
    assert not missing


def test_help_shows_every_option():
    text = gnu_options.help_text("Usage: prog", TABLE, "prog x")
    for option in TABLE:
        if not option.refused:
            assert option.names[0] in text

"""Where a header would be found first, if it were there."""

from __future__ import annotations

import pytest

from orobuild.pipeline import includes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b'#include "a.h"\n', [("a.h", True, False)]),
        (b"  #  include <a/b.h> // why\n", [("a/b.h", False, False)]),
        (b"#include_next <a.h>\n", [("a.h", False, True)]),
        (b'#define WHICH "a.h"\n#include WHICH\n', [("a.h", True, True)]),
        (b'#if __has_include("a.h")\n#endif\n', [("a.h", True, False)]),
        (b'// include "a.h"\nint include;\n', []),
    ],
)
def test_the_headers_that_a_source_names(text, names):
    assert list(includes.names_in(text)) == names


@pytest.mark.parametrize(
    ("flags", "directories"),
    [
        (["-Ione", "-I", "two"], ["one", "two"]),
        (["-isystem", "last", "-Ione", "-iquote", "first"], ["first", "one", "last"]),
        (["-O2", "-Wall"], []),
    ],
)
def test_the_search_path_is_the_compilers(flags, directories):
    assert includes.search_path(flags) == directories


def test_what_lies_behind_the_one_that_is_found_does_not_matter():
    texts = {"src/a.c": b'#include "h.h"\n', "two/h.h": b""}
    found = includes.absent(
        ("src/a.c", "two/h.h"),
        ("one", "two", "three"),
        names=lambda name: includes.names_in(texts[name]),
        exists=lambda name: name in texts,
    )
    assert list(found) == ["src/h.h", "one/h.h"]

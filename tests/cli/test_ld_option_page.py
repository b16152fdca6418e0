"""docs/linker-options.md tells the truth: every option and keyword that GNU ld lists is in it."""

from __future__ import annotations

import re
import subprocess

import pytest

from orobuild.cli import ld_keywords
from orobuild.cli.commands import oro_ld
from orobuild.cli.gnu_options import parse
from orobuild.cli.ld_option_page import render
from orobuild.cli.ld_options import TABLE
from orobuild.errors import UsageError

# PE's options begin here; none of them concerns ELF.
PE = "i386pep:"


@pytest.fixture(scope="module")
def listed(tool):
    shown = subprocess.run([tool("ld"), "--help"], capture_output=True, text=True, check=True)
    return shown.stdout.partition(PE)[0]


def test_the_page_is_what_the_tables_say(root):
    assert (root / "docs" / "linker-options.md").read_text() == render()


def test_every_option_that_gnu_ld_lists_is_known(listed):
    known = {name.lstrip("-") for option in TABLE for name in option.names}
    names = set()
    for line in listed.splitlines():
        if not line.startswith("  -") or line.startswith("  -z"):
            continue
        for words in line.split("  ")[1].split(", "):
            names.add(re.split(r"[ =\[]", words.strip())[0].lstrip("-"))
    names.discard("")
    assert len(names) > 150
    assert sorted(names - known) == []


def test_every_keyword_that_gnu_ld_lists_is_known(listed):
    known = {
        *ld_keywords.WORKING, *ld_keywords.PROPERTIES, *ld_keywords.VALUED, *ld_keywords.IGNORED,
        *ld_keywords.IGNORED_VALUED, *ld_keywords.REFUSED,
    }  # fmt: skip
    names = {name.partition("=")[0] for name in re.findall(r"^  -z (\S+)", listed, re.MULTILINE)}
    names.discard("x86-64-{baseline|v[234]}")
    assert len(names) > 50
    assert sorted(names - known) == []


@pytest.mark.parametrize(
    "option", [option for option in TABLE if option.refused], ids=lambda option: option.names[0]
)
def test_a_refused_option_says_why(option):
    for name in option.names:
        with pytest.raises(UsageError) as caught:
            parse([name], TABLE, "oro-ld")
        assert option.refused in str(caught.value.diagnostics[0].message)


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(UsageError) as caught:
        oro_ld.run(["--emit-reloks", "a.o"])
    assert "--emit-relocs" in (caught.value.diagnostics[0].hint or "")


def test_an_unknown_keyword_is_a_warning():
    fields, warnings = ld_keywords.read(["norelro", "relroo"])
    assert fields == {"relro": False}
    assert [w.hint for w in warnings] == ["did you mean 'relro'?"]

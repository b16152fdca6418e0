"""The manual pages: current, complete, and good roff for two readers of it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from orobuild.cli import main, manual

# Without a date the same sources give the same page on any day; examples are as long as they are.
INTENDED = ("missing date", "longer than 80 bytes")


@pytest.fixture(scope="module")
def directory(root):
    return root / "docs" / "man"


def test_the_pages_are_what_the_commands_say(directory):
    made = manual.pages()
    kept = {path.name: path.read_text() for path in directory.iterdir()}
    assert kept == made, "run: python -m orobuild.cli.manual docs/man"


BEFORE = """\
from click.testing import CliRunner
from orobuild.cli import manual
from orobuild.cli.commands.at import command
assert CliRunner().invoke(command, ["--help"]).exit_code == 0
print(manual.pages()["orobuild-at.1"], end="")
"""


def test_what_ran_before_in_the_process_does_not_matter(directory):
    done = subprocess.run([sys.executable, "-c", BEFORE], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ((directory / "orobuild-at.1").read_text(), "")


def test_every_command_and_every_program_has_a_page(directory):
    names = {path.stem for path in directory.iterdir()}
    assert {f"orobuild-{word}" for word in main.commands()} <= names
    assert {"orobuild", "orolint", "oro-as", "oro-ld", "orobuild-image-build"} <= names


def test_mandoc_finds_nothing(directory, tool):
    pages = sorted(directory.glob("*.1"))
    command = [tool("mandoc"), "-Tlint", "-W", "all", *pages]
    said = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    assert [line for line in said if not any(words in line for words in INTENDED)] == []


def test_mandoc_objects_to_what_is_no_roff(tmp_path, tool):
    page = tmp_path / "broken.1"
    page.write_text(".TH BROKEN 1\n.SH NAME\n.nf\n.XX\n")
    said = subprocess.run([tool("mandoc"), "-Tlint", page], capture_output=True, text=True).stdout
    assert "unknown macro" in said


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("orobuild-at.1", ("orobuild at --base 7f0000400000 7f0000401234 module.elf", "--json")),
        ("oro-ld.1", ("--emit-relocs", "Refused")),
        ("orolint.1", ("--baseline", "Exit status", "SEG")),
    ],
)
def test_a_page_reads_as_the_help_does(directory, tool, page, words):
    command = [tool("mandoc"), "-Tascii", "-Owidth=200", directory / page]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    shown = re.sub(r".\x08", "", shown)
    for word in words:
        assert word.lower() in shown.lower()


def test_what_roff_would_take_for_a_command_is_text():
    text = manual._text(".section 'a' \\n \"b\" -x `c` …")
    assert text == "\\&.section \\(aqa\\(aq \\en \\(dqb\\(dq \\-x \\(gac\\(ga \\[u2026]"

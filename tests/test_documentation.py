"""Documentation that is made from the code is current, and commands in it work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_configuration_page_is_current():
    from orobuild.project.reference import markdown

    assert (ROOT / "docs" / "configuration.md").read_text() == markdown(), (
        "run: python -m orobuild.project.reference > docs/configuration.md"
    )


def console_commands(page: Path) -> list[str]:
    """The commands in a page's `console` blocks: the lines that start with `$`."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def documented_files(page: Path) -> dict[str, str]:
    """The files that a page shows in full: a line "`NAME`:" and then the file as a block."""
    found = re.findall(
        r"^`([^`]+)`:\n\n```\w*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
    )
    return dict(found)


def run_documented(page: Path, directory: Path) -> None:
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
    for command in console_commands(page):
        if command == "python3 build.py test":
            continue  # this suite is that command; running it in itself would never end
        result = subprocess.run(
            ["bash", "-c", command], cwd=directory, env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"


SESSIONS = {"founding-bug.md"}  # their commands may fail: see test_session_pages.py
PAGES = [
    page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")))
    if page.name not in SESSIONS
]


def test_there_are_commands_to_check():
    assert "python3 build.py" in console_commands(ROOT / "README.md")
    assert len(documented_files(ROOT / "docs" / "your-own-kernel.md")) == 3


LONG = frozenset(("rigs.md",))  # whose commands boot four cores several times
MARKS = (pytest.mark.full, pytest.mark.timeout(1800))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(p, marks=MARKS if p.name in LONG else [], id=p.name)
        for p in PAGES
        if console_commands(p)
    ],
)
def test_every_documented_command_works(page, tmp_path):
    """In order, as a reader would type them: in the page's own files, else in the repository."""
    files = documented_files(page)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    run_documented(page, tmp_path if files else ROOT)


def test_the_small_kernel_of_the_tutorial_breaks_as_the_tutorial_says(tmp_path):
    files = documented_files(ROOT / "docs" / "your-own-kernel.md")
    line = '.section .text,"ax",@progbits\n'
    assert line in files["entry.S"]
    files["entry.S"] = files["entry.S"].replace(line, "")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    result = subprocess.run(
        [sys.executable, "-m", "orobuild", "build"], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "'start' in section '.rodata'" in result.stderr


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))])
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"

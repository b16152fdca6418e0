"""Documentation that is made from the code is current, and commands in it work."""

from __future__ import annotations

import os
import re
import shlex
import shutil
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


def documented_commands() -> list[tuple[str, str]]:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
    return [
        (page.relative_to(ROOT).as_posix(), command)
        for page in pages
        for command in console_commands(page)
        # This suite is that command; running it in itself would never end.
        if command != "python3 build.py test"
    ]


def test_there_are_commands_to_check():
    assert ("README.md", "python3 build.py") in documented_commands()


def test_every_documented_command_works(tmp_path):
    """In order, in one copy of the project, as a reader would type them."""
    for name in ("asm", "kernel", "linker_scripts", "toolchain"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("build.py", "requirements.lock", ".gitignore", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
    for page, command in documented_commands():
        result = subprocess.run(
            shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, f"{page}: {command}\n{result.stdout}\n{result.stderr}"


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))])
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"

"""The rules of the house: formatted, linted, strictly typed, and imports run one way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON_TREES = ("toolchain", "tests", "benchmarks", "build.py")


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def assert_passes(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"


def test_the_code_is_formatted():
    assert_passes(run("ruff", "format", "--check", *PYTHON_TREES))


def test_the_linter_has_no_complaint():
    assert_passes(run("ruff", "check", *PYTHON_TREES))


def test_types_are_strict():
    assert_passes(run("mypy"))


def lint_imports(cwd: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [script, "--config", ROOT / "pyproject.toml", "--no-cache"],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_run_one_way():
    assert_passes(lint_imports(ROOT))


@pytest.mark.parametrize("package", ["", ".diagnostics", ".elf.reader", ".project", ".cli"])
def test_importing_is_light(package):
    """Start-up is paid by every pre-commit hook: heavy libraries load where they are needed."""
    heavy = ("lief", "keystone", "numpy", "elftools", "rich", "iced_x86", "capstone")
    code = f"import sys, orobuild{package}; print([m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name]


def test_no_python_module_is_past_six_hundred_lines():
    """Past 500 lines a module may be two nouns; past 600 it is split."""
    long = {
        name: count
        for name in tracked_files()
        if name.endswith(".py") and (count := len((ROOT / name).read_text().splitlines())) > 600
    }
    assert long == {}


def test_the_lock_names_no_address():
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_every_reader_of_toml_takes_the_configuration():
    """Numbers of more than 64 bits, with their sign, are read by Python's reader and few others."""
    import tomllib

    def numbers(value):
        if isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                yield from numbers(part)
        elif isinstance(value, int):
            yield value

    found = list(numbers(tomllib.loads((ROOT / "pyproject.toml").read_text())))
    assert found
    assert all(-(1 << 63) <= number < 1 << 63 for number in found)


def test_every_dependency_is_in_the_notice():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    notice = (ROOT / "NOTICE").read_text()
    wanted = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = [w.partition(">")[0].partition("[")[0] for w in wanted]
    assert [n for n in names if n not in notice] == []

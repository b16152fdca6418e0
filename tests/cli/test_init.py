"""`orobuild init`: the new kernel is clean, boots, panics as promised; nothing is overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orobuild.errors import UsageError
from orobuild.project import new


def run(directory, *arguments, module="orobuild"):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=directory,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    parent = tmp_path_factory.mktemp("init")
    result = run(parent, "init", "tiny")
    assert result.returncode == 0, result.stderr
    assert "cd tiny && orobuild run" in result.stdout
    return parent / "tiny"


def test_the_new_kernel_boots_and_has_no_finding(project):
    result = run(project, "run")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "hello from tiny" in result.stdout
    assert "rules, no findings" in result.stdout
    assert "warning" not in result.stderr


def test_its_machines_pass_as_its_workflow_asks_them(project):
    workflow = (project / ".github/workflows/ci.yml").read_text()
    (line,) = [line for line in workflow.splitlines() if "orobuild test" in line]
    result = run(project, *line.partition("orobuild ")[2].split())
    assert result.returncode == 0, result.stdout + result.stderr
    assert (result.stdout, result.stderr.count("passed   release-bios-ide-")) == ("", 2)
    assert "/build/" in f"/{(project / '.gitignore').read_text()}"
    assert (project / "build/junit.xml").is_file()


def test_its_sources_have_no_finding(project):
    result = run(project, "lint", ".")
    assert result.returncode == 0, result.stdout


def test_its_debug_build_boots_too(project):
    assert run(project, "run", "--profile", "debug").returncode == 0


def test_its_pages_have_the_permissions_of_the_script(project):
    """Writing to code, and running data, are page faults that `decode` explains."""
    main = project / "kernel" / "main.c"
    good = main.read_text()
    marker = '    console_print("oro: verdict=pass'
    for statement, error in (
        ("*(volatile uint8_t *)kernel_main = 0;", "0x3"),
        # By a pointer that the compiler does not know: a direct call would not be linked.
        ("static char data[1]; void (*volatile f)(void) = (void (*)(void))data; f();", "0x11"),
        ("*(volatile int *)16 = 1;", "0x2"),
    ):
        try:
            main.write_text(good.replace(marker, f"    {statement}\n{marker}"))
            booted = run(project, "run")
        finally:
            main.write_text(good)
        assert booted.returncode == 1, booted.stdout + booted.stderr
        (project / "panic.log").write_text(booted.stdout)
        decoded = json.loads(run(project, "decode", "--json", "panic.log").stdout)
        assert decoded["notes"] == []  # the image was found by its build-id
        panic = decoded["panics"][0]
        assert (panic["exception"]["name"], panic["exception"]["error"]) == ("#PF", error)
        if error != "0x11":
            assert panic["at"]["source"][0]["file"] == "kernel/main.c"
            assert panic["backtrace"][-1]["name"].startswith("entry64")


def test_nothing_that_exists_is_touched(project):
    before = {path: path.read_bytes() for path in project.rglob("*.c")}
    result = run(project, "init")
    assert result.returncode == 2
    assert "is there already; nothing was written" in result.stderr
    assert {path: path.read_bytes() for path in project.rglob("*.c")} == before


@pytest.mark.parametrize("name", ["Foo", "a b", "", "-x", "ünder", "x" * 80, "1st"])
def test_a_name_that_no_file_can_have_is_refused(name):
    with pytest.raises(UsageError, match="cannot be a kernel's name"):
        new.files(name)


def test_the_name_may_differ_from_the_directory(tmp_path):
    assert run(tmp_path, "init", "Some Dir", "--name", "core").returncode == 0
    assert 'name = "core"' in (tmp_path / "Some Dir" / "orobuild.toml").read_text()


def test_hidden_files_have_their_dot():
    names = new.files("tiny")
    assert {".gitignore", ".pre-commit-config.yaml", ".github/workflows/ci.yml"} <= names.keys()
    assert not [name for name in names if "@NAME@" in name or b"@NAME@" in names[name]]

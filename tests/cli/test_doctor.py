"""`orobuild doctor`, `config` and `completions`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import jsonschema
import pytest

from orobuild.project import json_schema, schema


def test_the_doctor_finds_what_the_tests_need(mini):
    result = mini.run("doctor")
    assert result.returncode == 0, result.stdout
    assert "missing" not in result.stdout
    assert "qemu-system-x86_64" in result.stdout


def test_what_is_missing_is_named_with_the_command_that_brings_it(mini, tmp_path):
    """A PATH with nothing on it but a package manager."""
    manager = tmp_path / "bin"
    manager.mkdir()
    (manager / "apt-get").write_text("#!/bin/sh\n")
    (manager / "apt-get").chmod(0o755)
    result = mini.run("doctor", PATH=str(manager))
    assert result.returncode == 2
    lines = result.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("✗ qemu-system-x86_64"))
    assert "missing" in lines[at]
    assert lines[at + 1].strip() == "sudo apt-get install -y qemu-system-x86"
    found = json.loads(mini.run("doctor", "--json", PATH=str(manager)).stdout)
    assert next(check for check in found if check["name"] == "gdb")["found"] == ""


def test_a_wrong_configuration_is_among_what_the_doctor_finds(mini):
    mini.change("orobuild.toml", "script", "scirpt")
    result = mini.run("doctor")
    assert result.returncode == 2
    assert "orobuild.toml:5:1" in result.stderr


def test_the_configuration_is_shown_with_every_default(mini):
    shown = json.loads(mini.run("config", "show").stdout)
    assert shown["targets"]["kernel"]["script"] == "kernel.ld"
    assert shown["targets"]["kernel"]["gc-sections"] is False
    assert shown["machine"]["cores"] == 4


def test_the_schema_knows_every_key_and_its_words():
    made = json_schema.json_schema()
    assert made["additionalProperties"] is False
    assert set(made["required"]) == {"name", "targets"}
    target = made["$defs"]["Target"]
    assert target["properties"]["script"]["description"] == "The linker script."
    assert target["properties"]["strip"]["enum"] == ["all", "debug", "none"]
    assert "vector-tables" in made["properties"]["lint"]["properties"]
    fields = {field.encode_name for field in schema.msgspec.structs.fields(schema.Target)}
    assert set(target["properties"]) == fields


def test_our_own_configuration_is_valid_and_a_misspelt_one_is_not(root):
    check = jsonschema.Draft202012Validator(json_schema.json_schema())
    check.check_schema(check.schema)
    table = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["orobuild"]
    check.validate(table)
    table["targets"]["kernel"]["scirpt"] = "x"
    with pytest.raises(jsonschema.ValidationError, match="scirpt"):
        check.validate(table)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_its_completion(mini, shell):
    result = mini.run("completions", shell)
    assert result.returncode == 0
    assert "_OROBUILD_COMPLETE" in result.stdout


def test_bash_completes_commands_and_options(tool):
    def complete(words, position):
        result = subprocess.run(
            [sys.executable, "-c", "from orobuild.cli import orobuild; orobuild()"],
            env={
                **os.environ,
                "_OROBUILD_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(position),
            },
            capture_output=True,
            text=True,
        )
        return {line.partition(",")[2] for line in result.stdout.splitlines()}

    assert {"build", "bundle"} & complete("orobuild bu", 1) == {"build"}
    assert "--profile" in complete("orobuild build --pro", 2)

"""`orobuild at` on a small project, from standard input, as JSON, and with wrong input."""

from __future__ import annotations

import json
import subprocess
import sys


def test_the_built_kernel_is_asked_by_default_and_its_source_shown(mini):
    mini.run("build")
    result = mini.run("at", "_start")
    assert result.returncode == 0, result.stderr
    assert "entry.S:10  in _start" in result.stdout
    assert "10 |     call print_message" in result.stdout
    assert "call 0xffffffff8010000" in result.stdout
    assert "print_message" in result.stdout


def test_every_line_of_assembly_has_its_place(mini):
    mini.run("build")
    result = mini.run("at", "--json", "print_message", "print_message+7")
    places = [one["source"][0] for one in json.loads(result.stdout)]
    assert [(place["file"], place["line"]) for place in places] == [
        ("message.S", 9),
        ("message.S", 10),
    ]


def test_addresses_come_from_standard_input_one_line_each(mini):
    mini.run("build")
    result = subprocess.run(
        [sys.executable, "-m", "orobuild", "at", "--brief", "-"],
        cwd=mini.root,
        input="0xffffffff80100000\nmessage 100001\n",
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert [line.split()[1] for line in result.stdout.splitlines()] == [
        "_start",
        "message",
        "_start+0x1",
    ]


def test_an_address_that_is_not_there_has_status_1(mini):
    mini.run("build")
    result = mini.run("at", "0xdead0000", "_start")
    assert result.returncode == 1
    assert "no part of the image is there" in result.stdout
    assert "_start" in result.stdout


def test_a_kernel_that_is_not_built_is_said_to_be_that(mini):
    result = mini.run("at", "_start")
    assert result.returncode == 1
    assert "the kernel is not built" in result.stderr
    assert "orobuild build" in result.stderr


def test_wrong_usage_has_status_2_and_a_hint(mini, tmp_path):
    mini.run("build")
    for arguments in (
        ("at",),
        ("at", "_strat"),
        ("at", "build/release/mini.elf"),
        ("at", "--base", "x", "_start"),
        ("at", "--profile", "relase", "_start"),
    ):
        result = mini.run(*arguments)
        assert result.returncode == 2, arguments
        assert "hint:" in result.stderr, arguments
        assert "Traceback" not in result.stderr


def test_any_bytes_as_a_file_are_an_error(mini):
    data = bytearray((mini.root / "kernel.ld").read_bytes())
    (mini.root / "x.elf").write_bytes(data)
    result = mini.run("at", "0", "x.elf")
    assert result.returncode == 1
    assert "not an ELF file" in result.stderr


def test_damaged_images_never_give_a_traceback(mini):
    from click.testing import CliRunner

    from orobuild.cli.commands.at import command
    from orobuild.errors import OrobuildError

    mini.run("build")
    good = (mini.root / "build" / "release" / "mini.elf").read_bytes()
    target = mini.root / "broken.elf"
    for step in range(0, len(good), 113):
        broken = bytearray(good)
        broken[step : step + 4] = b"\xff\x7f\x03\x90"
        target.write_bytes(broken)
        result = CliRunner().invoke(
            command, ["0xffffffff80100000", "--brief", str(target)], standalone_mode=False
        )
        assert result.exception is None or isinstance(result.exception, OrobuildError), step


def test_objects_and_members_of_archives_are_asked(mini, tool):
    source = mini.root / "one.s"
    for name, text in (
        ("one", ".globl one\none: call two\nshared: nop\n"),
        ("two", "shared: ret\n"),
    ):
        source.write_text(text)
        subprocess.run([tool("as"), "-g", "one.s", "-o", f"{name}.o"], cwd=mini.root, check=True)
    for flags, library in (("rc", "both.a"), ("rcT", "thin.a"), ("rcS", "unindexed.a")):
        subprocess.run([tool("ar"), flags, library, "one.o", "two.o"], cwd=mini.root, check=True)
        found = mini.run("at", "--brief", "one+1", library)
        assert found.returncode == 0, found.stderr
        assert found.stdout.startswith(f"{library}(one.o): .text+0x1  one+0x1  ")
        assert found.stdout.endswith("one.s:2\n")
    for member in ("both.a(two.o)", "both.a:two.o"):
        assert "both.a(two.o): .text  shared" in mini.run("at", "shared", member).stdout
    whole = mini.run("at", "one", "one.o")
    assert "R_X86_64_PLT32 two-0x4" in whole.stdout
    (value,) = json.loads(mini.run("at", "--json", "one+1", "one.o").stdout)
    assert value["section"]["name"] == ".text"
    assert value["instructions"][0]["relocations"] == ["1: R_X86_64_PLT32 two-0x4"]
    assert mini.run("at", ".text+0x99", "one.o").returncode == 1


def test_what_an_archive_cannot_answer_has_a_hint(mini, tool):
    (mini.root / "one.s").write_text("shared: nop\n")
    subprocess.run([tool("as"), "one.s", "-o", "one.o"], cwd=mini.root, check=True)
    subprocess.run(["cp", "one.o", "two.o"], cwd=mini.root, check=True)
    subprocess.run([tool("ar"), "rc", "both.a", "one.o", "two.o"], cwd=mini.root, check=True)
    for words, said in (
        (("shared", "both.a"), "2 members of both.a define 'shared'"),
        (("shred", "both.a"), "did you mean 'shared'"),
        (("shared", "both.a(tow.o)"), "did you mean 'two.o'"),
        ((".txt", "one.o"), "did you mean '.text'"),
    ):
        result = mini.run("at", *words)
        assert result.returncode == 2, result.stderr
        assert said in result.stderr
        assert "hint:" in result.stderr
    (mini.root / "cut.a").write_bytes((mini.root / "both.a").read_bytes()[:90])
    assert mini.run("at", "shared", "cut.a").returncode == 1

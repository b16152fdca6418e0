"""`orobuild build` on a small project."""

from __future__ import annotations

import json
import shutil
import subprocess


def test_a_project_builds_and_its_kernel_is_summarised(mini):
    result = mini.run("build")
    assert result.returncode == 0, result.stderr
    assert "R E  0xffffffff80100000" in result.stdout
    assert "rules, no findings" in result.stdout
    assert set(mini.outputs()) == {"mini.elf", "mini.elf-gdb.py", "mini.map", "lint.sarif"}


def test_readelf_sees_what_the_script_says(mini, tool):
    mini.run("build")
    kernel = mini.root / "build" / "release" / "mini.elf"
    shown = subprocess.run(
        [tool("readelf"), "-lW", kernel], capture_output=True, text=True, check=True
    ).stdout
    loads = [line.split() for line in shown.splitlines() if line.lstrip().startswith("LOAD")]
    assert [(load[2], load[3]) for load in loads] == [
        ("0xffffffff80100000", "0x0000000000100000"),
        ("0xffffffff80101000", "0x0000000000101000"),
    ]
    assert [" ".join(load[6:-1]) for load in loads] == ["R E", "R"]


def test_the_same_sources_give_the_same_bytes_anywhere(mini, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("a much longer name, with spaces")
    for file in mini.root.iterdir():
        (elsewhere / file.name).write_bytes(file.read_bytes())
    mini.run("build", "-j1")
    first = mini.outputs()
    assert type(mini)(elsewhere).run("build", "-j4").returncode == 0
    assert type(mini)(elsewhere).outputs() == first


def test_a_build_without_its_outputs_takes_everything_from_the_cache(mini):
    mini.run("build")
    shutil.rmtree(mini.root / "build" / "release")
    result = mini.run("build")
    assert "2 objects, 2 of them cached" in result.stdout
    assert result.returncode == 0


def test_a_cached_build_gives_what_a_clean_one_gives(mini):
    mini.run("build")
    first = mini.outputs()
    shutil.rmtree(mini.root / "build" / "release")
    mini.run("build")
    assert mini.outputs() == first


def test_the_lint_report_is_sarif(mini):
    mini.run("build")
    report = json.loads(mini.outputs()["lint.sarif"])
    assert report["version"] == "2.1.0"
    assert report["runs"][0]["results"] == []


def test_output_goes_where_it_is_told(mini):
    assert mini.run("build", "-o", "elsewhere").returncode == 0
    assert (mini.root / "elsewhere" / "mini.elf").is_file()
    assert not (mini.root / "build" / "release").exists()


def test_unchecked_is_loud_about_itself(mini):
    result = mini.run("build", "--unchecked")
    assert result.returncode == 0
    assert "UNCHECKED: no strictness and no lint" in result.stderr
    assert "NOT AT ALL (--unchecked)" in result.stdout


def test_nothing_is_coloured_when_piped(mini):
    result = mini.run("build")
    assert "\x1b" not in result.stdout + result.stderr


def test_an_edit_of_an_included_file_is_noticed(mini):
    mini.change("entry.S", "    call print_message", '    .include "more.inc"')
    (mini.root / "more.inc").write_text("    call print_message\n")
    mini.run("build")
    first = mini.outputs()
    (mini.root / "more.inc").write_text("    nop\n    call print_message\n")
    assert mini.run("build").returncode == 0
    assert mini.outputs()["mini.elf"] != first["mini.elf"]

"""A build with nothing to do does nothing, and says so; a build with anything to do does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest

UP_TO_DATE = "nothing to do, everything is up to date"

COMPILER = """\
#!/bin/sh
# {remark}
exec gcc "$@"
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache in which the steps of a first build are known: each test's project begins with it."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def mini(mini, cache):
    kept = mini.root / "build" / ".cache"
    shutil.copytree(cache, kept, dirs_exist_ok=True, ignore=shutil.ignore_patterns("last"))
    yield mini
    if kept.is_dir():
        shutil.copytree(kept, cache, dirs_exist_ok=True)


@pytest.fixture
def c_project(mini):
    """The project with a C file, whose header is in the second of two include directories."""
    mini.change(
        "orobuild.toml",
        '"*.S"]',
        '"*.S", "src/*.c"]\ninclude-dirs = ["first", "second"]\n'
        'cflags = ["-fno-asynchronous-unwind-tables"]',
    )
    for name in ("src", "first", "second"):
        (mini.root / name).mkdir()
    (mini.root / "src" / "a.c").write_text(
        '#include "value.h"\nint value(void) { return VALUE; }\n'
    )
    (mini.root / "second" / "value.h").write_text("#define VALUE 1\n")
    return mini


def settle():
    """Let the file system's clock tick, as it does while a person changes to another window."""
    time.sleep(0.03)


def is_up_to_date(mini, *arguments, **environment):
    result = mini.run("build", *arguments, **environment)
    assert result.returncode == 0, result.stderr
    return UP_TO_DATE in result.stdout


def build(mini, *arguments, **environment):
    settle()
    assert not is_up_to_date(mini, *arguments, **environment)
    assert is_up_to_date(mini, *arguments, **environment)


def test_nothing_heavy_is_loaded_to_know_that_there_is_nothing_to_do(mini):
    build(mini)
    heavy = ("msgspec", "orobuild.project", "orobuild.lint", "orobuild.elf", "subprocess", "ssl")
    code = (
        "import sys, orobuild.cli.commands.build as b; b.command.main([], standalone_mode=False);"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=mini.root, capture_output=True, text=True, check=True
    ).stdout
    assert UP_TO_DATE in said
    assert said.endswith("[]\n")


def test_it_says_what_there_is_and_says_the_warnings_again(mini):
    mini.change("entry.S", "    stop\n", '    .warning "mind the gap"\n    stop\n')
    first = mini.run("build")
    again = mini.run("build")
    assert UP_TO_DATE in again.stdout
    assert "mind the gap" in first.stderr
    assert first.stderr.endswith(again.stderr)
    assert again.stderr.startswith("entry.S:11:5: warning")
    same = [line for line in first.stdout.splitlines() if not line.startswith(("built", "time"))]
    assert again.stdout.splitlines()[1:] == same
    assert "\x1b" not in again.stdout
    assert "\x1b[1m" in mini.run("build", FORCE_COLOR="1").stdout


@pytest.mark.parametrize("harm", ["deleted", "altered, its times put back"])
def test_outputs_are_made_again(mini, harm):
    build(mini)
    kernel = mini.root / "build" / "release" / "mini.elf"
    right, status = kernel.read_bytes(), kernel.stat()
    if harm == "deleted":
        kernel.unlink()
    else:
        kernel.write_bytes(bytes(len(right)))
        os.utime(kernel, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not is_up_to_date(mini)
    assert kernel.read_bytes() == right


def test_an_edit_of_the_same_size_with_its_times_put_back(mini):
    build(mini)
    source = mini.root / "message.S"
    status = source.stat()
    mini.change("message.S", "hello", "howdy")
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not is_up_to_date(mini)
    assert b"howdy" in mini.outputs()["mini.elf"]


def test_edits_as_quick_as_a_script_makes_them(mini):
    """Each lands within a tick of the build before it; not one may be taken for the last."""
    for turn in range(3):
        word = f"word{turn}"
        mini.change("message.S", "hello" if not turn else f"word{turn - 1}", word)
        mini.run("build")
        assert word.encode() in mini.outputs()["mini.elf"]


@pytest.mark.full
def test_a_clock_that_steps_back(mini):
    """Files of the future are believed by their contents, or not at all."""
    future = time.time() + 3600
    os.utime(mini.root / "message.S", (future, future))
    mini.run("build")
    mini.change("message.S", "hello", "howdy")
    os.utime(mini.root / "message.S", (future, future))
    mini.run("build")
    assert b"howdy" in mini.outputs()["mini.elf"]


def test_a_file_that_was_only_touched_or_replaced_by_the_same(mini):
    build(mini)
    os.utime(mini.root / "message.S")
    text = (mini.root / "entry.S").read_bytes()
    (mini.root / "new").write_bytes(text)
    (mini.root / "new").replace(mini.root / "entry.S")
    assert is_up_to_date(mini)


@pytest.mark.full
def test_another_source_that_the_glob_matches(mini):
    build(mini)
    (mini.root / "more.S").write_text('.section .text,"ax",@progbits\nmore: ret\n')
    assert not is_up_to_date(mini)
    (mini.root / "more.S").unlink()
    assert not is_up_to_date(mini)


@pytest.mark.full
def test_a_source_that_nobody_may_read_or_that_is_none(mini):
    build(mini)
    (mini.root / "message.S").unlink()
    (mini.root / "message.S").mkdir()
    assert mini.run("build").returncode == 1


def test_profiles_outputs_and_strictness_are_builds_of_their_own(mini):
    build(mini)
    build(mini, "--profile", "debug")
    build(mini, "-o", "elsewhere")
    build(mini, "--profile", "debug", "--unchecked")
    assert "UNCHECKED" in mini.run("build", "--profile", "debug", "--unchecked").stderr
    assert is_up_to_date(mini)
    assert is_up_to_date(mini, "-o", "elsewhere")


@pytest.mark.full
def test_builds_that_share_a_folder(mini):
    build(mini, "-o", "out")
    build(mini, "-o", "out", "--profile", "debug", "--unchecked")
    mini.change("message.S", "hello", "howdy")
    settle()
    mini.run("build", "-o", "out", "--profile", "debug")
    assert not is_up_to_date(mini, "-o", "out")


def test_a_configuration_that_is_nearer(mini):
    build(mini)
    inner = mini.root / "inner"
    inner.mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "orobuild", "build"],
        cwd=inner, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert UP_TO_DATE in result.stdout
    (inner / "orobuild.toml").write_text('nonsense = "here"\n')
    result = subprocess.run(
        [sys.executable, "-m", "orobuild", "build"],
        cwd=inner, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert "nonsense" in result.stderr


@pytest.mark.full
def test_a_changed_configuration(mini):
    build(mini)
    mini.change("orobuild.toml", "disk = false", "disk = false\ntimeout = 3")
    assert not is_up_to_date(mini)


def test_a_header_that_appears_earlier_on_the_include_path(c_project):
    """What was read is as it was; what would be read now is another file."""
    build(c_project, CC="gcc")
    first = c_project.outputs()["mini.elf"]
    for directory in ("first", "src"):
        (c_project.root / directory / "value.h").write_text(f"#define VALUE {len(directory)}\n")
        assert not is_up_to_date(c_project, CC="gcc")
        changed = c_project.outputs()["mini.elf"]
        assert changed != first
        first = changed
    (c_project.root / "src" / "value.h").unlink()
    assert not is_up_to_date(c_project, CC="gcc")
    assert c_project.outputs()["mini.elf"] != first


@pytest.mark.full
def test_an_included_assembly_file_that_appears_earlier(mini):
    mini.change("orobuild.toml", '"*.S"]', '"*.S"]\ninclude-dirs = ["first", "second"]')
    mini.change("entry.S", "    call print_message", '    .include "more.inc"')
    for name in ("first", "second"):
        (mini.root / name).mkdir()
    (mini.root / "second" / "more.inc").write_text("    call print_message\n")
    build(mini)
    before = mini.outputs()["mini.elf"]
    (mini.root / "first" / "more.inc").write_text("    nop\n    call print_message\n")
    assert not is_up_to_date(mini)
    assert mini.outputs()["mini.elf"] != before


@pytest.mark.full
def test_a_changed_compiler(c_project, tmp_path_factory):
    bin_ = tmp_path_factory.mktemp("bin")
    wrapper = bin_ / "mycc"

    def install(place, remark):
        place.write_text(COMPILER.format(remark=remark))
        place.chmod(0o755)

    install(wrapper, "one")
    build(c_project, CC=str(wrapper))
    install(wrapper, "two")
    assert not is_up_to_date(c_project, CC=str(wrapper))
    # One that is found earlier on the search path than the one that was used.
    early = tmp_path_factory.mktemp("early")
    path = f"{early}:{bin_}:{os.environ['PATH']}"
    build(c_project, CC="mycc", PATH=path)
    install(early / "mycc", "three")
    assert not is_up_to_date(c_project, CC="mycc", PATH=path)


def test_the_environment_that_matters_and_the_one_that_does_not(c_project):
    build(c_project, CC="gcc")
    assert is_up_to_date(c_project, CC="gcc", COLUMNS="33", SSH_TTY="/dev/pts/9", TERM="vt100")
    assert not is_up_to_date(c_project, CC="gcc", SOURCE_DATE_EPOCH="86400")
    (c_project.root / "elsewhere").mkdir()
    (c_project.root / "elsewhere" / "other.h").write_text("#define OTHER 1\n")
    assert not is_up_to_date(c_project, CC="gcc", CPATH="elsewhere")


def test_what_the_environment_holds_is_not_kept(mini):
    build(mini, TOKEN="between-us-alone")
    assert is_up_to_date(mini, TOKEN="between-us-alone")
    kept = [path.read_bytes() for path in (mini.root / "build").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"between-us-alone" in data for data in kept)


@pytest.mark.full
def test_the_date_in_an_object_is_the_outputs_date(c_project):
    (c_project.root / "src" / "a.c").write_text(
        '__attribute__((section(".rodata"))) const char date[] = __DATE__;\n'
    )
    build(c_project, CC="gcc")
    assert b"Jan  1 1970" in c_project.outputs()["mini.elf"]
    build(c_project, CC="gcc", SOURCE_DATE_EPOCH=str(40 * 86400))
    assert b"Feb 10 1970" in c_project.outputs()["mini.elf"]


def test_a_commit_is_a_new_revision(mini):
    """The manifest names it, so nothing but git has changed and yet there is something to do."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run([*git, "init", "-q"], cwd=mini.root, check=True)
    (mini.root / ".gitignore").write_text("build/\n")
    (mini.root / "boot.S").write_text(
        '.section .rodata,"a",@progbits\n.align 8\n.long 0xe85250d6, 0, 24, 0x17adaf12\n'
        ".word 0, 0\n.long 8\n"
    )
    mini.change("orobuild.toml", "[image]\ndisk = false", '[image]\nformats = ["img"]')
    mini.change("kernel.ld", "0xffffffff80100000", "0x100000")
    subprocess.run([*git, "add", "."], cwd=mini.root, check=True)
    subprocess.run([*git, "commit", "-qm", "one"], cwd=mini.root, check=True)
    build(mini)
    subprocess.run([*git, "commit", "-qm", "two", "--allow-empty"], cwd=mini.root, check=True)
    assert not is_up_to_date(mini)
    assert is_up_to_date(mini)
    (mini.root / "untracked").write_text("x")
    assert not is_up_to_date(mini)


def test_a_damaged_record_is_none(mini):
    build(mini)
    (record,) = (mini.root / "build" / ".cache" / "last").iterdir()
    whole = record.read_text()
    for text in (
        "",
        '{"version": 1}',
        "\0\xff",
        "[" * 100_000,
        whole.replace('"inputs": {', '"inputs": ['),
    ):
        record.write_text(text)
        assert not is_up_to_date(mini)


def test_a_cache_that_is_gone_or_belongs_to_a_copy(mini, tmp_path_factory):
    build(mini)
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(mini.root, copy, dirs_exist_ok=True)
    assert not is_up_to_date(type(mini)(copy))
    shutil.rmtree(mini.root / "build")
    assert not is_up_to_date(mini)
    assert set(mini.outputs()) == {"mini.elf", "mini.elf-gdb.py", "mini.map", "lint.sarif"}

"""`orobuild watch`: whatever is saved, the outputs are a clean build's; whatever ends it, nothing stays."""

from __future__ import annotations

import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orobuild.errors import OrobuildError
from orobuild.pipeline.build import Request, build
from orobuild.project import load
from terminal import PATIENCE, Terminal

BOOT = """\
.section .rodata,"a",@progbits
    .align 8
    .long 0xe85250d6, 0, 24, 0x17adaf12
    .word 0, 0
    .long 8
"""


class Watch:
    """A running `orobuild watch` whose output goes to a file."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self._log = root.parent / f"{root.name}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orobuild", "watch", *arguments],
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A shell that starts this suite in the background has told it to ignore SIGINT.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, condition) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.02)

    def wait_for_text(self, text: str, count: int = 1) -> None:
        self.wait_for(lambda: self.said.count(text) >= count)

    def ticks_of_a_second(self) -> int:
        """Processor time that it uses in a second, in hundredths of one."""

        def used() -> int:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().split()
            return int(fields[13]) + int(fields[14])

        before = used()
        time.sleep(1)
        return used() - before

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


def read_outputs(directory: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def clean_build(root: Path, scratch: Path) -> dict[str, bytes] | None:
    """What a build of a copy of the sources gives, without a cache; None if it fails."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(root, scratch, ignore=shutil.ignore_patterns("build"))
    try:
        build(load(scratch), Request())
    except OrobuildError:
        return None
    return read_outputs(scratch / "build" / "release")


def save(path: Path, text: str, way: str) -> None:
    """As editors do: in place, by renaming a new file, or by replacing the whole directory."""
    if way == "in place":
        path.write_text(text)
    elif way == "rename":
        new = path.with_name(f".{path.name}.swp")
        new.write_text(text)
        new.replace(path)
    else:
        new, old = path.parent.with_name("new"), path.parent.with_name("old")
        shutil.copytree(path.parent, new)
        (new / path.name).write_text(text)
        path.parent.rename(old)
        new.rename(path.parent)
        shutil.rmtree(old)


CONSTANT = '.section .rodata.{name},"a",@progbits\n.globl {name}\n{name}: .quad {value}\n'
BROKEN = {
    "src/a.S": "mov %rax\n",
    "src/b.S": ".section .data\n.quad nobody_defines_this\n",
    "values.inc": ".if 1\n",
    "kernel.ld": "SECTIONS {",
    "orobuild.toml": "name = [",
}


def good(name: str, value: int, mini) -> str:
    """The contents of a file, different for each `value`."""
    texts = {
        "src/a.S": CONSTANT.format(name="alpha", value=value),
        "src/b.S": CONSTANT.format(name="beta", value=value) + f".skip {value % 5000}, 1\n",
        "values.inc": f".set VALUE, {value}\n",
        "kernel.ld": mini["kernel.ld"] + f'/* {value} */\nASSERT({value} >= 0, "no")\n',
        "orobuild.toml": mini["orobuild.toml"] + f"timeout = {value % 30}\n",
    }
    return texts[name]


@pytest.mark.parametrize(("count", "seed"), [(10, 1), pytest.param(200, 2, marks=pytest.mark.full)])
def test_after_every_edit_the_outputs_are_a_clean_builds(mini, tmp_path_factory, count, seed):
    chance = random.Random(seed)
    mini.change("orobuild.toml", '"*.S"]', '"*.S", "src/*.S"]')
    mini.change("kernel.ld", "*(.rodata)", "*(.rodata .rodata.*)")
    mini.change("entry.S", "    call", '    .include "values.inc"\n    movl $VALUE, %eax\n    call')
    base = {name: (mini.root / name).read_text() for name in ("kernel.ld", "orobuild.toml")}
    (mini.root / "src").mkdir()
    for name in BROKEN:
        (mini.root / name).write_text(good(name, 0, base))
    scratch = tmp_path_factory.mktemp("clean") / "project"
    directory = mini.root / "build" / "release"
    with Watch(mini.root) as watch:
        watch.wait_for_text("built in")
        before = read_outputs(directory)
        for turn in range(1, count + 1):
            name = chance.choice(list(BROKEN))
            path = mini.root / name
            ways = ["in place", "rename", *(["directory"] if "/" in name else [])]
            edit = chance.choice(["change", "change", "change", "break", "delete"])
            failures = watch.said.count("failed in")
            if edit == "delete" and path.exists():
                path.unlink()
            elif edit == "break":
                save(path, BROKEN[name] + f"# {turn}\n", chance.choice(ways))
            else:
                save(path, good(name, turn, base), chance.choice(ways))
            expected = clean_build(mini.root, scratch)
            if expected is None:
                watch.wait_for(lambda n=failures: watch.said.count("failed in") > n)
                assert read_outputs(directory) == before
                # What is wrong does not stay for long, or all that follows would fail.
                save(path, good(name, turn, base), "rename")
                for other in BROKEN:
                    if not (mini.root / other).exists():
                        save(mini.root / other, good(other, turn, base), "rename")
                expected = clean_build(mini.root, scratch)
            watch.wait_for(lambda e=expected: read_outputs(directory) == e)
            before = expected
        assert watch.end(signal.SIGINT) == 130
    assert "Traceback" not in watch.said
    assert "bug in orobuild" not in watch.said


def test_what_does_not_matter_builds_nothing(mini):
    with Watch(mini.root) as watch:
        watch.wait_for_text("built in")
        time.sleep(1.5)  # the first look after watching has begun
        (mini.root / ".message.S.swp").write_text("x")
        (mini.root / "notes.txt").write_text("x")
        (mini.root / "message.S").touch()
        (mini.root / "build" / "release" / "extra").write_text("x")
        watch.wait_for(lambda: watch.ticks_of_a_second() < 10)
        assert watch.said.count("building") == 1
        assert "changed" not in watch.said
        mini.change("message.S", "hello", "howdy")
        watch.wait_for_text("changed: message.S")
        watch.wait_for_text("built in", 2)


@pytest.fixture
def bootable(mini):
    """A kernel that stops without a word: it runs until somebody ends the machine."""
    (mini.root / "boot.S").write_text(BOOT)
    mini.change("orobuild.toml", "[image]\ndisk = false", '[image]\nformats = ["img"]')
    mini.change("kernel.ld", "0xffffffff80100000", "0x100000")
    mini.change("entry.S", "    call print_message\n    stop\n", "1:  jmp 1b\n")
    return mini


def processes_of(root: Path) -> list[str]:
    """The command lines of processes that were told a path in `root`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(os.fsencode(root) in word for word in words):
            found.append(b" ".join(words).decode(errors="replace"))
    return found


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.full),
        pytest.param(signal.SIGINT, marks=pytest.mark.full),
    ],
)
def test_no_emulator_outlives_it(bootable, number, tool):
    tool("qemu-system-x86_64")
    with Watch(bootable.root, "--run", "--timeout", "600") as watch:
        watch.wait_for(lambda: any("qemu" in line for line in processes_of(bootable.root)))
        watch.end(number)
        end = time.monotonic() + 30
        while processes_of(bootable.root):
            assert time.monotonic() < end, processes_of(bootable.root)
            time.sleep(0.05)
    left = [p.name for p in (bootable.root / "build" / "release").rglob(".*")]
    assert left == []


def test_a_change_ends_the_machine_and_boots_the_next(bootable, tool):
    """So does the emulator's death, which is a verdict like any other."""
    tool("qemu-system-x86_64")
    with Watch(bootable.root, "--run", "--timeout", "600") as watch:
        watch.wait_for(lambda: any("qemu" in line for line in processes_of(bootable.root)))
        bootable.change("message.S", "hello", "howdy")
        watch.wait_for_text("verdict: stopped: a source has changed")
        watch.wait_for_text("booting", 2)
        watch.wait_for_text("built in", 2)


def test_its_screen_in_a_terminal(mini, tool):
    command = shlex.join([sys.executable, "-m", "orobuild", "watch"])
    with Terminal(tool("tmux"), mini.root, rows=30) as terminal:
        terminal.type(f"{command}; echo status=$?")
        terminal.wait_for(
            "orobuild watch", "built in", "2 objects new, no findings", "lint", "Ctrl-C ends it"
        )
        mini.change("message.S", "movq $message", "mvoq $message")
        terminal.wait_for(
            "failed in", "message.S:9:5: error: unknown instruction 'mvoq'", "1 error "
        )
        mini.change("message.S", "mvoq $message", "movq $message")
        assert "error" not in terminal.wait_for("built in", "message.S", "no findings")
        terminal.press("C-c")
        assert "orobuild watch " not in terminal.wait_for("status=130").replace(command, "")

"""`orobuild debug` and the script beside a kernel: what is started, refused, and left behind."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orobuild.debug import autoload

OROBUILD = [sys.executable, "-m", "orobuild"]
# A kernel that waits, started by PVH: a note with its entry, and code that halts.
WAITING = """\
.section .note.Xen,"a",@note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long _start

.section .text,"ax",@progbits
.code32
    .globl _start
    .type _start, @function
_start:
    hlt
    jmp _start
    .size _start, . - _start
"""
SCRIPT = """\
ENTRY(_start)
PHDRS { text PT_LOAD FLAGS(5); note PT_NOTE FLAGS(4); }
SECTIONS
{
    . = 0x100000;
    .note.Xen : { KEEP(*(.note.Xen)) } :text :note
    .text : { *(.text) } :text
}
"""


def run(*arguments, cwd=None, program=OROBUILD, **variables):
    environment = {k: v for k, v in os.environ.items() if k not in ("OROBUILD", "PYTHONPATH")}
    return subprocess.run(
        [*program, *map(str, arguments)],
        cwd=cwd,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel of five bytes, in a folder of its own, with the script that a build leaves."""
    folder = tmp_path_factory.mktemp("waiting")
    (folder / "k.S").write_text(WAITING)
    (folder / "k.ld").write_text(SCRIPT)
    made = run("asm", "k.S", "-o", "k.o", cwd=folder)
    assert made.returncode == 0, made.stderr
    linked = run("link", "-T", "k.ld", "k.o", "-o", "k.elf", cwd=folder)
    assert linked.returncode == 0, linked.stderr
    (folder / "k.elf-gdb.py").write_bytes(autoload.script({"boot": ["1"]}, {}))
    return folder / "k.elf"


def test_a_plain_gdb_knows_the_commands_once_it_trusts_the_folder(kernel, tool):
    gdb = [tool("gdb"), "-nh", "--batch"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    trusted = ["-iex", f"add-auto-load-safe-path {kernel.parent}"]
    result = run(*trusted, kernel, "-ex", "oro", "-ex", "oro cr", program=gdb, PATH=path)
    assert "oro tt        a translation" in result.stdout, result.stderr
    assert result.stderr.strip().startswith("oro cr: no machine is attached")
    declined = run(kernel, "-ex", "oro", program=gdb, PATH=path)
    assert f"add-auto-load-safe-path {kernel}-gdb.py" in declined.stderr + declined.stdout
    assert 'Undefined command: "oro"' in declined.stderr


def test_without_orobuild_the_script_says_so_in_a_line(kernel, tool):
    trusted = ["-iex", f"add-auto-load-safe-path {kernel.parent}"]
    result = run(
        *trusted, kernel, program=[tool("gdb"), "-nh", "--batch"], OROBUILD="/nowhere/orobuild"
    )
    assert (
        result.stdout
        == "the oro commands need orobuild: on the search path, or named by OROBUILD\n"
    )
    assert result.stderr == ""


def test_the_script_is_the_same_wherever_it_is_made():
    first = autoload.script({"b": 1, "a": 2}, {"frame-struct": "frame"})
    assert first == autoload.script({"a": 2, "b": 1}, {"frame-struct": "frame"})
    assert str(Path.home()).encode() not in first
    compile(first, "script", "exec")


def test_somebody_elses_kernel_has_every_command_or_a_reason(kernel):
    """In 32-bit code without paging, tables or stacks."""
    asked = ["cpu", "cr", "isr", "idt", "gdt", "tss", "tt v _start", "apic", "ioapic", "bt", "boot"]
    asked += ["threads", "ps", "runq", "locks", "buddy", "frame", "track lock start", "msr"]
    words = [word for name in asked for word in ("-ex", f"oro {name}")]
    result = run("debug", "--elf", kernel, "--batch", "-ex", "hbreak _start", "-ex", "c", *words)
    text = result.stdout + result.stderr
    assert "Traceback" not in text, text
    assert "Python Exception" not in text, text
    assert "internal error" not in text, text
    assert "32-bit" in result.stdout
    assert "paging is off" in result.stdout
    assert "as in the file" in result.stdout
    assert result.stderr.count("configure") == 7, result.stderr
    assert "#0   0x00000000001" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--attach", "nowhere"], "'nowhere' is no gdbstub's address"),
        (["--elf", "nosuch.elf"], "'nosuch.elf' does not exist"),
        (["--emulator", "bochs", "--elf", "k.elf"], "the debugger starts QEMU only"),
        (["--attach", ":1", "--core", "k.elf"], "--attach and --core exclude each other"),
        (["surplus"], "'surplus' is not understood"),
        (["--elf", "k.elf", "--firmware", "uefi"], "through SeaBIOS only"),
        (["--elf", "k.S"], "the emulator did not start"),
    ],
)
def test_what_cannot_be_is_refused(kernel, arguments, message):
    result = run("debug", "--batch", *arguments, cwd=kernel.parent)
    assert result.returncode in (1, 2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_without_gdb_the_command_says_how_to_install_it(kernel):
    result = run("debug", "--elf", kernel, GDB="no-such-gdb")
    assert result.returncode == 2
    assert "apt install gdb" in result.stderr


def read_until(terminal: int, wanted: str, seen: str = "") -> str:
    """What comes from a terminal, up to and with a text."""
    limit = time.monotonic() + 60
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], limit - time.monotonic())
        assert ready, seen
        seen += os.read(terminal, 4096).decode("utf-8", "replace")
    return seen


def test_on_a_terminal_interrupt_is_gdbs_and_there_are_colours(kernel):
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        os.environ.pop("NO_COLOR", None)
        os.execv(
            OROBUILD[0], [*OROBUILD, "debug", "--elf", str(kernel), "-ex", "set pagination off"]
        )
    try:
        read_until(terminal, "(gdb) ")
        os.write(terminal, b"hbreak _start\ncontinue\n")
        read_until(terminal, "Breakpoint 1, ")
        os.write(terminal, b"oro cr\n")
        assert "\x1b[" in read_until(terminal, "RFLAGS").partition("oro cr")[2]
        os.write(terminal, b"delete\ncontinue\n")
        read_until(terminal, "Continuing.")
        time.sleep(0.5)  # GDB takes the terminal over only after it has said that
        os.write(terminal, b"\x03")
        read_until(terminal, "SIGINT")
        os.write(terminal, b"oro tt\n")
        read_until(terminal, "usage: oro tt")
        os.write(terminal, b"quit\n")
        _, status = os.waitpid(child, 0)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0


def children(pid: int) -> list[int]:
    """Every process below one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found += [int(folder.name), *children(int(folder.name))]
    return found


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("victim", "number"),
    [("orobuild", signal.SIGKILL), ("orobuild", signal.SIGTERM), ("gdb", signal.SIGKILL)],
)
def test_whatever_is_killed_no_emulator_is_left(kernel, victim, number):
    words = [
        "debug",
        "--elf",
        str(kernel),
        "--batch",
        "-ex",
        "echo ready\\n",
        "-ex",
        "shell sleep 60",
    ]
    with subprocess.Popen(
        [*OROBUILD, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        line = ""
        while "ready" not in line:
            line = process.stdout.readline()
            assert line, "GDB has ended"
        mine = children(process.pid)
        names = {pid: (Path("/proc") / str(pid) / "comm").read_text().strip() for pid in mine}
        emulators = [pid for pid, name in names.items() if name.startswith("qemu")]
        assert emulators
        debugger = next(pid for pid, name in names.items() if name == "gdb")
        sleeper = next(pid for pid, name in names.items() if name == "sleep")
        os.kill(process.pid if victim == "orobuild" else debugger, number)
        limit = time.monotonic() + 30
        while any(map(is_alive, emulators)) and time.monotonic() < limit:
            time.sleep(0.05)
        left = [pid for pid in emulators if is_alive(pid)]
        for pid in (debugger, sleeper):
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.stdout.close()
    assert left == []

"""`orobuild run`: what it shows and writes, whatever the guest sends, and how it leaves a terminal."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from terminal import PATIENCE, Terminal
from testing.parrot import parrot_project

ORO = [sys.executable, "-m", "orobuild"]
RUN = [*ORO, "run", "--boot", "kernel"]
HELLO = "hello\r\n\x1b[31mred\x1b[0m\r\noro: verdict=pass\n@p"
EVERY_BYTE = bytes(range(256))


@pytest.fixture(scope="module")
def project(tmp_path_factory, tool):
    """The kernel that says what its command line says, built."""
    tool("qemu-system-x86_64")
    root = parrot_project(tmp_path_factory.mktemp("run"))
    subprocess.run([*ORO, "build"], cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def say(project):
    """Makes the kernel's command line the given one."""
    file = project / "orobuild.toml"
    text = file.read_text()

    def change(line: str) -> Path:
        value = json.dumps(line).replace("\\u001b", "\\u001B")
        file.write_text(text.replace("disk = false", f"disk = false\ncommand-line = {value}"))
        return project

    yield change
    file.write_text(text)


def run(root, *arguments, **environment):
    return subprocess.run(
        [*RUN, *map(str, arguments)],
        cwd=root,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


def test_the_log_has_every_byte_and_the_output_nothing_that_a_terminal_obeys(say, tmp_path):
    log = tmp_path / "serial.log"

    done = run(say("<@g>\n@f"), "--log", log)

    assert done.returncode == 1
    assert log.read_bytes() == b"<" + EVERY_BYTE + b">\n"
    assert b"verdict    fail" in done.stdout
    assert not set(done.stdout) & (set(range(32)) - set(b"\n\t\b\r") | {0x7F, 0x9B})
    assert b"^@^A" in done.stdout


@pytest.mark.full
def test_an_output_that_knows_no_such_characters_gets_their_numbers(say):
    done = run(say("<@g>\n@p"), PYTHONIOENCODING="ascii")

    assert done.returncode == 0, done.stderr
    assert b"\\ufffd" in done.stdout


@pytest.mark.full
def test_a_line_that_never_ends_is_shown_and_written(say, tmp_path):
    log = tmp_path / "serial.log"

    done = run(say("@l"), "--log", log, "--timeout", "3", "--timestamps")

    assert done.returncode == 1
    assert b"verdict    hang" in done.stdout
    assert set(log.read_bytes()) == {ord("x")}
    assert log.read_bytes() in done.stdout
    assert done.stdout.count(b"[    ") + done.stdout.count(b"[   ") < 3  # one line, one stamp


@pytest.mark.full
def test_stamps_are_on_the_output_and_on_request_in_the_log(say, tmp_path):
    plain, stamped = tmp_path / "plain", tmp_path / "stamped"
    root = say(HELLO)

    first = run(root, "--log", plain, "--timestamps")
    second = run(root, "--log", stamped, "--log-timestamps")

    line = re.compile(rb"^\[ +\d+\.\d{6}\] hello\r?$", re.MULTILINE)
    assert plain.read_bytes() == HELLO[:-2].encode()
    assert line.search(first.stdout)
    assert re.findall(rb"^\[ +\d+\.\d{6}\] (.*)\n", stamped.read_bytes(), re.MULTILINE) == [
        b"hello\r",
        b"\x1b[31mred\x1b[0m\r",
        b"oro: verdict=pass",
    ]
    assert b"\nhello\n" in second.stdout or second.stdout.startswith(b"hello\n")
    assert b"\x1b" not in first.stdout + second.stdout


@pytest.mark.full
def test_a_guests_colours_stay_where_colours_are_wanted(say):
    shown = run(say(HELLO), FORCE_COLOR="1").stdout

    assert b"\x1b[31mred\x1b[0m" in shown
    assert b"\x1b[2moro: verdict=pass\x1b[0m\n" in shown


def test_a_panic_is_decoded_in_place(say):
    root = say("oro: panic-begin\noro: vector=14 error=0x11 cr2=0x100000\noro: panic-end\n")

    done = run(root)

    assert done.returncode == 1
    assert b"panic      #PF, error 0x11" in done.stdout
    assert b"verdict    panic" in done.stdout


@pytest.mark.parametrize(
    ("orders", "options", "verdict"),
    [
        ("@t", [], b"verdict    reset"),
        ("@h", ["--timeout", "2"], b"verdict    hang: no end within 2 s"),
    ],
)
def test_where_a_machine_hung_or_reset_itself_is_named(say, orders, options, verdict):
    done = run(say(f"going on\n{orders}"), *options)

    assert done.returncode == 1
    assert verdict in done.stdout
    assert re.search(
        rb"at         cpu 0: 0x\w+ (hang|triple_fault)\S* parrot\.S:\d+ \(ring 0", done.stdout
    )
    assert b"EIP=" in done.stdout
    assert b"XMM" not in done.stdout


@pytest.mark.full
def test_recordings(say, tmp_path, tool):
    cast, screen = tmp_path / "boot.cast", tmp_path / "boot.png"

    done = run(say(f"{HELLO[:-2]}größe\n@w@w@w@w@p"), "--record", cast, "--record", screen)

    assert done.returncode == 0, done.stderr
    header, *events = map(json.loads, cast.read_text().splitlines())
    assert header["version"] == 2
    assert "".join(text for _, kind, text in events if kind == "o") == (
        "hello\r\n\x1b[31mred\x1b[0m\r\noro: verdict=pass\r\ngröße\r\n"
    )
    assert [when for when, _, _ in events] == sorted(when for when, _, _ in events)
    assert b"acTL" in screen.read_bytes()[:64]
    assert f"wrote      {cast}\n".encode() in done.stdout


@pytest.mark.full
def test_a_player_of_recordings_plays_it(say, tmp_path, tool):
    """asciinema wants a terminal even for `cat`."""
    cast = tmp_path / "boot.cast"
    run(say("<@g>\noro: verdict=pass\n@p"), "--record", cast)

    with Terminal(tool("tmux"), tmp_path) as terminal:
        terminal.type(f"{tool('asciinema')} cat {cast} | od -c | head -50; echo status=$?")
        screen = terminal.wait_for("status=0")

    assert re.search(r"<\s+\\0 001 002 003", screen)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--record", "boot.gif"], "'boot.gif' does not say what to record"),
        (["--record", "a.png", "--emulator", "bochs"], "only QEMU's screen can be recorded"),
        (["--log-timestamps"], "--log-timestamps without a log"),
        (["--log", "x.cast", "--record", "x.cast"], "is to hold two different things"),
        (["--log", "none/here.log"], "there is no such directory"),
        (["--menu"], "--menu needs a terminal"),
        (["--log", "/dev/full"], "cannot write '/dev/full': No space left on device"),
    ],
)
def test_what_cannot_be_done_is_said(say, arguments, said):
    done = run(say(HELLO), *arguments)

    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.full
def test_a_screenshot_that_cannot_be_written_is_said(say, tmp_path):
    folder = tmp_path / "folder.png"
    (folder / "full").mkdir(parents=True)
    os.rename(folder, tmp_path / "moved")  # noqa: PTH104
    os.symlink("/dev/full", folder)  # noqa: PTH211

    done = run(say("@h"), "--timeout", "2", "--screenshot", folder)

    assert done.returncode == 1
    assert b"no screenshot in" in done.stderr


@pytest.fixture
def terminal(tool, project):
    with Terminal(tool("tmux"), project) as made:
        made.type("stty -a > before")
        yield made


STARTED = "Ctrl-] menu, Ctrl-C ends it"
COMMAND = f"{shlex.join(RUN)}; echo status=$?"


def settings_are_as_before(terminal, root):
    terminal.type("stty -a > after; echo compa''red")
    terminal.wait_for("compared")
    return (root / "before").read_text() == (root / "after").read_text()


@pytest.mark.full
def test_keys_go_to_the_guest_and_the_menu_does_what_it_says(terminal, say):
    root = say("ready\n@eoro: verdict=pass\n@p")
    terminal.type(COMMAND)
    terminal.wait_for(STARTED, "ready")

    terminal.press("typed")
    terminal.wait_for("ready\ntyped")  # no newline, and not twice
    terminal.press("C-]", "h")
    assert "start the machine anew" in terminal.wait_for("Ctrl-] c  Ctrl-C to the guest")
    terminal.press("C-]", "t")
    terminal.wait_for("time stamps on")
    terminal.press("C-]", "p")
    terminal.wait_for("the machine was paused")
    terminal.press("C-]")
    terminal.wait_for("p go on")
    terminal.press("p")
    terminal.wait_for("the machine goes on")
    terminal.press("C-]", "m")
    terminal.wait_for("(qemu)")
    terminal.press("info versionx", "BSpace", "Enter")
    terminal.wait_for("(qemu) info version \n── ")  # where the x was is a space
    terminal.press("C-]", "m")
    terminal.press("nonsense", "Enter")
    terminal.wait_for("unknown command: 'nonsense'")
    terminal.press("C-]", "s")
    terminal.wait_for("the screen is in screen-1.png")
    assert (root / "screen-1.png").read_bytes().startswith(b"\x89PNG")
    terminal.press("C-]", "d")
    terminal.wait_for("── cpu 0: 0x", "EIP=")
    assert "XMM" not in terminal.screen
    terminal.press("C-]", "]", "C-]", "c")
    terminal.wait_for("^]^C")  # what the guest echoes
    terminal.press("C-d")
    screen = terminal.wait_for("status=0")
    assert "verdict    pass" in screen
    assert settings_are_as_before(terminal, root)


@pytest.mark.full
def test_the_menus_reset_boots_again(terminal, say):
    say("ready\n@eoro: verdict=pass\n@p")
    terminal.type(f"{shlex.join(RUN)} --timestamps; echo status=$?")
    terminal.wait_for(STARTED, "] ready")

    terminal.press("C-]", "r")
    screen = terminal.wait_for("the machine was reset")
    terminal.press("C-]", "h")
    end = time.monotonic() + PATIENCE
    while screen.count("] ready") < 2:
        assert time.monotonic() < end, screen
        screen = terminal.wait_for("the machine was reset")
    terminal.press("C-d")

    assert "verdict    pass" in terminal.wait_for("status=0")


@pytest.mark.full
def test_the_menus_quit_ends_it(terminal, say):
    say("ready\n@e")
    terminal.type(f"{shlex.join(RUN)} --timeout 600; echo status=$?")
    terminal.wait_for(STARTED, "ready")

    terminal.press("C-]", "q")

    assert "verdict    stopped: ended from the menu" in terminal.wait_for("status=1")


def children(pid: int) -> list[int]:
    """The processes below one, all of them."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children(child)]
    return found


def named(pids, name: bytes) -> list[int]:
    return [
        pid for pid in pids if name in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    ]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    "victim",
    [
        "run",
        pytest.param("emulator", marks=pytest.mark.full),
        pytest.param("ctrl-c", marks=pytest.mark.full),
        pytest.param("run by SIGTERM", marks=pytest.mark.full),
    ],
)
def test_whatever_ends_it_the_terminal_is_as_it_was_and_nothing_is_left(
    terminal, say, victim, tmp_path
):
    root = say("ready\n@e")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    pid_file = tmp_path / "pid"
    # The shell becomes the program, so that its process id is known.
    inner = f"echo $$ > {pid_file}; exec {shlex.join(RUN)}"
    terminal.type(f"TMPDIR={scratch} sh -c {shlex.quote(inner)}; echo status=$?")
    terminal.wait_for(STARTED, "ready")
    pid = int(pid_file.read_text())
    below = children(pid)
    (emulator,) = named(below, b"qemu-system")

    if victim == "ctrl-c":
        terminal.press("C-c")
    elif victim == "emulator":
        os.kill(emulator, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL if victim == "run" else signal.SIGTERM)

    wanted = {"run": 137, "run by SIGTERM": 143, "emulator": 1, "ctrl-c": 130}[victim]
    screen = terminal.wait_for(f"status={wanted}")
    if victim == "emulator":
        assert "verdict    emulator crash: signal 9 ended the emulator" in screen
    end = time.monotonic() + PATIENCE
    while any(map(runs, below)) or list(scratch.iterdir()):
        assert time.monotonic() < end, (list(filter(runs, below)), list(scratch.iterdir()))
        time.sleep(0.05)
    assert settings_are_as_before(terminal, root)


@pytest.mark.full
def test_in_the_background_the_terminal_is_left_alone(terminal, say):
    say("ready\n@woro: verdict=pass\n@p")
    terminal.type(f"{shlex.join(RUN)} & wait $!; echo status=$?")

    screen = terminal.wait_for("status=0")

    assert STARTED not in screen

"""The shell: what is typed at the serial port or the keyboard, and what it answers."""

from __future__ import annotations

import pytest

from kernel.live import LiveMachine

PROMPT = "oro> "
# Names of QEMU's keys for what a US keyboard has there.
KEYS = {" ": ("spc",), "\n": ("ret",), "&": ("shift", "7"), "-": ("minus",)}


@pytest.fixture
def shell(built, tmp_path):
    with LiveMachine(tmp_path, "-kernel", built.kernel, "-append", "shell") as live:
        live.wait_for(PROMPT)
        yield live


def answer(live: LiveMachine, command: str) -> list[str]:
    """The lines that a command prints."""
    live.type(command + "\r")
    return live.wait_for(PROMPT).split("\n")[1:-1]


def press(live: LiveMachine, text: str) -> None:
    for character in text:
        live.press(*KEYS.get(character, (character,)))


def test_commands_tell_about_the_system(shell):
    assert [line.split()[0] for line in answer(shell, "help")] == [
        *("help", "ps", "run", "kill", "mem", "cores", "programs", "exit"),
    ]
    header, *processes = answer(shell, "ps")
    assert header.split() == ["PID", "PARENT", "THREADS", "NAME"]
    assert [line.split()[3] for line in processes] == ["shell"]
    cores = answer(shell, "cores")[1:]
    assert [line.split()[:2] for line in cores] == [["0", "0"], ["1", "1"]]
    (memory,) = answer(shell, "mem")
    assert memory.endswith("are free")
    assert {"shell", "hog", "primes"} <= set(" ".join(answer(shell, "programs")).split())


def test_programs_run_in_front_behind_and_not_at_all(shell):
    assert answer(shell, "run status_7")[-1].endswith("ended with status 7")
    assert answer(shell, "run fault_way 9")[-1].endswith("was killed")
    assert answer(shell, "run nonsense") == [
        "there is no program 'nonsense'; 'programs' lists them"
    ]
    (said,) = answer(shell, "run hog &")
    pid = said.split()[0]
    assert any(line.split()[:1] == [pid] and line.endswith("hog") for line in answer(shell, "ps"))
    assert answer(shell, f"kill {pid}")[-1] == f"{pid} was killed"
    assert not any(line.endswith("hog") for line in answer(shell, "ps"))
    assert answer(shell, "kill 1") == ["1 is no child of this shell"]
    assert answer(shell, "kill me") == ["kill PID"]


def test_a_line_can_be_edited(shell):
    assert answer(shell, "men\x7fm\x08\x08\x08mem")[0].endswith("are free")
    assert answer(shell, "rubbish\x15mem")[0].endswith("are free")
    assert answer(shell, "me\x1b[Am\x1b[1;5C")[0].endswith("are free")
    assert answer(shell, "x" * 300) == [f"there is no command '{'x' * 127}'; 'help' lists them"]
    assert answer(shell, "") == []
    assert answer(shell, "\x00\x01\xffmem")[0].endswith("are free")


def test_control_c_ends_what_the_shell_waits_for(shell):
    shell.type("run hog\r")
    shell.wait_for("run hog\n")
    shell.type("\x03")
    assert "was killed" in shell.wait_for(PROMPT)
    shell.type("half a line\x03mem\r")
    assert "are free" in shell.wait_for(PROMPT)


def test_the_keyboard_works_too(shell):
    press(shell, "run hog &\n")
    assert "runs\n" in shell.wait_for(PROMPT)
    press(shell, "ps\n")
    assert "hog" in shell.wait_for(PROMPT)
    shell.press("caps_lock")
    press(shell, "mem\n")
    assert "there is no command 'MEM'" in shell.wait_for(PROMPT)
    shell.press("caps_lock")
    shell.press("ctrl", "d")
    assert shell.wait_until_it_exits() == 33
    assert "oro: verdict=pass" in shell.text


def test_exit_ends_the_run(shell):
    shell.type("exit\r")
    assert shell.wait_until_it_exits() == 33


def test_much_is_typed_at_once(shell):
    """Far more than the queue holds: it waits in the device, and nothing is lost."""
    shell.type("mem\r" * 500 + "exit\r")
    assert shell.wait_until_it_exits() == 33
    assert shell.text.count("are free") == 500

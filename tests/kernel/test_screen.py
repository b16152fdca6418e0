"""The console on the screen: what is drawn there is read back with the font."""

from __future__ import annotations

import re
import struct
import subprocess
import time

import pytest

from kernel.live import LiveMachine, Screen

CELL_WIDTH, CELL_HEIGHT = 8, 16


@pytest.fixture(scope="session")
def letters(root) -> dict[tuple[int, ...], str]:
    """The font's characters by their seven rows of five dots."""
    rows = re.findall(r"^    \{(.*)\},", (root / "kernel/console/font.c").read_text(), re.MULTILINE)
    shapes = [tuple(int(row, 16) for row in line.split(", ")) for line in rows]
    assert len(shapes) == 95
    assert len(set(shapes)) == 95, "two characters look alike"
    return {shape: chr(32 + number) for number, shape in enumerate(shapes)}


@pytest.fixture
def iso(built, tool, tmp_path):
    """Makes a disc on which GRUB starts the kernel with a screen of this width, height, depth."""

    def make(command_line: str, mode: tuple[int, int, int]):
        folder = tmp_path / "disc"
        (folder / "boot/grub").mkdir(parents=True)
        # GRUB gives what the header asks for, when it can.
        wanted = struct.pack("<6I", 1 << 16 | 5, 20, 1024, 768, 32, 0)
        kernel = built.kernel.read_bytes()
        assert kernel.count(wanted[:20]) == 1
        changed = wanted[:8] + struct.pack("<III", *mode)
        (folder / "boot/oro.elf").write_bytes(kernel.replace(wanted[:20], changed))
        lines = ["set timeout=0", "insmod all_video", "menuentry oro {"]
        lines += [f"  multiboot2 /boot/oro.elf {command_line}", "  boot", "}"]
        (folder / "boot/grub/grub.cfg").write_text("\n".join(lines) + "\n")
        disc = tmp_path / "oro.iso"
        tool("xorriso")
        tool("mformat")
        done = subprocess.run(
            [tool("grub-mkrescue"), "-o", disc, folder], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return disc

    return make


def read_framebuffer(screen: Screen, letters) -> list[str]:
    """The lines on a screen of framebuffer cells; '\N{REPLACEMENT CHARACTER}' is no letter."""
    lines = []
    for top in range(0, screen.height - CELL_HEIGHT + 1, CELL_HEIGHT):
        line = ""
        for left in range(0, screen.width - CELL_WIDTH + 1, CELL_WIDTH):
            lit = [
                [screen.is_lit(left + x, top + y) for x in range(CELL_WIDTH)]
                for y in range(CELL_HEIGHT)
            ]
            rows = [lit[1 + 2 * row] for row in range(7)]
            doubled = all(lit[1 + 2 * n] == lit[2 + 2 * n] for n in range(7))
            margins = [*lit[0], *lit[15], *(dot for row in lit for dot in (row[0], *row[6:]))]
            shape = tuple(int("".join("01"[dot] for dot in row[1:6]), 2) for row in rows)
            whole = doubled and not any(margins)
            line += letters.get(shape, "\ufffd") if whole else "\ufffd"
        lines.append(line.rstrip())
    return lines


def last_lines(text: str, width: int, count: int) -> list[str]:
    """The end of a console's text as a screen of this width shows it."""
    wrapped = []
    for line in text.split("\n"):
        wrapped += [line[at : at + width].rstrip() for at in range(0, max(len(line), 1), width)]
    return wrapped[-count:]


@pytest.mark.parametrize("mode", [(1024, 768, 32), (800, 600, 16), (640, 480, 24)], ids=str)
def test_text_in_a_framebuffer_can_be_read(iso, tmp_path, letters, mode):
    with LiveMachine(tmp_path, "-cdrom", iso("shell", mode)) as live:
        live.wait_for("screen: framebuffer\n")
        live.type("run hello\rhelp\rps\r" * 9 + "run nonsense\r")
        live.wait_for("'programs' lists them\noro> ")
        shown: list[str] = []
        for _ in range(100):  # what the serial port has said comes to the screen a little later
            screen = live.screen()
            assert (screen.width, screen.height) == mode[:2]
            shown = read_framebuffer(screen, letters)
            if shown[-2].endswith("'programs' lists them") and shown[-1] == "oro>":
                break
            time.sleep(0.1)
    assert shown == last_lines(live.text, screen.width // CELL_WIDTH, len(shown))


def read_text_mode(live: LiveMachine) -> list[str]:
    cells = live.memory(0xB8000, 80 * 25 * 2)
    assert set(cells[1::2]) == {0x07}
    text = cells[::2].decode("ascii")
    return [text[at : at + 80].rstrip() for at in range(0, len(text), 80)]


@pytest.mark.parametrize("crash", ["check", "early", "tick", "chatter", "nmi"])
def test_text_mode_shows_the_panic(built, tmp_path, crash):
    """Also one that comes before the kernel has looked for a screen, or in the middle of a line."""
    arguments = ("-kernel", built.kernel, "-append", f"crash={crash}")
    with LiveMachine(tmp_path, *arguments, exit_device=False) as live:
        live.wait_for("oro: panic-end\n")
        shown = read_text_mode(live)
        for _ in range(100):  # what the serial port has said comes to the screen a little later
            if shown[23] == "oro: panic-end":
                break
            time.sleep(0.1)
            shown = read_text_mode(live)
    expected = last_lines(live.text, 80, 25)
    if "oro: panic-begin" in expected:  # an NMI comes between the serial port and the screen
        begin = shown.index("oro: panic-begin")
        shown, expected = shown[begin:], expected[expected.index("oro: panic-begin") :]
    assert shown == expected


def test_without_a_screen_the_kernel_says_so_and_runs(built, boot):
    report = boot(built.kernel, "", extra=("-vga", "none"))
    assert "screen: none" in report.lines
    assert report.passed, report.reason


@pytest.mark.parametrize(
    ("word", "shown"), [("log=error", False), ("log=warning", False), ("log=info", True)]
)
def test_the_command_line_chooses_how_much_is_said(built, boot, word, shown):
    report = boot(built.kernel, word)
    assert (f"command line: {word}" in report.lines) == shown
    assert any(line.endswith("exited with status 0") for line in report.lines) == shown
    assert report.passed, report.reason
    assert report.cores  # facts are always there

"""Draws the README's pictures: real commands, run now, their terminal output as SVG.

python docs/pictures.py [watch] [lint] [crash] [run]
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from session_page import copy_of_the_kernel, run, steps_of  # noqa: E402

WIDTH = 118
FONTS = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"


def draw(
    name: str,
    title: str,
    command: list[str],
    *,
    head: int | None = None,
    tail: int = 0,
    directory: Path = ROOT,
) -> None:
    """Draw the first `head` or last `tail` lines that `command` prints to docs/images/NAME.svg."""
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=directory,
        env={**os.environ, "FORCE_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    save(name, title, result.stdout.splitlines()[-tail:head])


def save(name: str, title: str, lines: list[str]) -> None:
    """Draw what a command printed."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(f"[bold]$[/bold] {title}")
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="crop")
    picture = console.export_svg(title=title, theme=DIMMED_MONOKAI, unique_id=name)
    # The exporter names a font server; the fonts of the reader's machine do as well.
    while "@font-face" in picture:
        start = picture.index("@font-face")
        picture = picture[:start] + picture[picture.index("}", start) + 1 :]
    picture = picture.replace("font-family: Fira Code", f"font-family: {FONTS}")
    (ROOT / "docs" / "images" / f"{name}.svg").write_text(picture)


def draw_lint() -> None:
    """The findings in the files that docs/lint.md shows."""
    page = (ROOT / "docs" / "lint.md").read_text()
    with tempfile.TemporaryDirectory() as directory:
        for name in ("isr.S", "table.c"):
            text = page.partition(f"`{name}`:\n\n```")[2].partition("\n")[2].partition("```")[0]
            (Path(directory) / name).write_text(text)
        draw("lint", "orolint .", ["orobuild", "lint", "."], tail=20, directory=Path(directory))


def draw_crash() -> None:
    """The founding bug's panic explained, and the bit that denied the fetch: the page's own steps."""
    steps = steps_of((ROOT / "docs" / "founding-bug.md").read_text())
    with tempfile.TemporaryDirectory() as directory:
        there = Path(directory)
        copy_of_the_kernel(there)
        last = next(n for n, step in enumerate(steps) if step.command.startswith("orobuild run"))
        run(steps[: last + 1], there)
        draw(
            "decode",
            "orobuild decode build/serial.log",
            ["orobuild", "decode", "build/serial.log"],
            head=17,  # down to the registers
            directory=there,
        )
        symbol = "_oro_isr_common_novec"
        command = ["orobuild", "tt", "v", symbol]
        draw("tt", " ".join(command), command, head=10, directory=there)


def captured(tmux: list[str], *options: str) -> str:
    """What a terminal shows; with `-e` its colours too."""
    shown = [*tmux, "capture-pane", "-p", *options]
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout


def draw_watch() -> None:
    """The screen of `orobuild watch --run` once the kernel has said that all is well."""
    tmux = ["tmux", "-L", "orobuild-pictures", "-f", "/dev/null"]
    command = f"{sys.executable} -m orobuild watch --run"
    size = ["-x", str(WIDTH), "-y", "30"]
    subprocess.run([*tmux, "new-session", "-d", *size, "-c", ROOT, command], check=True)
    try:
        while "verdict  pass" not in captured(tmux):
            time.sleep(0.5)
        screen = captured(tmux, "-e")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    save("watch", "orobuild watch --run", screen.rstrip().splitlines())


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["watch", "lint", "crash", "run"]
    for one in wanted:
        {
            "watch": draw_watch,
            "lint": draw_lint,
            "crash": draw_crash,
            "run": lambda: draw("run", "python3 build.py", ["orobuild", "run"], tail=38),
        }[one]()

"""A page of documentation that is a session: commands, and under each what it prints.

    python tests/session_page.py docs/founding-bug.md

runs the page's commands in a copy of the kernel's project and writes what they print under them.
The prose stays as it is. The tests run the same commands and compare.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STAGE = re.compile(r"^  [a-z, ]+? +\d+\.\d\d s  .*\n", re.MULTILINE)
"""A stage that took long enough to be worth a line: another one on every machine."""

VARYING = (
    (re.compile(r"\b\d+(\.\d+)? s\b"), "N s"),
    # Each process has a top table; which runs when the machine stops is chance.
    (re.compile(r"^(  pml[45]e +\[ *\d+\] at )0x[0-9a-f]+", re.MULTILINE), r"\1N"),
    # What the interrupted program had in its registers depends on when the timer came.
    (re.compile(r"\brflags=0x[0-9a-f]+"), "rflags=N"),
    (re.compile(r"\b(r(?:[a-d]x|[sd]i|[bs]p|[0-9]+)) [0-9a-f]{16}\b"), r"\1 N"),
)


@dataclass(frozen=True)
class Step:
    """One command and what it printed, as the page has it or as it came."""

    command: str
    output: str

    @property
    def steady(self) -> str:
        """The output without what differs from run to run."""
        text = self.output
        for pattern, instead in VARYING:
            text = pattern.sub(instead, text)
        return text


def steps_of(text: str) -> list[Step]:
    """The commands of a page, in order, with the outputs that stand under them."""
    steps: list[Step] = []
    for block in BLOCK.findall(text):
        assert block.startswith("$ "), f"a console block begins with a command: {block!r}"
        for part in block[2:].split("\n$ "):
            command, _, output = part.removesuffix("\n").partition("\n")
            steps.append(Step(command, output + "\n" if output else ""))
    return steps


def copy_of_the_kernel(directory: Path) -> None:
    """The kernel's project under version control, with what has been compiled of it."""
    for tree in ("asm", "kernel", "linker_scripts"):
        shutil.copytree(ROOT / tree, directory / tree)
    shutil.copy(ROOT / "pyproject.toml", directory)
    (ROOT / "build" / ".cache").mkdir(parents=True, exist_ok=True)
    (directory / "build").mkdir()
    (directory / "build" / ".cache").symlink_to(ROOT / "build" / ".cache")
    for words in (["init", "-q"], ["add", "asm"], ["commit", "-q", "-m", "The kernel"]):
        identity = ["-c", "user.name=reader", "-c", "user.email=reader@example.org"]
        subprocess.run(["git", *identity, *words], cwd=directory, check=True)


def run(steps: list[Step], directory: Path) -> list[Step]:
    """The same commands with what they print now, both streams as a terminal shows them."""
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    done, status = [], 0
    for step in steps:
        result = subprocess.run(
            ["bash", "-c", f"(exit {status})\n{step.command}"],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        status = result.returncode
        printed = STAGE.sub("", result.stdout)
        lines = [line.rstrip() for line in printed.splitlines()]
        done.append(Step(step.command, "".join(f"{line}\n" for line in lines)))
    return done


def with_outputs(text: str, done: list[Step]) -> str:
    """The page with `done`'s outputs; what only varies from run to run stays as it was."""
    remaining = iter(zip(steps_of(text), done, strict=True))

    def block(match: re.Match[str]) -> str:
        made = []
        for _ in steps_of(match[0]):
            written, now = next(remaining)
            output = written.output if written.steady == now.steady else now.output
            made.append(f"$ {now.command}\n{output}")
        return "```console\n" + "".join(made) + "```"

    return BLOCK.sub(block, text)


def main(page: Path) -> None:
    """Write the page again."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        copy_of_the_kernel(Path(directory))
        text = page.read_text()
        page.write_text(with_outputs(text, run(steps_of(text), Path(directory))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""docs/kernel-paths.md: the instructions of the kernel's paths, each beside the line it comes from,
and why each function is on the path.

    python3 benchmarks/kernel_listing.py [--check]

Without --check the page is written anew; with it the exit status says whether it is current.
Addresses and line numbers are left out, so that only a change of a path changes the page.
"""

from __future__ import annotations

import argparse
import bisect
import re
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

import kernel_paths
from kernel_reasons import REASONS
from kernel_trace import ROOT, Image, copy_and_build, disassemble, record

PAGE = ROOT / "docs" / "kernel-paths.md"
LISTED = ("null_call", "funnel_call", "yield", "tick", "touch", "fault", "send", "receive")

INTRODUCTION = """\
# What the kernel's paths consist of

Every instruction that the kernel executes on each path, profile release, on a processor with all
that QEMU's `max` has; beside it the line that it comes from, and for each function why it is on the
path. The instruction of ring 3 that begins it (`syscall`, or the one that faults) is not counted.
Written by `benchmarks/kernel_listing.py`, which says so if this page is out of date.
`benchmarks/kernel.py` prints the figures.

Everywhere: C functions keep a frame pointer (`push %rbp`, `mov %rsp,%rbp`, `pop %rbp`), since a
panic shows who called whom; registers that a callee preserves are pushed and popped as the System V
ABI says.
"""


def source_lines(kernel: Path, addresses: list[int]) -> dict[int, str]:
    """Each address's source line, as text."""
    found = subprocess.run(
        ["addr2line", "-e", kernel, *map(hex, addresses)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    texts: dict[int, str] = {}
    files: dict[str, list[str]] = {}
    for address, place in zip(addresses, found, strict=True):
        name, _, number = place.partition(" ")[0].rpartition(":")
        for tree in ("/asm/", "/kernel/"):
            if tree in name:
                name = f"{tree[1:]}{name.rpartition(tree)[2]}"
        if not number.isdigit() or not (ROOT / name).is_file():
            texts[address] = ""
            continue
        lines = files.setdefault(name, (ROOT / name).read_text().splitlines())
        texts[address] = lines[int(number) - 1].partition("/*")[0].partition(" # ")[0].strip()
    return texts


def plain(instruction: str) -> str:
    """Without what depends on where things lie."""
    instruction = re.sub(r"-?0x[0-9a-f]+\(%rip\)", "(%rip)", instruction)
    instruction = re.sub(r"\+0x[0-9a-f]+>", ">", instruction)
    instruction = re.sub(r"\b[0-9a-f]{16} <", "<", instruction)
    instruction = re.sub(r"-0x7[ef][0-9a-f]{6}\b", "data", instruction)
    return re.sub(r"(0x)?f{8}8[0-9a-f]{7}", "address", instruction)


class Listing:
    """The page's text for paths of one image."""

    def __init__(self, image: Image, paths: dict[str, list[int]]):
        self._texts = disassemble(image.kernel)
        self._names = sorted(
            (address, name)
            for name, (address, size) in image.symbols.items()
            if size and address >> 63
        )
        self._keys = [address for address, _ in self._names]
        self._said: set[str] = set()
        addresses = sorted({address for path in paths.values() for address in path})
        self._lines = source_lines(image.kernel, addresses)
        self.unexplained = {self._function(a) for a in addresses} - REASONS.keys()

    def _function(self, address: int) -> str:
        return self._names[bisect.bisect_right(self._keys, address) - 1][1]

    def path(self, title: str, path: list[int]) -> list[str]:
        """A chapter: a section for each stretch of one function."""
        text = [f"## {title[0].upper()}{title[1:]}: {len(path)} instructions", ""]
        for function, stretch in groupby(path, self._function):
            addresses = list(stretch)
            reason = "as above." if function in self._said else REASONS.get(function, "")
            self._said.add(function)
            text += [f"`{function}`, {len(addresses)}: {reason}", "", "```text"]
            text += list(self._rows(addresses))
            text += ["```", ""]
        return text

    def _rows(self, addresses: list[int]) -> list[str]:
        rows, said = [], ""
        for address, again in groupby(addresses):
            times = len(list(again))
            instruction = plain(self._texts[address]) + (f"   ({times} times)" if times > 1 else "")
            line = self._lines[address]
            rows.append(f"{instruction:44}{line if line != said else ''}".rstrip())
            said = line
        return rows


def page(image: Image) -> str:
    """The whole page. Exits if a function has no reason."""
    trace = record(image)
    found = kernel_paths.find_on_one_core(image, trace)
    listing = Listing(image, {name: found[name] for name in LISTED})
    if listing.unexplained:
        names = ", ".join(sorted(listing.unexplained))
        raise SystemExit(f"benchmarks/kernel_reasons.py does not say why there are: {names}")
    text = [INTRODUCTION]
    titles = {path.name: path.title for path in kernel_paths.PATHS}
    for name in LISTED:
        text += listing.path(titles[name], found[name])
    return "\n".join(text).rstrip() + "\n"


def main() -> None:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        text = page(copy_and_build(Path(folder), "release"))
    if not check:
        PAGE.write_text(text)
    elif not PAGE.is_file() or PAGE.read_text() != text:
        sys.exit(f"{PAGE.name} is out of date: run python3 benchmarks/kernel_listing.py")


if __name__ == "__main__":
    main()

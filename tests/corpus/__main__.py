"""Foreign sources through oro-as and GNU as.

    PYTHONPATH=toolchain:tests python -m corpus [PACKAGE…]

Each package of packages.toml is downloaded from the mirror that apt uses, checked by its hash,
unpacked and built, while everything that the build gives to its assembler is kept; then each
input is assembled by GNU as and by oro-as with the build's own flags, and the objects are
compared. The table says how many came out the same. Everything stays in build/corpus, so a second
run only compares.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from corpus import comparison, mirror, variants

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
BUILD_LIMIT: Final = 1800  # seconds for one command of a build
COLUMNS: Final = (
    comparison.IDENTICAL, comparison.DIFFERENT, comparison.REFUSED, comparison.ONLY_OURS,
    comparison.BOTH_REFUSE, comparison.BROKEN,
)  # fmt: skip


def packages() -> dict[str, dict[str, Any]]:
    """The table of packages."""
    return tomllib.loads((HERE / "packages.toml").read_text())


def record(name: str, package: dict[str, Any], work: Path, jobs: int) -> Path:
    """The directory with the recorded inputs of a package; built when it is not there yet."""
    inputs = work / "inputs" / name
    if (inputs / "complete").exists():
        return inputs
    archive = mirror.fetch(package["file"], package["sha256"], work / "archives")
    root = mirror.unpack(archive, work / "sources" / name)
    shutil.rmtree(inputs, ignore_errors=True)
    inputs.mkdir(parents=True)
    # A compiled package's own build only prepares headers.
    keep = inputs if "sources" not in package else work / "prepared" / name
    _build(root, package.get("commands", ()), keep, work, jobs)
    if "sources" in package:
        options = [f"-I{root / path}" for path in package["include"]] + package["options"]
        variants.record(root, package["sources"], options, inputs, jobs)
    (inputs / "complete").touch()
    return inputs


def _build(root: Path, commands: Sequence[str], inputs: Path, work: Path, jobs: int) -> None:
    gnu = shutil.which("as")
    if gnu is None:
        raise mirror.Unavailable("as is not installed")
    programs = work / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    stand_in = programs / "as"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{HERE / "recorder.py"}" "$@"\n')
    stand_in.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "COMPILER_PATH": str(programs),
        "CORPUS_INPUTS": str(inputs),
        "CORPUS_AS": gnu,
    }
    with (work / "build.log").open("ab") as log:
        for command in commands:
            try:
                subprocess.run(
                    ["bash", "-c", command.format(jobs=jobs)],
                    cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    timeout=BUILD_LIMIT,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                log.write(f"{command}: stopped after {BUILD_LIMIT} s\n".encode())


def compare(inputs: Path, jobs: int, limit: int) -> list[comparison.Result]:
    """The verdicts about a package's inputs, `limit` of them spread evenly (0: all)."""
    paths = sorted(map(str, inputs.glob("*.s")))
    if limit and len(paths) > limit:
        paths = paths[:: -(-len(paths) // limit)]
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=200) as pool:
        return pool.map(comparison.compared, paths, chunksize=4)


def row(name: str, counts: Counter[str]) -> str:
    """One line of the table."""
    numbers = "".join(f"{counts[column]:>{len(column) + 2}}" for column in COLUMNS)
    return f"{name:<20}{sum(counts.values()):>7}{numbers}"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0 when nothing differs, is refused or breaks."""
    parser = argparse.ArgumentParser(
        prog="corpus", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="by default all")
    parser.add_argument("--limit", type=int, default=0, help="at most so many inputs a package")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "corpus")
    parser.add_argument("--list", action="store_true", help="name the packages and end")
    asked = parser.parse_args(arguments)
    known = packages()
    if asked.list:
        say("\n".join(known))
        return 0
    unknown = set(asked.packages) - set(known)
    if unknown:
        parser.error(f"no such package: {', '.join(sorted(unknown))}; --list names them")
    say(f"{'package':<20}{'files':>7}" + "".join(f"  {column}" for column in COLUMNS))
    total: Counter[str] = Counter()
    differences = []
    for name in asked.packages or known:
        try:
            inputs = record(name, known[name], asked.work.resolve(), asked.jobs)
        except mirror.Unavailable as why:
            say(f"{name:<20} not available: {why}")
            continue
        results = compare(inputs, asked.jobs, asked.limit)
        counts = Counter(result.verdict for result in results)
        total += counts
        say(row(name, counts))
        bad = (comparison.DIFFERENT, comparison.REFUSED, comparison.BROKEN)
        differences += [result for result in results if result.verdict in bad]
    say(row("all", total))
    for result in differences:
        say("\n    ".join((f"\n{result.path}: {result.verdict}", *result.details)))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The test suite of GNU as through oro-as and GNU as.

    PYTHONPATH=toolchain:tests python -m corpus.gas_testsuite [PATTERN]

Every file of binutils' gas/testsuite that concerns x86 and ELF is assembled with the options of its
test, and without options in 32 and 64 bits. What comes out differently, or is refused by one side
only, must stand in docs/gnu-as-testsuite.md; what does not is printed, and the status is 1.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from corpus import comparison, mirror

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "gnu-as-testsuite.md"
FILE: Final = "main/b/binutils/binutils_2.40.orig.tar.xz"
SHA256: Final = "d78c2d2eb24a9be1e02f8854cb1bd435556d7f584fb6bfb6b07e6527d43fc41d"
DIRECTORIES: Final = (
    "i386", "i386/ilp32", "i386/lto", "i386/sse-noavx", "elf", "all", "macros", "cfi", "cfi-sframe",
    "ieee-fp", "symver", "template", "mri", "lns",
)  # fmt: skip
AGREED: Final = (comparison.IDENTICAL, comparison.BOTH_REFUSE)


class Case(NamedTuple):
    """A file of the suite and the options that it is assembled with."""

    path: Path
    flags: tuple[str, ...]
    name: str


class Known(NamedTuple):
    """A row of the page: which cases, what becomes of them, and why."""

    cases: re.Pattern[str]
    verdict: str
    reason: str


def fetched(work: Path) -> Path:
    """The directory of the suite, downloaded and unpacked once below `work`."""
    archive = mirror.fetch(FILE, SHA256, work / "archives")
    return mirror.unpack(archive, work / "sources" / "binutils") / "gas" / "testsuite" / "gas"


def cases(suite: Path) -> list[Case]:
    """Every file with the options of its tests, and alone."""
    found: dict[tuple[str, tuple[str, ...]], Case] = {}
    for directory in DIRECTORIES:
        for path, flags in (*_tests(suite, directory), *_alone(suite, directory)):
            name = " ".join((f"{directory}/{path.name}", *flags)).replace(f"{suite}/", "")
            found.setdefault((str(path), flags), Case(path, flags, name))
    return list(found.values())


def _tests(suite: Path, directory: str) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for test in sorted((suite / directory).glob("*.d")):
        text = test.read_text(errors="replace")
        source = re.search(r"^#source:\s*(\S+)", text, re.MULTILINE)
        options = re.search(r"^#as:\s*(.*)$", text, re.MULTILINE)
        path = test.parent / (source[1] if source else f"{test.stem}.s")
        flags = options[1].split() if options else []
        flags = [
            re.sub(r"\$\{?srcdir\}?", str(suite), flag).replace("$subdir", directory)
            for flag in flags
        ]
        if not {"--32", "--64", "--x32"} & set(flags):
            narrow = directory.startswith("i386") and "64" not in test.name
            flags.insert(0, "--32" if narrow else "--64")
        if path.exists():
            yield path, tuple(flags)


def _alone(suite: Path, directory: str) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for path in sorted((suite / directory).glob("*.s")):
        if "x86-64" not in path.name:
            yield path, ("--32",)
        if directory != "i386" or "64" in path.name:
            yield path, ("--64",)


def documented() -> list[Known]:
    """The rows of the page."""
    rows = re.findall(r"^\| `(.*)` \| ([a-z -]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    return [Known(re.compile(p.replace(r"\|", "|")), verdict, why) for p, verdict, why in rows]


def judged(case: Case) -> comparison.Result:
    """What became of a case; its path is the case's name."""
    result = comparison.assembled(str(case.path), list(case.flags), str(case.path.parent))
    return comparison.Result(case.name, result.verdict, result.details)


def judge(chosen: Sequence[Case], jobs: int) -> list[comparison.Result]:
    """The results of all cases."""
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=200) as pool:
        return pool.map(judged, chosen, chunksize=8)


def undocumented(results: Sequence[comparison.Result]) -> list[comparison.Result]:
    """What does not agree and has no row with its verdict."""
    rows = documented()
    return [
        result
        for result in results
        if result.verdict not in AGREED
        and not any(
            row.verdict == result.verdict and row.cases.fullmatch(result.path) for row in rows
        )
    ]


def main(arguments: Sequence[str]) -> int:
    """Print what became of the suite; 0 when the page has every difference."""
    pattern = re.compile(arguments[0] if arguments else "")
    suite = fetched(ROOT / "build" / "corpus")
    chosen = [case for case in cases(suite) if pattern.search(case.name)]
    results = judge(chosen, os.cpu_count() or 1)
    counts = Counter(result.verdict for result in results)
    lines = [f"{count:>6} {verdict}" for verdict, count in counts.most_common()]
    left = undocumented(results)
    lines += ["\n    ".join((f"\n{r.path}: {r.verdict}", *r.details)) for r in left]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

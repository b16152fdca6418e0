"""Lint the ELF files of this machine and count what is found: false positives, crashes, time.

    python benchmarks/census.py [--count N] [--list RULE] [FOLDER ...]

Takes the first N programs and libraries of each folder (default /usr/bin and /usr/lib), and the
objects and archives of /usr/lib, in order of name. Findings are counted by rule; every kind is
explained in docs/lint-census.md. Exit status 1 if a file could not be checked for another reason than
that it is damaged, or if checking it failed.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.errors import InputError
from orobuild.lint import LintConfig, files

if TYPE_CHECKING:
    from collections.abc import Iterator

ELF, ARCHIVE = b"\x7fELF", b"!<arch>\n"


def candidates(folder: Path, count: int) -> Iterator[Path]:
    found = 0
    for path in sorted(folder.rglob("*")):
        if found == count:
            return
        try:
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                head = file.read(20)
        except OSError:
            continue
        is_x86 = head[:4] == ELF and head[18:20] in (b"\x3e\0", b"\x03\0")
        if is_x86 or head[:8] == ARCHIVE:
            found += 1
            yield path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "folders", nargs="*", type=Path, default=[Path("/usr/bin"), Path("/usr/lib")]
    )
    parser.add_argument("--count", type=int, default=300, help="files of each folder")
    parser.add_argument("--list", metavar="RULE", help="show each finding of this rule")
    options = parser.parse_args()

    counts: Counter[str] = Counter()
    flagged: dict[str, set[str]] = {}
    inputs, refused, failed = 0, Counter[str](), 0
    started = time.process_time()
    for folder in options.folders:
        for path in candidates(folder, options.count):
            try:
                result = files.check_paths([str(path)], LintConfig())
            except InputError:
                raise
            except Exception:  # a traceback is what is counted
                failed += 1
                print(f"{path}: failed\n{traceback.format_exc()}")
                continue
            inputs += len(result.checked)
            for problem in result.errors:
                refused[problem.message[:80]] += 1
            for finding in result.findings:
                counts[str(finding.rule)] += 1
                flagged.setdefault(str(finding.rule), set()).add(str(path))
                if finding.rule == options.list:
                    print(f"{path}: {finding.message}")
    print(f"{inputs} inputs (members of archives counted one by one)", end=", ")
    print(f"{time.process_time() - started:.0f} s of processor time, {failed} failures")
    for message, number in refused.most_common():
        print(f"  not checked: {number:5}  {message}")
    for rule, number in sorted(counts.items()):
        print(f"  {rule}  {number:6} findings in {len(flagged[rule])} files")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

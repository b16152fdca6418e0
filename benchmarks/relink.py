"""A resident process that links, after each change of one object, and GNU ld beside it.

    python benchmarks/relink.py LIST RUNS VARIANT…

Run by `linker.py`. Each turn writes the next VARIANT over the first object of LIST that is called
as the variant up to its `-`, lets GNU ld link everything, and then lets the held linker do so. Both
times are from the change to the image on the disk: ours has the look at every input's time stamp
in it, GNU ld's the start of its process. Prints `GNU-ld ours` in seconds, one line a turn.
"""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import time
from pathlib import Path

from orobuild.linker import LinkInput, LinkOptions
from orobuild.linker import script as scripts
from orobuild.linker.session import Linker
from orobuild.pipeline.held_files import HeldFiles


def main() -> None:
    """Measure and print."""
    names = Path(sys.argv[1]).read_text().split()
    variants = sys.argv[3:]
    script = scripts.parse(
        Path("kernel.ld").read_text(), "kernel.ld", read_file=lambda name: Path(name).read_bytes()
    )
    options = LinkOptions(strict=False, orphan_handling="place")
    files, linker = HeldFiles(), Linker()

    def relink() -> None:
        inputs = [LinkInput(name, files.read(name)) for name in names]
        Path("relinked.elf").write_bytes(linker.link(inputs, script, options).data)

    time.sleep(0.1)
    relink()
    gc.collect()
    gc.freeze()
    for turn in range(int(sys.argv[2])):
        variant = variants[turn % len(variants)]
        shutil.copyfile(variant, variant.partition("-")[0])
        start = time.perf_counter()
        subprocess.run(
            ["ld", "-T", "kernel.ld", f"@{sys.argv[1]}", "-o", "gnu.elf"],
            check=True,
            capture_output=True,
        )
        between = time.perf_counter()
        relink()
        end = time.perf_counter()
        print(between - start, end - between, flush=True)
        gc.collect()


if __name__ == "__main__":
    main()

"""Making a bootable image from a finished ELF kernel, beside `grub-mkrescue` with the same kernel.

    python benchmarks/image.py [KERNEL.elf]

Prints processor time (user and system, of the process and its children), which other load on the
machine disturbs least, as medians of turns that alternate; and what the images take on the disk. The targets: 0.2 of
grub-mkrescue within a resident process, 0.6 as a process of its own, 0.1 of its size for the disk.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measure import environment

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
RUNS = 9


def processor_seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Processor and wall seconds of an action, with what its children used."""

    def used() -> float:
        own, children = (
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

    before, start = used(), time.perf_counter()
    action()
    return used() - before, time.perf_counter() - start


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, env=environment())


def main(kernel: Path) -> None:
    from orobuild.image import Boot, Entry, media
    from orobuild.pipeline import images, outputs

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tree = folder / "tree" / "boot"
        (tree / "grub").mkdir(parents=True)
        (tree / "kernel.elf").write_bytes(kernel.read_bytes())
        (tree / "grub" / "grub.cfg").write_text("multiboot2 /boot/kernel.elf\nboot\n")
        loaders = images.loaders_of_user()

        def resident(form: str) -> Path:
            data = kernel.read_bytes()
            boot = Boot((Entry("kernel", data),))
            made = media.Media(media.Product(name="k", boot=boot, loaders=loaders))
            (contents,) = media.make(made, form).values()
            path = folder / f"resident.{form}"
            path.unlink(missing_ok=True)
            outputs.write(path, contents)
            return path

        script = Path(sys.executable).with_name("orobuild")

        def process(form: str) -> None:
            path = folder / f"process.{form}"
            path.unlink(missing_ok=True)
            run(script, "image", "build", kernel, "-o", path)

        actions: dict[str, Callable[[], object]] = {
            "grub-mkrescue": lambda: run(
                "grub-mkrescue", "-o", folder / "grub.iso", folder / "tree"
            ),
            "resident, iso": lambda: resident("iso"),
            "resident, img": lambda: resident("img"),
            "process, iso": lambda: process("iso"),
            "process, img": lambda: process("img"),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in actions}
        for turn in range(RUNS + 1):
            for name, action in actions.items():
                measured = processor_seconds(action)
                if turn:  # the first warms the caches
                    taken[name].append(measured)
        cpu = {name: statistics.median(t[0] for t in times) for name, times in taken.items()}
        wall = {name: statistics.median(t[1] for t in times) for name, times in taken.items()}
        print(f"{kernel}, {kernel.stat().st_size:,} bytes; medians of {RUNS} turns")
        for name in actions:
            print(
                f"{name:<14} {cpu[name]:7.3f} s CPU {cpu[name] / cpu['grub-mkrescue']:6.2f}x   "
                f"{wall[name]:7.3f} s {wall[name] / wall['grub-mkrescue']:6.2f}x"
            )
        for path in (folder / "grub.iso", folder / "resident.iso", folder / "resident.img"):
            status = path.stat()
            allocated = status.st_blocks * 512
            print(
                f"{path.name:<14} {status.st_size:>12,} bytes, {allocated:>11,} allocated "
                f"({allocated / status.st_size:.3f})"
            )


if __name__ == "__main__":
    os.chdir(ROOT)
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/release/oro.elf").resolve())

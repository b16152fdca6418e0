"""oro-ld against GNU ld and ld.lld: whole processes, on 800 objects of generated C.

    python benchmarks/linker.py [--profile] [--objects N] [--runs N] [--corpus NAME]

Two corpora are compiled once, in build/benchmarks, with -ffunction-sections -g: `small`, whose
objects have 50 symbols each, and `large`, with 90 symbols and 360 relocations each. The images of
GNU ld and oro-ld must be the same bytes. An object refers only to those before it, so every prefix
of the list is a program of its own: that is how growth is measured. `relink.py` measures the
resident linker after one object changed; at the end come links of almost nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from measure import compare, environment, growth, peak, profile, show

ROOT: Final = Path(__file__).resolve().parents[1]
WORK: Final = ROOT / "build" / "benchmarks"
_FLAGS: Final = (
    "-c", "-O1", "-g", "-ffunction-sections", "-fdata-sections", "-ffreestanding", "-fno-pie",
    "-mcmodel=kernel", "-mno-red-zone", "-mgeneral-regs-only", "-fno-asynchronous-unwind-tables",
)  # fmt: skip
_ORO_LD: Final = (sys.executable, "-c", "from orobuild.cli import oro_ld; oro_ld()")

SCRIPT: Final = """\
ENTRY(start)
PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
}
SECTIONS
{
    . = 0xffffffff80100000;
    kernel_start = .;
    .text : AT(ADDR(.text) - 0xffffffff80000000) {
        KEEP(*(.text.start))
        *(.text .text.*)
    } :text
    . = ALIGN(0x1000);
    .rodata : AT(ADDR(.rodata) - 0xffffffff80000000) { *(.rodata .rodata.*) } :rodata
    . = ALIGN(0x1000);
    .data : AT(ADDR(.data) - 0xffffffff80000000) { *(.data .data.*) } :data
    .bss : AT(ADDR(.bss) - 0xffffffff80000000) {
        bss_start = .;
        *(COMMON)
        *(.bss .bss.*)
        bss_end = .;
    } :data
    kernel_end = .;
    ASSERT(kernel_end - kernel_start < 0x10000000, "the kernel is too large")
    /DISCARD/ : { *(.comment) *(.note.*) *(.eh_frame) }
}
"""


@dataclass(frozen=True)
class Corpus:
    """Objects in a folder of their own: functions and data items in each."""

    name: str
    functions: int
    items: int

    @property
    def directory(self) -> Path:
        """Where the objects are."""
        return WORK / f"objects-{self.name}"

    def source(self, number: int, *, edit: int = 0) -> str:
        """The C file `number`: functions that call and read what earlier files define.

        `edit` makes another version of it: a constant, a function and a string are new.
        """
        items = self.items
        earlier = [(number * 7 + 13 * k) % number for k in range(items)] if number else []
        lines = [
            "struct item { struct item *next; const char *name; int (*call)(int); long v[4]; };"
        ]
        for k, other in enumerate(earlier):
            lines += [f"extern int f{other}_{k}(int);", f"extern struct item item{other}_{k};"]
        for k in range(items):
            call = f"f{earlier[k]}_{k}" if earlier else "0"
            after = f"&item{earlier[k]}_{k}" if earlier else "0"
            item = f'{{{after}, "item {number} {k}", {call}, {{{k + edit}}}}}'
            lines += [
                f"struct item item{number}_{k} = {item};",
                f"long counter{number}_{k};",
                f"static int table{number}_{k}[{4 + k}];",
            ]
        for k in range(self.functions):
            use, own = "", k % items
            if earlier:
                use = f"x += f{earlier[own]}_{own}(x) + item{earlier[own]}_{own}.v[{k % 4}];"
            lines.append(
                f"int f{number}_{k}(int x) {{ counter{number}_{own} += x;"
                f" table{number}_{own}[x & 3]++; {use}"
                f" item{number}_{own}.v[1] = x; return x * {number + k + 3}; }}"
            )
        if edit:
            lines.append(
                f"const char *new{edit}(int x) {{ counter{number}_0 += x * {edit};"
                f' return x > {edit} ? "edit {edit}" : "item"; }}'
            )
        if number == 0:
            lines.append(
                '__attribute__((section(".text.start"))) void start(void) { f0_0(1); for (;;); }'
            )
        return "\n".join(lines) + "\n"

    def build(self, count: int) -> list[str]:
        """The names of `count` objects; those that are missing are compiled."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "kernel.ld").write_text(SCRIPT)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._compile, [f"o{n}.o" for n in range(count)], range(count)))
        names = [f"o{number}.o" for number in range(count)]
        (self.directory / f"list{count}").write_text("\n".join(names))
        return names

    def variants(self, number: int) -> list[str]:
        """Versions of the object `number`, as it is after edits."""
        names = [f"o{number}.o-{edit}" for edit in range(4)]
        for edit, name in enumerate(names):
            self._compile(name, number, edit)
        return names

    def _compile(self, name: str, number: int, edit: int = 0) -> None:
        if (self.directory / name).exists():
            return
        source = f"o{number}-{edit}.c" if edit else f"o{number}.c"
        (self.directory / source).write_text(self.source(number, edit=edit))
        subprocess.run(
            ["gcc", *_FLAGS, source, "-o", f"part-{name}"], cwd=self.directory, check=True
        )
        (self.directory / f"part-{name}").rename(self.directory / name)

    def describe(self, count: int) -> str:
        """What is in the objects, by readelf."""
        shown = subprocess.run(
            ["readelf", "-SW", f"@list{count}"],
            cwd=self.directory, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        symbols = relocations = loaded = 0
        for line in shown.splitlines():
            fields = line.partition("]")[2].split()
            if len(fields) > 5 and fields[1] == "SYMTAB":
                symbols += int(fields[4], 16) // 24
            elif len(fields) > 5 and fields[1] == "RELA":
                relocations += int(fields[4], 16) // 24
                loaded += 0 if ".debug" in fields[0] else int(fields[4], 16) // 24
        return (
            f"{self.name}: {count} objects, {symbols} symbols, {relocations} relocations, "
            f"{loaded} of them in what is loaded"
        )

    def image(self, name: str) -> bytes:
        """What an ELF executable loads, by GNU objcopy."""
        subprocess.run(
            ["objcopy", "-O", "binary", name, f"{name}.bin"], cwd=self.directory, check=True
        )
        return (self.directory / f"{name}.bin").read_bytes()


CORPORA: Final = {"small": Corpus("small", 8, 4), "large": Corpus("large", 16, 8)}


def commands(count: int) -> dict[str, list[str | Path]]:
    """The three linkers on the first `count` objects."""
    rest = ["-T", "kernel.ld", f"@list{count}", "-o"]
    return {
        "GNU ld": ["ld", *rest, "gnu.elf"],
        "ld.lld": ["ld.lld", *rest, "lld.elf"],
        "oro-ld": [*_ORO_LD, *rest, "oro.elf"],
    }


def relink(corpus: Corpus, count: int, runs: int) -> None:
    """Print what linking after one object changed takes: GNU ld anew, and our resident linker."""
    program = Path(__file__).with_name("relink.py")
    variants = corpus.variants(5)
    done = subprocess.run(
        [sys.executable, program, f"list{count}", str(runs + 2), *variants],
        cwd=corpus.directory, check=True, capture_output=True, text=True, env=environment(),
    )  # fmt: skip
    turns = [tuple(map(float, line.split())) for line in done.stdout.splitlines()][2:]
    (corpus.directory / "o5.o").write_bytes((corpus.directory / variants[0]).read_bytes())
    print("one object changed, after GNU ld and the resident linker took turns")
    for name, times in zip(("GNU ld", "ours"), zip(*turns, strict=True), strict=True):
        print(f"{name:<8}  min {min(times):.3f} s  median {statistics.median(times):.3f} s")
    ratios = [ours / theirs for theirs, ours in turns]
    print(f"ratio     min {min(ratios):.2f}x   median {statistics.median(ratios):.2f}x")
    print(_same(corpus, "gnu.elf", "relinked.elf"))


def _same(corpus: Corpus, first: str, second: str) -> str:
    same = corpus.image(first) == corpus.image(second)
    return "images are the same" if same else f"IMAGES DIFFER: {first}, {second}"


def measure(corpus: Corpus, count: int, runs: int) -> None:
    """Everything about one corpus."""
    sizes = [count // 8, count // 4, count // 2, count]
    for size in sizes:
        corpus.build(size)
    print(f"\n{corpus.describe(count)}")
    show(compare(commands(count), runs=runs, cwd=corpus.directory), "GNU ld")
    print(_same(corpus, "gnu.elf", "oro.elf"))
    relink(corpus, count, runs)
    print("peak memory")
    memory = {name: peak(line, corpus.directory)[1] for name, line in commands(count).items()}
    for name, megabytes in memory.items():
        print(f"{name:<8}  {megabytes:7.0f} MB  {megabytes / memory['GNU ld']:8.2f}x")
    for name in commands(count):
        lines = {size: commands(size)[name] for size in sizes}
        growth(name, lines, corpus.directory)


def start_up(runs: int) -> None:
    """Links of almost nothing: what is left is starting."""
    directory = CORPORA["small"].directory
    one = ["-T", "kernel.ld", "o0.o", "-o"]
    times = compare(
        {
            "GNU ld": ["ld", *one, "gnu.elf"],
            "oro-ld": [*_ORO_LD, *one, "oro.elf"],
            "oro-ld --version": [*_ORO_LD, "--version"],
            "python": [sys.executable, "-c", "pass"],
            "python, numpy": [sys.executable, "-c", "import numpy"],
        },
        runs=runs,
        cwd=directory,
    )
    print("\none object")
    show(times, "python")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--profile", action="store_true", help="print where the time goes")
    options.add_argument("--objects", type=int, default=800)
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--corpus", choices=CORPORA, action="append")
    chosen = options.parse_args()
    for name in chosen.corpus or CORPORA:
        measure(CORPORA[name], chosen.objects, chosen.runs)
    start_up(chosen.runs)
    if chosen.profile:
        corpus = CORPORA[(chosen.corpus or ["large"])[-1]]
        profile("oro_ld", commands(chosen.objects)["oro-ld"][len(_ORO_LD) :], corpus.directory)


if __name__ == "__main__":
    begun = time.perf_counter()
    main()
    print(f"\nmeasured in {time.perf_counter() - begun:.0f} s")

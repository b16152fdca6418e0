"""oro-ld against GNU ld and ld.lld: whole processes, on 800 objects of generated C.

    python benchmarks/linker.py [--profile] [--objects N] [--runs N]

The objects are compiled once, in build/benchmarks/objects, with -ffunction-sections -g; their
tables have 73,000 symbols (32,000 of them with a name) and 289,000 relocations, 83,000 of these
in what is loaded. The images of GNU ld and oro-ld must be the same bytes. An object refers only to those before it, so every prefix of the list is a
program of its own: that is how growth is measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from measure import compare, environment, growth, peak, profile, show

ROOT: Final = Path(__file__).resolve().parents[1]
WORK: Final = ROOT / "build" / "benchmarks"
OBJECTS: Final = WORK / "objects"
_FUNCTIONS: Final = 16
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


def source(number: int) -> str:
    """The C file `number`: functions that call and read what earlier files define."""
    earlier = [(number * 7 + 13 * k) % number for k in range(8)] if number else []
    lines = ["struct item { struct item *next; const char *name; int (*call)(int); long v[4]; };"]
    for k, other in enumerate(earlier):
        lines += [f"extern int f{other}_{k}(int);", f"extern struct item item{other}_{k % 8};"]
    for k in range(8):
        call = f"f{earlier[k]}_{k}" if earlier else "0"
        after = f"&item{earlier[k]}_{k % 8}" if earlier else "0"
        lines += [
            f'struct item item{number}_{k} = {{{after}, "item {number} {k}", {call}, {{{k}}}}};',
            f"long counter{number}_{k};",
            f"static int table{number}_{k}[{4 + k}];",
        ]
    for k in range(_FUNCTIONS):
        use = ""
        if earlier:
            other = k % 8
            use = f"x += f{earlier[other]}_{other}(x) + item{earlier[other]}_{other}.v[{k % 4}];"
        lines.append(
            f"int f{number}_{k}(int x) {{ counter{number}_{k % 8} += x;"
            f" table{number}_{k % 8}[x & 3]++; {use}"
            f" item{number}_{k % 8}.v[1] = x; return x * {number + k + 3}; }}"
        )
    if number == 0:
        lines.append(
            '__attribute__((section(".text.start"))) void start(void) { f0_0(1); for (;;); }'
        )
    return "\n".join(lines) + "\n"


def corpus(count: int) -> list[str]:
    """The names of `count` objects, relative to OBJECTS; those that are missing are compiled."""
    OBJECTS.mkdir(parents=True, exist_ok=True)
    (OBJECTS / "kernel.ld").write_text(SCRIPT)
    names = [f"o{number}.o" for number in range(count)]

    def compile_one(number: int) -> None:
        if (OBJECTS / f"o{number}.o").exists():
            return
        (OBJECTS / f"o{number}.c").write_text(source(number))
        subprocess.run(
            ["gcc", *_FLAGS, f"o{number}.c", "-o", f"part{number}"], cwd=OBJECTS, check=True
        )
        (OBJECTS / f"part{number}").rename(OBJECTS / f"o{number}.o")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, range(count)))
    (OBJECTS / f"list{count}").write_text("\n".join(names))
    return names


def describe(count: int) -> str:
    """What is in the objects, by readelf."""
    shown = subprocess.run(
        ["readelf", "-SW", f"@list{count}"], cwd=OBJECTS, check=True, capture_output=True, text=True
    ).stdout
    symbols = relocations = loaded = 0
    for line in shown.splitlines():
        fields = line.partition("]")[2].split()
        if len(fields) > 5 and fields[1] == "SYMTAB":
            symbols += int(fields[4], 16) // 24
        elif len(fields) > 5 and fields[1] == "RELA":
            relocations += int(fields[4], 16) // 24
            loaded += 0 if ".debug" in fields[0] else int(fields[4], 16) // 24
    return (
        f"{count} objects, {symbols} symbols, {relocations} relocations, "
        f"{loaded} of them in what is loaded"
    )


def commands(count: int) -> dict[str, list[str | Path]]:
    """The three linkers on the first `count` objects."""
    rest = ["-T", "kernel.ld", f"@list{count}", "-o"]
    return {
        "GNU ld": ["ld", *rest, "gnu.elf"],
        "ld.lld": ["ld.lld", *rest, "lld.elf"],
        "oro-ld": [*_ORO_LD, *rest, "oro.elf"],
    }


def image(name: str) -> bytes:
    """What an ELF executable loads, by GNU objcopy."""
    subprocess.run(["objcopy", "-O", "binary", name, f"{name}.bin"], cwd=OBJECTS, check=True)
    return (OBJECTS / f"{name}.bin").read_bytes()


def relink(count: int, runs: int) -> float:
    """Median seconds of linking in a process that has linked, after one object changed."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom orobuild import linker\n"
        "from orobuild.linker import script as scripts\n"
        "script = scripts.parse(Path('kernel.ld').read_text(), 'kernel.ld', read_file=None)\n"
        "names = Path(sys.argv[1]).read_text().split()\n"
        "inputs = [linker.LinkInput(n, Path(n).read_bytes()) for n in names]\n"
        "options = linker.LinkOptions(strict=False, orphan_handling='place')\n"
        "for turn in range(int(sys.argv[2])):\n"
        "    start = time.perf_counter()\n"
        "    name = names[turn]\n"
        "    inputs[turn] = linker.LinkInput(name, bytes(bytearray(Path(name).read_bytes())))\n"
        "    linker.link(inputs, script, options)\n"
        "    print(time.perf_counter() - start)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"list{count}", str(runs + 1)],
        cwd=OBJECTS, check=True, capture_output=True, text=True, env=environment(),
    )  # fmt: skip
    return statistics.median(map(float, done.stdout.split()[1:]))


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--profile", action="store_true", help="print where the time goes")
    options.add_argument("--objects", type=int, default=800)
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    count = chosen.objects
    sizes = [count // 8, count // 4, count // 2, count]
    for size in sizes:
        corpus(size)
    print(describe(count))
    medians = compare(commands(count), runs=chosen.runs, cwd=OBJECTS)
    medians["oro-ld, again in one process, one object new"] = relink(count, chosen.runs)
    show(medians, "GNU ld")
    print("images are the same" if image("gnu.elf") == image("oro.elf") else "IMAGES DIFFER")
    print("\npeak memory")
    memory = {name: peak(command, OBJECTS)[1] for name, command in commands(count).items()}
    for name, megabytes in memory.items():
        print(f"{name:<8}  {megabytes:7.0f} MB  {megabytes / memory['GNU ld']:8.2f}x")
    print()
    for name in commands(count):
        growth(name, {size: commands(size)[name] for size in sizes}, OBJECTS)
    if chosen.profile:
        profile("oro_ld", commands(count)["oro-ld"][len(_ORO_LD) :], OBJECTS)


if __name__ == "__main__":
    begun = time.perf_counter()
    main()
    print(f"\nmeasured in {time.perf_counter() - begun:.0f} s")

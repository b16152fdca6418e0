"""oro-as against GNU as and clang: whole processes, on instructions of a real program.

    python benchmarks/assembler.py [--profile] [--million]

The corpus is the text of gcc's compiler proper, disassembled by objdump and made to assemble
again: branches go to labels, data to symbols. It is made once, in build/benchmarks. The
trampoline file is what a kernel's interrupt stubs look like: macros, expressions, sections.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from measure import compare, environment, growth, profile, show

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
WORK: Final = ROOT / "build" / "benchmarks"
_LINE: Final = re.compile(r"^ *([0-9a-f]+):\t(.+?) *$")
_BRANCH: Final = re.compile(
    r"^((?:bnd |notrack )?(?:j[a-z]+|call[a-z]*|loop[a-z]*) +)([0-9a-f]+) <.*>$"
)
_RIP: Final = re.compile(r"-?0x[0-9a-f]+\(%rip\)(.*?) +# ([0-9a-f]+)(?: <.*>)?$")
# What objdump prints and no assembler reads, or reads as something else.
_UNREADABLE: Final = re.compile(
    r"\(bad\)|data16|^(?:cs|ds|es|ss|addr32|rex\S*|repz|repnz)$|^\.byte"
)
_PLAIN: Final = (sys.executable, "-c", "from orobuild.cli import oro_as; oro_as()")
_ORO_AS: Final = ("env", "OROBUILD_ENCODING_CACHE=off", *_PLAIN)
_CACHED: Final = ("env", f"OROBUILD_ENCODING_CACHE={WORK / 'encodings'}", *_PLAIN)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def disassembled() -> Iterator[tuple[int, str]]:
    """Addresses and instructions of cc1's .text, from two fifths on: its start is uniform."""
    program = _output("gcc", "-print-prog-name=cc1").strip()
    header = next(
        line for line in _output("objdump", "-h", program).splitlines() if " .text " in line
    )
    size, address = (int(field, 16) for field in header.split()[2:4])
    start = address + size * 2 // 5
    command = [
        "objdump",
        "-d",
        "-j",
        ".text",
        "--no-show-raw-insn",
        f"--start-address={start}",
        program,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            match = _LINE.match(line)
            if match and not _UNREADABLE.search(match[2]):
                yield int(match[1], 16), match[2]
        process.kill()


def corpus(count: int) -> Path:
    """A file of `count` instructions that GNU as accepts."""
    path = WORK / f"instructions_{count}.s"
    if not path.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        program = disassembled()
        listed = list(islice(program, count))
        program.close()  # type: ignore[attr-defined] # it is a generator
        lines = [".text", *_assembly(listed)]
        path.write_text("\n".join(_accepted(lines)) + "\n")
    return path


def _assembly(listed: list[tuple[int, str]]) -> Iterator[str]:
    inside = {address for address, _ in listed}
    branches = {address: _BRANCH.match(text) for address, text in listed}
    targets = {int(match[2], 16) for match in branches.values() if match}
    for address, text in listed:
        if address in targets:
            yield f".L{address:x}:"
        match = branches[address]
        if match:
            target = int(match[2], 16)
            yield f"\t{match[1]}{'.L' if target in inside else 'far_'}{target:x}"
            continue
        yield "\t" + _RIP.sub(r"data_\2(%rip)\1", text)


def _accepted(lines: list[str]) -> list[str]:
    """`lines` without those that GNU as refuses."""
    text = "\n".join(lines) + "\n"
    done = subprocess.run(
        ["as", "-o", "/dev/null", "-"], input=text, capture_output=True, text=True, check=False
    )
    wrong = {
        int(n) for n in re.findall(r"^\{standard input\}:(\d+): Error", done.stderr, re.MULTILINE)
    }
    return [line for number, line in enumerate(lines, 1) if number not in wrong]


TRAMPOLINES: Final = """\
    .section .text.stubs,"ax",@progbits
.macro isr vector, error=0
    .globl isr_\\vector
    .type isr_\\vector, @function
isr_\\vector:
    .if \\error == 0
    pushq $0
    .endif
    pushq $\\vector
    jmp isr_common
    .size isr_\\vector, . - isr_\\vector
.endm
"""


def trampolines() -> Path:
    """About 1,000 lines as in a kernel's stubs."""
    path = WORK / "trampolines.s"
    path.parent.mkdir(parents=True, exist_ok=True)
    registers = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", *(f"r{n}" for n in range(8, 16))]
    lines = [TRAMPOLINES]
    lines += [
        f"    isr {n}, {int(n in (8, 10, 11, 12, 13, 14, 17, 21, 29, 30))}" for n in range(256)
    ]
    for number in range(16):
        lines += [f"path_{number}:" if number else "isr_common:"]
        lines += [f"    pushq %{register}" for register in registers]
        lines += ["    movq %rsp, %rdi", "    cld", "    call handler", "    testl %eax, %eax"]
        lines += ["    jz 1f", f"    movq %gs:{8 * number}, %rax", "1:"]
        lines += [f"    popq %{register}" for register in reversed(registers)]
        lines += ["    addq $16, %rsp", "    iretq"]
    lines += ['    .section .rodata,"a",@progbits', "table:"]
    lines += [f"    .quad isr_{number}" for number in range(256)]
    path.write_text("\n".join(lines) + "\n")
    return path


def resident(path: Path, runs: int = 5) -> float:
    """Median seconds of assembling again in a process that has assembled before."""
    code = (
        "import sys, time\nfrom orobuild import assembler\n"
        "text = open(sys.argv[1]).read()\n"
        "for turn in range(int(sys.argv[2])):\n"
        "    start = time.perf_counter()\n"
        "    assembler.assemble(text, 'x.s', assembler.Options(strict=False), read_file=None)\n"
        "    print(time.perf_counter() - start)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path, str(runs + 1)],
        check=True, capture_output=True, text=True, env=environment(),
    )  # fmt: skip
    return statistics.median(map(float, done.stdout.split()[1:]))


_PHASES: Final = """\
import gc, sys, time
clock = time.process_time
begun = clock()
from orobuild.assembler import Options, emission, instructions, output, relaxation, relocation, unit
from orobuild.cli.commands import oro_as
spent = {"start-up, Python and imports": clock()}
inside = []
def measured(owner, name, label):
    function = getattr(owner, name)
    def timed(*arguments, **options):
        start = clock()
        inside.append(0.0)
        try:
            return function(*arguments, **options)
        finally:
            taken = clock() - start
            spent[label] = spent.get(label, 0.0) + taken - inside.pop()
            if inside:
                inside[-1] += taken
    setattr(owner, name, timed)
measured(unit, "scrub", "source to statements")
measured(instructions.Encoder, "learn", "encoding and decoding back, imports of both")
measured(instructions.batch, "encode", "statements cut and filled in")
measured(unit.Unit, "read", "reading statements and labels")
measured(emission, "settle", "fragments and fixes")
measured(relaxation, "relax", "relaxation")
measured(relocation.Relocator, "section", "relocation")
measured(output, "build", "symbol table and file")
measured(oro_as, "run", "the rest")
gc.disable()
oro_as.run(sys.argv[1:])
total = clock()
for label, seconds in spent.items():
    print(f"  {label:<45}{seconds:7.3f} s {seconds / total:6.1%}")
"""


def breakdown(path: Path) -> None:
    """Print what the processor's time without a cache is made of."""
    code = "import os; os.environ['OROBUILD_ENCODING_CACHE'] = 'off'\n" + _PHASES
    command = [sys.executable, "-c", code, path, "-o", WORK / "oro.o"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    print(f"\n{path.relative_to(ROOT)} without a cache, user+sys:\n{done.stdout}")


def edited(path: Path) -> list[str]:
    """A command that assembles `path` with another first instruction each time."""
    changed = WORK / "edited.s"
    make = f'(echo "addl \\$$$, %eax"; cat "{path}") > "{changed}"'
    run = " ".join(f"'{word}'" for word in (*_CACHED, changed, "-o", WORK / "edited.o"))
    return ["sh", "-c", f"{make} && exec {run}"]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--profile", action="store_true", help="print where the time goes")
    options.add_argument("--million", action="store_true", help="grow to 1,000,000 instructions")
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    big, small = corpus(100_000), trampolines()
    print(f"{big.relative_to(ROOT)}: {len(big.read_text().splitlines())} lines")
    medians = compare(
        {
            "clang -c": ["clang", "-c", big, "-o", WORK / "clang.o"],
            "GNU as": ["as", big, "-o", WORK / "gnu.o"],
            "oro-as, no cache": [*_ORO_AS, big, "-o", WORK / "oro.o"],
            "oro-as, one line changed": edited(big),
            "oro-as, nothing changed": [*_CACHED, big, "-o", WORK / "cached.o"],
        },
        runs=chosen.runs,
        cwd=ROOT,
    )
    medians["oro-as, again in one process"] = resident(big, chosen.runs)
    show(medians, "clang -c")
    breakdown(big)
    print(f"\n{small.relative_to(ROOT)}: {len(small.read_text().splitlines())} lines")
    medians = compare(
        {
            "python -c pass": [sys.executable, "-c", "pass"],
            "GNU as": ["as", small, "-o", WORK / "gnu.o"],
            "oro-as, no cache": [*_ORO_AS, small, "-o", WORK / "oro.o"],
            "oro-as, nothing changed": [*_CACHED, small, "-o", WORK / "cached_small.o"],
            "oro-as --version": [*_ORO_AS, "--version"],
        },
        runs=2 * chosen.runs,
        cwd=ROOT,
    )
    show(medians, "python -c pass")
    above = (medians["oro-as, no cache"] - medians["python -c pass"]) * 1000
    print(f"{above:.0f} ms above bare Python (at most 150)\n")
    sizes = (10_000, 100_000, *((1_000_000,) if chosen.million else ()))
    for name, program in (("oro-as", _ORO_AS), ("GNU as", ("as",)), ("clang -c", ("clang", "-c"))):
        growth(name, {n: [*program, corpus(n), "-o", WORK / "grown.o"] for n in sizes}, ROOT)
    if chosen.profile:
        profile("oro_as", [big, "-o", WORK / "oro.o"], ROOT)


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"\nmeasured in {time.perf_counter() - start:.0f} s")

"""Seeded ways of breaking the kernel, and the rule that is meant to find each.

    python tests/lint/kernel_mutations.py [--profile debug|release]

prints the table: every way applied, built where it is a change of source, and what found it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # as a program: pytest knows where the tests are, Python does not
    sys.path.insert(0, str(Path(__file__).parents[1]))

from lint.kernel_image_mutations import BYTES, CONFIG, ROOT, TEXT, Image
from orobuild.elf import reader
from orobuild.lint import check_builds, check_image, files
from orobuild.pipeline.build import Request, build
from orobuild.project import load


def findings(data: bytes) -> set[str]:
    return {str(f.rule) for f in check_image(reader.read(data, "oro.elf"), config=CONFIG)}


def copy_project(folder: Path) -> Path:
    """A copy of the kernel's project that builds no disk image, with a cache of its own."""
    for tree in ("asm", "kernel", "linker_scripts"):
        shutil.copytree(ROOT / tree, folder / tree)
    text = (ROOT / "pyproject.toml").read_text() + "\n[tool.orobuild.image]\ndisk = false\n"
    (folder / "pyproject.toml").write_text(text)
    return folder


SOURCES = [
    (
        "no .section line",
        ("asm/isr_common.S", '.section .text.isr_common,"ax",@progbits\n', ""),
        {"SEG001", "SEG017"},
    ),
    (
        "section without flags",
        ("asm/isr_common.S", '.section .text.isr_common,"ax",@progbits', ".section .isr_common"),
        {"SEG001", "SEG017"},
    ),
    ("no cld", ("asm/isr_common.S", "    cld\n", ""), {"IDT004"}),
    ("no cld on exceptions", ("asm/isr_common_exc.S", "    cld\n", ""), {"IDT004"}),
    ("no swapgs", ("asm/isr_common.S", "    swapgs\n", ""), {"IDT005"}),
    ("two swapgs", ("asm/isr_common.S", "    swapgs\n", "    swapgs\n    swapgs\n"), {"IDT005"}),
    (
        "no swapgs on exceptions from ring 3",
        ("asm/isr_common_exc.S", "    swapgs\n", ""),
        {"IDT005"},
    ),
    (
        "swapgs on interrupts from ring 0",
        ("asm/isr_common.S", "    jz 1f\n", "    jnz 1f\n"),
        {"IDT005"},
    ),
    (
        "no swapgs on an IST stack",
        ("asm/isr_common_ist.S", "    swapgs\n", ""),
        {"IDT005"},
    ),
    (
        "no cld on an IST stack",
        ("asm/isr_common_ist.S", "    cld\n", ""),
        {"IDT004"},
    ),
    (
        "no interrupt stacks in the TSS",
        ("kernel/arch/descriptors.c", "core->tss.ist[i] = ist_tops[i];", "(void)ist_tops;"),
        {"HW006"},
    ),
    (
        "I/O map forgotten in the TSS",
        ("kernel/arch/descriptors.c", "core->tss.io_map_base = sizeof(core->tss);", ""),
        {"HW005"},
    ),
    (
        "TSS with a limit that is too small",
        ("kernel/arch/descriptors.c", "sizeof(core->tss) - 1;", "sizeof(core->tss) - 17;"),
        {"HW005"},
    ),
    (
        "address of the TSS split wrong",
        ("kernel/arch/descriptors.c", "(base >> 24 & 0xff) << 56", "(base >> 24 & 0xff) << 48"),
        {"HW004"},
    ),
    (
        "address of the handlers split wrong",
        ("kernel/arch/descriptors.c", "(uint16_t)(address >> 16)", "(uint16_t)(address >> 32)"),
        {"HW004"},
    ),
    (
        "gates of the wrong type",
        (
            "kernel/arch/descriptors.c",
            "GATE_INTERRUPT_USER : GATE_INTERRUPT",
            "GATE_INTERRUPT_USER : 0x82",
        ),
        {"IDT015"},
    ),
    (
        "error code of #AC",
        ("kernel/abi/vectors.h", "| 1 << 17 |", "|"),
        {"IDT002", "IDT005", "IDT006"},
    ),
    (
        "two registers pushed in the wrong order",
        (
            "asm/include/frame.inc",
            "    pushq %rsi\n    pushq %rdi\n",
            "    pushq %rdi\n    pushq %rsi\n",
        ),
        {"IDT006"},
    ),
    (
        "a register overwritten before it is pushed",
        ("asm/isr_common.S", "    cld\n", "    cld\n    xorl %ecx, %ecx\n"),
        {"IDT006"},
    ),
    (
        "a register not pushed",
        ("asm/include/frame.inc", "    pushq %r11\n", ""),
        {"IDT005", "IDT006", "IDT012"},
    ),
    (
        "no synthetic error codes for device interrupts",
        (
            "asm/include/frame.inc",
            "    .if \\vector >= VECTOR_EXCEPTIONS\n    pushq $0\n",
            "    .if \\vector >= VECTOR_EXCEPTIONS\n",
        ),
        {"IDT005", "IDT006"},
    ),
]


# Changes of a file that are found in the file itself: (name, file, old, new, rules).
TEXTS = [
    (
        "no section line",
        "asm/user_copy.S",
        '.section .text.user_copy,"ax",@progbits\n',
        "",
        {"ASM001"},
    ),
    (
        "code among constants",
        "asm/user_copy.S",
        '.section .text.user_copy,"ax",@progbits',
        ".section .rodata",
        {"ASM006"},
    ),
    (
        "code in data",
        "asm/user_copy.S",
        '.section .text.user_copy,"ax",@progbits',
        ".data",
        {"ASM005"},
    ),
    (
        "custom section without flags",
        "asm/user_copy.S",
        '.section .text.user_copy,"ax",@progbits',
        ".section .fast_code",
        {"ASM008"},
    ),
    (
        "function without a type",
        "asm/user_copy.S",
        "    .type _oro_user_copy, @function\n",
        "",
        {"ASM010"},
    ),
    (
        "segment without flags",
        "linker_scripts/kernel.ld",
        " PT_LOAD FLAGS(4);  ",
        " PT_LOAD;  ",
        {"LDS001"},
    ),
    (
        "segment W and X",
        "linker_scripts/kernel.ld",
        "text   PT_LOAD FLAGS(5)",
        "text   PT_LOAD FLAGS(7)",
        {"LDS002", "LDS003"},
    ),
    (
        "constants in the data segment",
        "linker_scripts/kernel.ld",
        "} :rodata",
        "} :data",
        {"LDS003", "LDS004"},
    ),
    (
        "no new page before the data",
        "linker_scripts/kernel.ld",
        "    . = ALIGN(PAGE);\n    .data",
        "    .data",
        {"LDS004"},
    ),
    (
        "strings are orphans",
        "linker_scripts/kernel.ld",
        "*(.rodata .rodata.*)",
        "*(.rodata)",
        {"LDS006"},
    ),
    (
        "unwind tables are orphans",
        "linker_scripts/kernel.ld",
        ".comment .eh_frame .note.GNU-stack .note.gnu.*",
        ".comment",
        {"LDS006"},
    ),
    (
        "a pattern that matches nothing more",
        "linker_scripts/kernel.ld",
        "*(.data .data.*)",
        "*(.data .data.*)\n        KEEP(*(.data.first))",
        {"LDS005"},
    ),
]


def text_findings(file: str, old: str, new: str) -> set[str]:
    text = (ROOT / file).read_text()
    assert old in text, f"{file} has changed: adapt this table"
    data = text.replace(old, new, 1).encode()
    return {str(f.rule) for f in files.check_bytes(data, str(ROOT / file), CONFIG)}


def build_findings(project: Path, profile: str, change: tuple[str, str, str]) -> set[str]:
    """What is found in the kernel that is built from changed sources."""
    file, old, new = change
    path = project / file
    text = path.read_text()
    assert old in text, f"{file} has changed: adapt this table"
    try:
        path.write_text(text.replace(old, new, 1))
        broken = build(load(project), Request(profile=profile, unchecked=True))
        return findings(broken.kernel.read_bytes())
    finally:
        path.write_text(text)


def moved_symbol(kernel: bytes) -> set[str]:
    """Two builds of which one has its stubs in another segment."""
    image = Image(kernel)
    image.segment(TEXT, p_flags=4)
    first, second = reader.read(kernel, "debug.elf"), reader.read(bytes(image.data), "oro.elf")
    return {str(f.rule) for f in check_builds(first, second, config=CONFIG)}


def rows(profile: str) -> Iterator[tuple[str, str, set[str], set[str], set[str]]]:
    """(kind, name, what must be found, what may be, what is) of every way."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        kernel = build(load(project), Request(profile=profile)).kernel.read_bytes()
        for mutation in BYTES:
            image = Image(kernel)
            mutation.change(image)
            found = findings(bytes(image.data))
            yield "bytes", mutation.name, {mutation.rule}, mutation.others, found
        for name, file, old, new, rules in TEXTS:
            kind = "script" if file.endswith(".ld") else "source"
            yield kind, name, rules, set(), text_findings(file, old, new)
        yield "two builds", "stubs in another segment", {"BLD001"}, set(), moved_symbol(kernel)
        for name, change, rules in SOURCES:
            yield "source, built", name, rules, set(), build_findings(project, profile, change)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", choices=("debug", "release"), default="release")
    profile = parser.parse_args().profile
    missed = total = 0
    print("| changed | way | rule | found |\n|---|---|---|---|")
    for kind, name, wanted, others, found in rows(profile):
        good = wanted <= found <= wanted | others
        total, missed = total + 1, missed + (not good)
        verdict = "" if good else " **missed**"
        print(
            f"| {kind} | {name} | {', '.join(sorted(wanted))} | {', '.join(sorted(found))}{verdict} |",
            flush=True,
        )
    print(f"\n{total - missed} of {total} are found by the rule that is meant to, and by no other.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

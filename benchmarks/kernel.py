"""What the kernel's paths cost: instructions and CR3 loads, beside a quarter of a minimal Linux's.

Counted from a log of every instruction (kernel_trace.py), so the figures are the same on every
machine. The yardstick was counted with QEMU's `-icount shift=0` on a minimal Linux 6.1, one core,
mitigations off. Waiting for clocks and the serial port is left out.

    python3 benchmarks/kernel.py [--profile debug]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import kernel_paths
from elftools.elf.elffile import ELFFile
from kernel_trace import Image, copy_and_build, disassemble, record

STACK_SWITCH = """\
.section .text.kernel_thread,"ax",@progbits
.code64
    .globl _oro_switch_stacks
    .type _oro_switch_stacks, @function
_oro_switch_stacks:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size _oro_switch_stacks, . - _oro_switch_stacks
"""

THROUGH_A_KERNEL_THREAD = (
    ("asm/kernel_thread.S", "", STACK_SWITCH),
    (
        "kernel/sched/scheduler.c",
        "    switch_to(core, next);\n    if (!last)",
        """\
    if (!thread_rsp) {
        thread_rsp = (uint64_t)&thread_stack[120];
        thread_stack[126] = (uint64_t)kernel_thread;
    }
    switch_to(core, NULL);
    _oro_switch_stacks(&event_rsp, &thread_rsp);
    switch_to(core, next);
    if (!last)""",
    ),
    (
        "kernel/sched/scheduler.c",
        "/* The core leaves its thread for the next one",
        """\
extern void _oro_switch_stacks(uint64_t *save, const uint64_t *load);
static uint64_t thread_stack[128], thread_rsp, event_rsp;

_Noreturn static void kernel_thread(void)
{
    for (;;)
        _oro_switch_stacks(&thread_rsp, &event_rsp);
}

/* The core leaves its thread for the next one""",
    ),
)
"""The design that was rejected: every switch goes through a thread of the kernel's, which has a
stack and an address space. What it would decide is decided before; only the switches are added."""


def cr3_loads(path: list[int], texts: dict[int, str]) -> int:
    """How many of the instructions load CR3."""
    return sum(texts.get(address, "").endswith(",%cr3") for address in path)


def print_paths(image: Image) -> dict[str, list[int]]:
    """The table; returns the paths."""
    one_core, two_cores = record(image), record(image, cores=2)
    paths = kernel_paths.find(image, one_core, two_cores)
    texts = disassemble(image.kernel)
    print(f"{'':58}{'instructions':>12}{'CR3 loads':>11}{'Linux / 4':>11}")
    for path in kernel_paths.PATHS:
        addresses = paths[path.name]
        quarter = f"{path.linux / 4:g}" if path.linux else ""
        loads = cr3_loads(addresses, texts)
        print(f"{path.title:58}{len(addresses):12,}{loads:11}{quarter:>11}")
    boot = one_core.boot
    print(f"{'boot: kernel entry to the first instruction of ring 3':58}{boot:12,}")
    return paths


def print_rejected(profile: str, paths: dict[str, list[int]]) -> None:
    """A yield that switches, directly and through a thread of the kernel's."""
    with tempfile.TemporaryDirectory() as folder:
        image = copy_and_build(Path(folder), profile, *THROUGH_A_KERNEL_THREAD)
        path = kernel_paths.usual_yield(image, record(image))
        loads = cr3_loads(path, disassemble(image.kernel))
    ratio = len(path) / len(paths["yield"])
    title = f"the yield through a kernel thread (rejected): {ratio:.2f}x"
    print(f"{title:58}{len(path):12,}{loads:11}")


def print_sizes(kernel: Path) -> None:
    """The sections that are loaded."""
    with kernel.open("rb") as file:
        sections = [
            (section.name, section["sh_size"])
            for section in ELFFile(file).iter_sections()
            if section["sh_flags"] & 2  # SHF_ALLOC
        ]
    for name, size in (*sections, ("together", sum(size for _, size in sections))):
        print(f"{name:58}{size:12,} bytes")


def main() -> None:
    """Build, boot, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="release")
    profile = parser.parse_args().profile
    print(f"profile {profile}, QEMU one instruction at a time, cpu max\n")
    with tempfile.TemporaryDirectory() as folder:
        image = copy_and_build(Path(folder), profile)
        paths = print_paths(image)
        print_rejected(profile, paths)
        print()
        print_sizes(image.kernel)


if __name__ == "__main__":
    main()

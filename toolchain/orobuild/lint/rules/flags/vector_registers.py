"""Code that may only use general registers uses x87, MMX, SSE or AVX ones.

## What it does

In a kernel image (one that a boot loader enters, or that lies in the upper half of the address
space), looks at the functions whose names match `general-registers-only` (`["*"]` means all code that is
reached, `"!NAME"` after it lifts the restriction for some) for instructions that read or write x87, MMX, SSE, AVX or mask registers. Instructions
that save, restore or initialise the whole state (`fxsave`, `xrstor`, `fninit`, `ldmxcsr` and
their like) are passed, and so are fences and prefetches.

## Why is this bad?

On a path that does not save them, these registers still hold a user thread's values: the kernel
destroys them, or reads them. With CR0.TS or CR0.EM set the instruction raises an exception
instead, inside the kernel.

## Example

```c
struct point { double x, y; };          /* copied with movups at -O2 */
```

## Fix

```
clang -mgeneral-regs-only -c sched.c
```

## Source

Intel SDM Vol. 3A §2.5 (CR0.EM, CR0.TS) and chapter 13; GCC manual, `-mgeneral-regs-only`.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from iced_x86 import CpuidFeature, Instruction, InstructionInfoFactory, Mnemonic, RegisterExt

from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

_X87 = frozenset((CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387))
_WHOLE_STATE = frozenset(
    getattr(Mnemonic, name)
    for name in [
        "FXSAVE",
        "FXSAVE64",
        "FXRSTOR",
        "FXRSTOR64",
        "XSAVE",
        "XSAVE64",
        "XSAVEC",
        "XSAVEC64",
        "XSAVEOPT",
        "XSAVEOPT64",
        "XSAVES",
        "XSAVES64",
        "XRSTOR",
        "XRSTOR64",
        "XRSTORS",
        "XRSTORS64",
        "FNINIT",
        "FINIT",
        "FNCLEX",
        "FNSAVE",
        "FRSTOR",
        "FNSTCW",
        "FLDCW",
        "FNSTSW",
        "LDMXCSR",
        "STMXCSR",
        "VLDMXCSR",
        "VSTMXCSR",
        "EMMS",
        "WAIT",
        "VZEROALL",
        "VZEROUPPER",
    ]
)


def check(program: Program) -> Iterator[Finding]:
    """One finding a function: its first such instruction, and how many there are."""
    patterns = program.config.general_registers_only
    if not patterns or not program.is_kernel:
        return
    factory = InstructionInfoFactory()
    known: dict[int, bool] = {}  # by iced's code, which determines the kinds of operands
    found: dict[str | None, list[int]] = {}
    for _, decoder in program.flow.instructions():
        for instruction in decoder:
            code = instruction.code
            uses = known.get(code)
            if uses is None:
                uses = known[code] = _uses_vector_registers(instruction, factory)
            if uses:
                symbol = program.symbols.at(instruction.ip)
                name = symbol.name if symbol else None
                found.setdefault(name, []).append(instruction.ip)
    for name, addresses in found.items():
        if _is_restricted(name or "", patterns):
            more = f", and {len(addresses) - 1} more" if addresses[1:] else ""
            yield program.finding(
                f"the instruction at {addresses[0]:#x} ({program.place(addresses[0])}){more} uses "
                "registers that nobody saves here: a user thread's values are in them",
                hint="compile with -mgeneral-regs-only",
                evidence=program.evidence(addresses[0]),
            )


def _is_restricted(name: str, patterns: tuple[str, ...]) -> bool:
    """The last pattern that matches decides; one with `!` in front lifts the restriction."""
    restricted = False
    for pattern in patterns:
        if fnmatch.fnmatchcase(name, pattern.removeprefix("!")):
            restricted = not pattern.startswith("!")
    return restricted


def _uses_vector_registers(instruction: Instruction, factory: InstructionInfoFactory) -> bool:
    if instruction.mnemonic in _WHOLE_STATE:
        return False
    if not _X87.isdisjoint(instruction.cpuid_features()):
        return True
    return any(
        RegisterExt.is_vector_register(used.register)
        or RegisterExt.is_mm(used.register)
        or RegisterExt.is_st(used.register)
        or RegisterExt.is_k(used.register)
        for used in factory.info(instruction).used_registers()
    )


RULE = Rule("FLG002", "vector-registers", __doc__, check)

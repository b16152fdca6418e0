"""Indirect-branch tracking is declared, and a place that is reached indirectly lacks `endbr64`.

## What it does

Where the image declares IBT (its `.note.gnu.property`, or `cpu-features` has `ibt`), looks at the
first instruction of what indirect branches and events reach: the handlers of the vector tables, the
entries of `syscall`, and the functions whose addresses lie in data. It must be `endbr64` (`endbr32`).

## Why is this bad?

With CET's IBT on, the processor raises #CP at any other instruction: for a handler of an
interrupt, the first interrupt is a double fault.

## Example

```gas
isr_32: push $0
    push $32
    jmp isr_common
```

## Fix

```gas
isr_32: endbr64
    push $0
```

In C, compile with `-fcf-protection=branch`.

## Source

Intel SDM Vol. 1 §17.3 (indirect branch tracking), §17.3.5 (events); x86-64 psABI,
GNU_PROPERTY_X86_FEATURE_1_IBT.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from iced_x86 import Decoder, Mnemonic

from orobuild.elf import constants as c
from orobuild.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.elf.structures import SectionHeader
    from orobuild.lint.finding import Finding
    from orobuild.lint.program import Program

ENDBR = frozenset((Mnemonic.ENDBR64, Mnemonic.ENDBR32))
NT_GNU_PROPERTY_TYPE_0 = 5
FEATURE_1_AND, IBT = 0xC0000002, 1


def check(program: Program) -> Iterator[Finding]:
    """One finding for each place."""
    if "ibt" not in program.config.cpu_features and not _is_declared(program):
        return
    for address, why in _targets(program).items():
        region = program.region_at(address)
        if region is None or region.width == 16:
            continue
        decoder = Decoder(region.width, region.data, ip=address)
        decoder.position = address - region.start
        if decoder.decode().mnemonic not in ENDBR:
            yield program.finding(
                f"{program.place(address)} is reached indirectly ({why}) and does not begin with "
                "endbr64: with IBT on, the processor raises #CP there",
                hint="begin it with endbr64; compile C with -fcf-protection=branch",
                evidence=program.evidence(address),
            )


def _targets(program: Program) -> dict[int, str]:
    found: dict[int, str] = {}
    for table in program.vector_tables:
        for vector, _, pointer in table.entries:
            found.setdefault(pointer, f"vector {vector} of {table.name}")
    if program.is_kernel:
        found.update(dict.fromkeys(program.contract.syscall_entries, "by syscall"))
    functions = {address for address, _ in program.functions}
    word = struct.Struct("<I" if program.elf.ei_class == c.ELFCLASS32 else "<Q")
    for section in program.sections:
        if not section.is_executable and _has_data(section):
            data = program.elf.section_data(section)
            data = data[-section.sh_addr % word.size :]
            for (value,) in word.iter_unpack(data[: len(data) // word.size * word.size]):
                if value in functions:
                    found.setdefault(value, f"a pointer in {section.name}")
    return found


def _has_data(section: SectionHeader) -> bool:
    return section.sh_type == c.SHT_PROGBITS and not section.name.startswith(
        (".eh_frame", ".debug")
    )


def _is_declared(program: Program) -> bool:
    section = program.elf.section(".note.gnu.property")
    if section is None:
        return False
    data = bytes(program.elf.section_data(section))
    if len(data) < 16 or data[12:16] != b"GNU\0":
        return False
    _, size, kind = struct.unpack_from("<III", data)
    align, at, end = (8 if program.default_width == 64 else 4), 16, min(16 + size, len(data))
    while kind == NT_GNU_PROPERTY_TYPE_0 and at + 12 <= end:
        what, length, value = struct.unpack_from("<III", data, at)
        if what == FEATURE_1_AND and length >= 4:
            return bool(value & IBT)
        at += 8 + -(-length // align) * align
    return False


RULE = Rule("FLG003", "indirect-target-without-endbr", __doc__, check)

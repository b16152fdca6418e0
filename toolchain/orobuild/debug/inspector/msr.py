"""`oro msr`. QEMU shows a few; the others are read as the kernel would, by running `rdmsr`.

That takes a processor in ring 0. One instruction is replaced for one step of this processor, with
interrupts held back by QEMU, and it and the registers are put back. Only registers that every
64-bit processor has are read without being asked for by number (Intel SDM Vol. 4).
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from orobuild.debug.inspector import processors
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.inspector.view import View

_RDMSR: Final = b"\x0f\x32"
_NAMES: Final = {
    "APIC_BASE": 0x1B,
    "PAT": 0x277,
    "EFER": 0xC0000080,
    "STAR": 0xC0000081,
    "LSTAR": 0xC0000082,
    "CSTAR": 0xC0000083,
    "SFMASK": 0xC0000084,
    "FS_BASE": 0xC0000100,
    "GS_BASE": 0xC0000101,
    "KERNEL_GS_BASE": 0xC0000102,
}
_OTHERS: Final = {
    "TSC": 0x10, "SPEC_CTRL": 0x48, "MTRRCAP": 0xFE, "SYSENTER_CS": 0x174, "SYSENTER_ESP": 0x175,
    "SYSENTER_EIP": 0x176, "MISC_ENABLE": 0x1A0, "MTRR_DEF_TYPE": 0x2FF, "TSC_DEADLINE": 0x6E0,
    "X2APIC_ID": 0x802, "XSS": 0xDA0, "TSC_AUX": 0xC0000103, "S_CET": 0x6A2, "U_CET": 0x6A0,
}  # fmt: skip
_TYPES: Final = {0: "UC", 1: "WC", 4: "WT", 5: "WP", 6: "WB", 7: "UC-"}


def msr(view: View, words: Sequence[str]) -> str:
    """The named registers, or those that matter to every kernel."""
    wanted = [_number(word) for word in words] if words else list(_NAMES.items())
    processor = view.target.processor
    if processor.ring != 0:
        raise UsageError(f"the processor is in ring {processor.ring}: rdmsr runs in ring 0 only")
    if processor.halted:
        raise UsageError(
            "the processor waits in hlt, so it runs nothing to read with; 'oro cr' has EFER"
        )
    lines = []
    for name, number in wanted:
        try:
            after = view.target.ask(
                "step",
                code=base64.b64encode(_RDMSR).decode("ascii"),
                write={"rcx": number},
                read=["rax", "rdx"],
            )
        except UsageError as reason:
            text = reason.diagnostics[0].message
            lines.append(f"{name or '':<15} {number:#010x}  {view.bad(text)}")
            continue
        value = (after["rdx"] & 0xFFFFFFFF) << 32 | after["rax"] & 0xFFFFFFFF
        label = view.style(f"{name:<15}", "label")
        lines.append(
            f"{label} {number:#010x}  {value:#018x}  {_meaning(view, name, value)}".rstrip()
        )
    return "".join(f"{line}\n" for line in lines)


def _number(word: str) -> tuple[str, int]:
    known = {**_NAMES, **_OTHERS}
    name = word.upper().removeprefix("IA32_").removeprefix("MSR_")
    if name in known:
        return name, known[name]
    if re.fullmatch(r"0x[0-9a-fA-F]{1,8}|\d{1,10}", word) and int(word, 0) < 1 << 32:
        number = int(word, 0)
        return next((n for n, value in known.items() if value == number), ""), number
    raise UsageError(f"'{word}' is no register: a number, or one of {', '.join(known)}")


def _meaning(view: View, name: str, value: int) -> str:
    if name in ("LSTAR", "CSTAR", "FS_BASE", "GS_BASE", "KERNEL_GS_BASE", "SYSENTER_EIP"):
        return view.style(view.name(value), "head")
    if name == "EFER":
        return processors.efer(view, value)[0].split("  ", 1)[-1]
    if name == "STAR":
        return (
            f"syscall CS {value >> 32 & 0xFFFF:#x}, SS {(value >> 32 & 0xFFFF) + 8:#x}; "
            f"sysret CS {(value >> 48) + 16:#x}, SS {(value >> 48) + 8:#x}"
        )
    if name == "PAT":
        kinds = (value >> 8 * i & 7 for i in range(8))
        return " ".join(_TYPES.get(kind, "?") for kind in kinds)
    if name == "APIC_BASE":
        flags = [n for bit, n in ((8, "BSP"), (10, "x2APIC"), (11, "enabled")) if value >> bit & 1]
        return f"registers at {value & 0x000FFFFFFFFFF000:#x}, {', '.join(flags) or 'off'}"
    return ""

"""Register numbers of DWARF (x86-64 psABI 1.0, figure 3.36; i386 psABI 1.1, table 2.14)."""

from __future__ import annotations

from typing import Final

_X86_64: Final = {
    **{
        name: index
        for index, name in enumerate(
            ("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
             *(f"r{n}" for n in range(8, 16)), "rip")
        )
    },
    **{f"xmm{n}": 17 + n for n in range(16)},
    **{f"xmm{n}": 67 + n - 16 for n in range(16, 32)},
    **{f"st({n})": 33 + n for n in range(8)},
    "st": 33,
    **{f"mm{n}": 41 + n for n in range(8)},
    "rflags": 49, "eflags": 49, "es": 50, "cs": 51, "ss": 52, "ds": 53, "fs": 54, "gs": 55,
    "fs.base": 58, "gs.base": 59, "tr": 62, "ldtr": 63, "mxcsr": 64, "fcw": 65, "fsw": 66,
    **{f"k{n}": 118 + n for n in range(8)},
    **{f"bnd{n}": 126 + n for n in range(4)},
}  # fmt: skip
_I386: Final = {
    **{
        name: index
        for index, name in enumerate(
            ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags")
        )
    },
    **{f"st({n})": 11 + n for n in range(8)},
    "st": 11,
    **{f"xmm{n}": 21 + n for n in range(8)},
    **{f"mm{n}": 29 + n for n in range(8)},
    "fcw": 37, "fsw": 38, "mxcsr": 39,
    "es": 40, "cs": 41, "ss": 42, "ds": 43, "fs": 44, "gs": 45, "tr": 48, "ldtr": 49,
    **{f"k{n}": 93 + n for n in range(8)},
}  # fmt: skip


def number(name: str, bits: int) -> int | None:
    """The DWARF number of register `name` (without ``%``), None when it has none."""
    return (_X86_64 if bits == 64 else _I386).get(name)

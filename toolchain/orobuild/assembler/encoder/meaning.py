"""Whether the decoder's name for an instruction is what an AT&T mnemonic, suffix included, means."""

from __future__ import annotations

import functools
from typing import Any, Final

from orobuild import iced
from orobuild.assembler.encoder.decoding import (
    IMMEDIATE_BYTES,
    code_names,
    decoder_names,
    is_segment,
    width,
)
from orobuild.assembler.encoder.mnemonics import (
    ALIASES,
    ALTERNATIVES,
    SHIFTS,
    suffix_size,
)
from orobuild.assembler.encoder.opcode_table import takes_suffix

_KIND: Final = iced.OpKind
_STRINGS: Final = frozenset({"stos", "lods", "scas", "ins", "outs"})
_SPECIAL: Final = {"movabs": "mov", "lret": "retf", "lcall": "call", "ljmp": "jmp"}


@functools.cache
def known_mnemonics() -> frozenset[str]:
    """Every mnemonic without its suffix that the decoder or our alias table knows."""
    return (
        frozenset(decoder_names().values())
        | frozenset(ALIASES)
        | {"movabs", "lret", "lcall", "ljmp"}
    )


def is_known(mnemonic: str) -> bool:
    """Whether `mnemonic` may name an instruction, perhaps with a size suffix."""
    known = known_mnemonics()
    if mnemonic in known:
        return True

    return mnemonic[:-1] in known and takes_suffix(mnemonic[:-1], mnemonic[-1])


_MODE_SIZED: Final = {
    "pushf": ("pushfd", "pushfq"),
    "popf": ("popfd", "popfq"),
    "pusha": ("pushad",),
    "popa": ("popad",),
    "iret": ("iretd",),
}


def suffix_of(mnemonic: str, found: str) -> str | None:
    """The size suffix of `mnemonic` when it means the decoder's `found`; None when it does not."""
    if found in (mnemonic, ALIASES.get(mnemonic), ALTERNATIVES.get(mnemonic)):
        return ""
    stem, suffix = mnemonic[:-1], mnemonic[-1]
    if mnemonic in _SPECIAL:
        return "" if _SPECIAL[mnemonic] == found else None
    if found in (stem, ALIASES.get(stem), _SPECIAL.get(stem)):
        from orobuild.assembler.encoder.opcode_table import takes_suffix

        return suffix if takes_suffix(stem, suffix) else None
    if mnemonic in _STRINGS and found[:-1] == mnemonic:
        return ""  # sized by its register operand
    if mnemonic.startswith("xchg") and found == "nop":
        return ""
    if found in _MODE_SIZED.get(mnemonic, ()):
        return ""
    return None


def extends(sizes: tuple[int, int], instruction: Any) -> bool:
    """Whether the widths of source and target are those that the mnemonic states."""
    source, target = sizes
    return width(instruction, 1) == source and target in (0, width(instruction, 0))


def suffix_matches(stem: str, suffix: str, instruction: Any, found: str) -> bool:
    """Whether `suffix` after `stem` is the size on which `instruction` (named `found`) works."""
    size = suffix_size(stem, suffix)
    if suffix in "xyz":  # the length of the vector, of which memory may hold one element
        return {0: 16, 1: 32, 2: 64}.get(iced.OpCodeInfo(instruction.code).l) == size
    if found in ("fldenv", "fnstenv", "fnsave", "frstor"):
        width = iced.MemorySizeExt.size(instruction.memory_size)
        return width in ((14, 94) if suffix == "s" else (28, 108))
    sizes = set()
    shifts = found in SHIFTS or found in ("shld", "shrd")
    for number in range(1 if shifts else instruction.op_count):
        kind = instruction.op_kind(number)
        if kind == _KIND.REGISTER:
            if instruction.op_register(number) == iced.Register.DX and found in ("in", "out"):
                continue
            sizes.add(iced.RegisterExt.size(instruction.op_register(number)))
        elif kind not in IMMEDIATE_BYTES:
            sizes.add(iced.MemorySizeExt.size(instruction.memory_size))
        else:
            sizes.add(IMMEDIATE_BYTES[kind])
    if size in sizes:
        return True
    if (
        found in ("push", "pop")
        or not instruction.op_count
        or all(instruction.op_kind(n) in IMMEDIATE_BYTES for n in range(instruction.op_count))
    ):
        letter = {"l": "D", "w": "W", "q": "Q", "b": "B"}.get(suffix, "?")
        return code_names()[instruction.code].split("_")[0].endswith(letter)
    if found in ("lgdt", "lidt", "sgdt", "sidt"):
        return suffix != "w" or code_names()[instruction.code].endswith("_16")
    if found in ("call", "jmp"):  # far: a selector and an offset
        far = instruction.is_call_far_indirect or instruction.is_jmp_far_indirect
        return bool(far and size + 2 in sizes)
    if found == "mov" or (suffix == "q" and found in ("str", "sldt", "smsw")):
        return any(is_segment(instruction, n) for n in range(2)) or found != "mov"
    return found in ("lldt", "ltr", "lmsw", "verr", "verw", "retf", "arpl")

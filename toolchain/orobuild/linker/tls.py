"""Thread-local storage: an executable knows where its TLS block lies, so every access is local-exec.

Rewrites the general-dynamic, local-dynamic, descriptor and initial-exec sequences of the psABI
(AMD64 1.0, "TLS Relocations"; "ELF Handling For Thread-Local Storage", section 5) into local-exec
ones, byte for byte as bfd/elf64-x86-64.c of binutils 2.40 does. A sequence that no psABI allows is
an error: its result would be a wild pointer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Span, error
from orobuild.elf import constants as c
from orobuild.elf.descriptions import relocation_type
from orobuild.errors import InputError
from orobuild.linker.got import Relaxation
from orobuild.linker.tables import present

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.diagnostics import Diagnostic
    from orobuild.linker.inputs import Inputs

_RELAXED: Final = (
    c.R_X86_64_TLSGD,
    c.R_X86_64_TLSLD,
    c.R_X86_64_GOTTPOFF,
    c.R_X86_64_GOTPC32_TLSDESC,
    c.R_X86_64_TLSDESC_CALL,
    c.R_X86_64_DTPOFF32,
    c.R_X86_64_DTPOFF64,
)
_THREAD_POINTER: Final = bytes.fromhex("64488b042500000000")  # mov %fs:0, %rax
_MAX_REPORTS: Final = 20
# What follows `lea x@tlsgd(%rip), %rdi`, up to the call's field, and where that field is.
_GD_CALLS: Final = (
    (b"\x66\x66\x48\xe8", 8),  # data16 data16 rex.W call __tls_get_addr@plt
    (b"\x66\x48\x67\xe8", 8),  # the indirect call, relaxed by an assembler
    (b"\x66\x48\xff\x15", 8),  # data16 rex.W call *__tls_get_addr@GOTPCREL(%rip)
)
_LARGE_CALLS: Final = (b"\x48\x01\xd8\xff\xd0", b"\x4c\x01\xf8\xff\xd0")  # add %rbx or %r15, %rax


def relax_thread_accesses(
    inputs: Inputs, relocations: NDArray[Any]
) -> tuple[NDArray[Any], list[Relaxation]]:
    """The relocations with every dynamic TLS access made local-exec, and the new instructions.

    Raises `InputError` for instructions that are not those of the psABI.
    """
    if inputs.e_machine != c.EM_X86_64:
        return relocations, []
    if not present(relocations["type"], _RELAXED):
        return relocations, []
    chosen = np.flatnonzero(np.isin(relocations["type"], _RELAXED))
    relocations = relocations.copy()
    changes: list[Relaxation] = []
    problems = [
        _refused(inputs, relocations[index])
        for index in chosen.tolist()
        if not _relax(inputs, relocations, index, changes)
    ]
    if problems:
        raise InputError(problems[:_MAX_REPORTS])
    return relocations, changes


def _relax(
    inputs: Inputs, relocations: NDArray[Any], index: int, changes: list[Relaxation]
) -> bool:
    """Rewrite one access; False if the instructions are not as they must be."""
    entry = relocations[index]
    section, offset, r_type = (int(entry[key]) for key in ("section", "offset", "type"))
    data = bytes(inputs.section_data(section)[max(0, offset - 4) : offset + 24])
    data = bytes(max(0, 4 - offset)) + data  # the field is always at 4
    if r_type in (c.R_X86_64_DTPOFF32, c.R_X86_64_DTPOFF64):
        # Debug information describes the offset in the block, code the one from its end.
        if int(inputs.sections["flags"][section]) & c.SHF_EXECINSTR:
            narrow = r_type == c.R_X86_64_DTPOFF32
            entry["type"] = c.R_X86_64_TPOFF32 if narrow else c.R_X86_64_TPOFF64
        return True
    if r_type == c.R_X86_64_GOTTPOFF:
        return _initial_exec(entry, data, changes)
    if r_type == c.R_X86_64_TLSDESC_CALL:
        prefixed = data[4:7] == b"\x67\xff\x10"
        if not prefixed and data[4:6] != b"\xff\x10":
            return False
        new = b"\x0f\x1f\x00" if prefixed else b"\x66\x90"
        changes.append(Relaxation(section, offset, new))
        entry["type"] = c.R_X86_64_NONE
        return True
    if r_type == c.R_X86_64_GOTPC32_TLSDESC:
        if data[1] & 0xFB != 0x48 or data[2] != 0x8D or data[3] & 0xC7 != 0x05:
            return False
        rex = 0x48 | (data[1] & 4) >> 2
        register = data[3] >> 3 & 7
        changes.append(Relaxation(section, offset - 3, bytes((rex, 0xC7, 0xC0 | register))))
        entry["type"] = c.R_X86_64_TPOFF32
        entry["addend"] += 4
        return True
    if r_type == c.R_X86_64_TLSGD:
        return _general_dynamic(inputs, relocations, index, data, changes)
    return _local_dynamic(inputs, relocations, index, data, changes)


def _initial_exec(entry: Any, data: bytes, changes: list[Relaxation]) -> bool:
    """`mov` or `add` of x@gottpoff(%rip) to a register."""
    rex, opcode, modrm = data[1:4]
    if rex not in (0x48, 0x4C) or modrm & 0xC7 != 0x05:
        return False
    register = modrm >> 3 & 7
    high = rex == 0x4C
    if opcode == 0x8B:
        new = bytes((0x49 if high else 0x48, 0xC7, 0xC0 | register))  # mov $x, %reg
    elif opcode != 0x03:
        return False
    elif register == 4:  # lea cannot have %rsp or %r12 without a SIB byte
        new = bytes((0x49 if high else 0x48, 0x81, 0xC0 | register))  # add $x, %reg
    else:
        new = bytes((0x4D if high else 0x48, 0x8D, 0x80 | register << 3 | register))
    changes.append(Relaxation(int(entry["section"]), int(entry["offset"]) - 3, new))
    entry["type"] = c.R_X86_64_TPOFF32
    entry["addend"] += 4
    return True


def _general_dynamic(
    inputs: Inputs, relocations: NDArray[Any], index: int, data: bytes, changes: list[Relaxation]
) -> bool:
    entry = relocations[index]
    section, offset = int(entry["section"]), int(entry["offset"])
    if data[1:4] != b"\x48\x8d\x3d":
        return False
    call = next((at for start, at in _GD_CALLS if data[8:12] == start), None)
    if call is not None:
        # `lea`'s data16 prefix is a byte of the sequence too.
        if data[0] != 0x66 or not _drop_call(inputs, relocations, index, offset + call):
            return False
        new = _THREAD_POINTER + b"\x48\x8d\x80"
        changes.append(Relaxation(section, offset - 4, new))
        entry["offset"] += 8
    elif data[8:10] == b"\x48\xb8" and data[18:23] in _LARGE_CALLS:
        if not _drop_call(inputs, relocations, index, offset + 6):
            return False
        new = _THREAD_POINTER + b"\x48\x8d\x80" + bytes(4) + b"\x66\x0f\x1f\x44\x00\x00"
        changes.append(Relaxation(section, offset - 3, new))
        entry["offset"] += 9
    else:
        return False
    entry["type"] = c.R_X86_64_TPOFF32
    entry["addend"] += 4
    return True


def _local_dynamic(
    inputs: Inputs, relocations: NDArray[Any], index: int, data: bytes, changes: list[Relaxation]
) -> bool:
    entry = relocations[index]
    section, offset = int(entry["section"]), int(entry["offset"])
    if data[1:4] != b"\x48\x8d\x3d":
        return False
    if data[8] == 0xE8:
        new, call = b"\x66\x66\x66" + _THREAD_POINTER, 5
    elif data[8:10] in (b"\xff\x15", b"\x67\xe8"):
        new, call = b"\x66\x66\x66\x66" + _THREAD_POINTER, 6
    elif data[8:10] == b"\x48\xb8" and data[18:23] in _LARGE_CALLS:
        new, call = b"\x66\x66\x66\x66\x2e\x0f\x1f\x84" + bytes(5) + _THREAD_POINTER, 6
    else:
        return False
    if not _drop_call(inputs, relocations, index, offset + call):
        return False
    changes.append(Relaxation(section, offset - 3, new))
    entry["type"] = c.R_X86_64_NONE
    return True


def _drop_call(inputs: Inputs, relocations: NDArray[Any], index: int, offset: int) -> bool:
    """Forget the call of __tls_get_addr, whose relocation is the next one, at `offset`."""
    if index + 1 >= len(relocations):
        return False
    call = relocations[index + 1]
    if call["section"] != relocations[index]["section"] or int(call["offset"]) != offset:
        return False
    call["type"] = c.R_X86_64_NONE
    # Nobody needs to define __tls_get_addr any more: the null symbol is always there.
    call["symbol"] = inputs.owner(int(call["section"])).first_symbol
    return True


def _refused(inputs: Inputs, entry: Any) -> Diagnostic:
    section, offset = int(entry["section"]), int(entry["offset"])
    owner = inputs.owner(section).label
    name = relocation_type(inputs.e_machine, int(entry["type"]))
    return error(
        f"{name} against '{inputs.symbol_name(int(entry['symbol']))}' at "
        f"{inputs.section_label(section)}+{offset:#x} is not on an instruction that the psABI "
        "allows it on, so the access cannot be made local",
        Span(owner),
        rule="relocation",
        hint="compile with -ftls-model=local-exec, or write the sequence of the psABI",
    )


__all__ = ["relax_thread_accesses"]

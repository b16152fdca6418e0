"""`oro gdt` and `oro tss`. Intel SDM Vol. 3A §3.4.5 (descriptors), §7.7 (64-bit TSS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.debug.inspector.target import EFER_LMA
from orobuild.debug.inspector.view import none_left
from orobuild.debug.translation import translate
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.debug.inspector.view import View

_SYSTEM_64: Final = {2: "LDT", 9: "TSS, available", 11: "TSS, busy", 12: "call gate"}
_SYSTEM_32: Final = {
    **_SYSTEM_64, 1: "TSS 16, available", 3: "TSS 16, busy", 4: "call gate 16", 5: "task gate",
    14: "interrupt gate", 15: "trap gate",
}  # fmt: skip
_TSS_SIZE: Final = 104


def gdt(view: View, words: Sequence[str]) -> str:
    """Every descriptor, with the registers that hold its selector."""
    none_left(words, "oro gdt")
    processor = view.target.processor
    base, limit = processor.tables["gdt"]
    long = bool(processor.registers.get("efer", 0) & EFER_LMA)
    data = view.target.memory(base, min(limit + 1, 1 << 16) // 8 * 8)
    if not data:
        raise UsageError(f"the descriptor table at {base:#x} cannot be read")
    users: dict[int, list[str]] = {}
    for name, segment in processor.segments.items():
        if segment.selector & ~7 and not segment.selector & 4:
            users.setdefault(segment.selector & ~7, []).append(name)
    rows = []
    at = 0
    while at < len(data):
        size, row = _descriptor(data[at : at + 16], long)
        if row is not None:
            rows.append((f"{at:#04x}", *row, " ".join(users.get(at, ()))))
        at += size
    titles = ("selector", "descriptor", "base", "limit", "type", "DPL", "flags", "in")
    lines = [f"GDT at {view.place(base)}, limit {limit:#x}", *view.columns(titles, rows)]
    return "".join(f"{line}\n" for line in lines)


def _descriptor(data: bytes, long: bool) -> tuple[int, tuple[str, ...] | None]:
    """How many bytes a descriptor has, and its columns; None for an empty one."""
    value = int.from_bytes(data[:8], "little")
    if not value:
        return 8, None
    base = value >> 16 & 0xFFFFFF | (value >> 56 & 0xFF) << 24
    limit = value & 0xFFFF | value >> 32 & 0xF0000
    kind, access = value >> 40 & 0xF, value >> 44
    size = 8
    if not access & 1:  # S is clear: a system descriptor
        words = (_SYSTEM_64 if long else _SYSTEM_32).get(kind, f"reserved ({kind:#x})")
        if long:
            size, base = 16, base | int.from_bytes(data[8:12], "little") << 32
    elif kind & 8:
        words = "code" + (", readable" if kind & 2 else "") + (", conforming" if kind & 4 else "")
    else:
        words = "data" + (", writable" if kind & 2 else "") + (", grows down" if kind & 4 else "")
    if value >> 55 & 1:
        limit = limit << 12 | 0xFFF
    bits = (
        (47, "P"), (53, "L"), (54, "D/B"), (55, "G"), (52, "AVL"), *(((40, "A"),) if access & 1 else ()),
    )  # fmt: skip
    flags = " ".join(name for bit, name in bits if value >> bit & 1)
    return size, (
        f"{value:#018x}", f"{base:#x}", f"{limit:#x}", words, str(access >> 1 & 3), flags,
    )  # fmt: skip


def tss(view: View, words: Sequence[str]) -> str:
    """The stacks that the processor switches to, and whether they can be pushed on."""
    none_left(words, "oro tss")
    processor = view.target.processor
    register = processor.segments.get("tr")
    if register is None or not register.selector & ~7:
        raise UsageError("TR is not loaded: the processor has no TSS yet")
    if not processor.registers.get("efer", 0) & EFER_LMA:
        raise UsageError("the TSS of 32-bit mode is not decoded")
    data = view.target.memory(register.base, _TSS_SIZE)
    if len(data) < _TSS_SIZE:
        raise UsageError(f"the TSS at {register.base:#x} cannot be read")
    lines = [
        f"TSS {register.selector:#x} at {view.place(register.base)}, limit {register.limit:#x}",
        *view.columns(("stack", "top", "", "page below"), list(_stacks(view, data))),
    ]
    offset = int.from_bytes(data[102:104], "little")
    ports = "no ports for ring 3" if offset > register.limit else f"at {register.base + offset:#x}"
    lines.append(f"I/O permission map: offset {offset:#x}, {ports}")
    return "".join(f"{line}\n" for line in lines)


def _stacks(view: View, data: bytes) -> Iterator[tuple[str, ...]]:
    names = [(f"RSP{i}", 4 + 8 * i) for i in range(3)]
    names += [(f"IST{i}", 36 + 8 * (i - 1)) for i in range(1, 8)]
    for name, at in names:
        top = int.from_bytes(data[at : at + 8], "little")
        if not top:
            continue
        found = translate(view.target.physical, top - 8 & (1 << 64) - 1, view.target.paging())
        rights = found.rights.kernel if found.rights is not None else "!unmapped"
        if found.rights is not None and "w" not in rights:
            rights = f"!{rights}"
        note = view.name(top - 8)
        yield name, f"{top:#x}", f"{note} + 8" if note else "", rights

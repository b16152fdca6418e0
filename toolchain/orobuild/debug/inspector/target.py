"""The stopped machine, as GDB knows it: memory, registers, values of the kernel's variables.

What is asked for is asked for once: nothing runs while a command does.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from orobuild.debug.translation import CR0_PG, Control
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

EFER_LMA: Final = 1 << 10
_PAGE: Final = 4096

Space = Literal["v", "p"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment register: selector, and the hidden part as the processor has it."""

    selector: int
    base: int
    limit: int
    flags: int

    @property
    def is_long(self) -> bool:
        """L of a code segment."""
        return bool(self.flags >> 21 & 1)

    @property
    def is_32_bit(self) -> bool:
        """D/B."""
        return bool(self.flags >> 22 & 1)


@dataclass(frozen=True, slots=True)
class Processor:
    """One processor as QEMU's monitor shows it (`info registers`).

    `registers` are in small letters: `rip`, `rsp`, `rflags`, `cr0` to `cr8`, `efer`; `tables` are the
    base and limit of `gdt` and `idt`; `halted` means that it waits in `hlt`.
    """

    index: int
    registers: dict[str, int]
    segments: dict[str, Segment]
    tables: dict[str, tuple[int, int]]
    ring: int
    halted: bool

    @property
    def control(self) -> Control:
        """The registers that decide how it translates."""
        get = self.registers.get
        return Control(cr0=get("cr0", 0), cr3=get("cr3", 0), cr4=get("cr4", 0), efer=get("efer", 0))

    @property
    def mode(self) -> str:
        """What its code is, in words."""
        if not self.registers.get("cr0", 0) & 1:
            return "real mode"
        code = self.segments.get("cs")
        if self.registers.get("efer", 0) & EFER_LMA:
            return "64-bit" if code and code.is_long else "compatibility mode"
        return "32-bit" if code and code.is_32_bit else "16-bit protected mode"


@dataclass
class Target:
    """Asks GDB by `ask`, which returns the answer's value or raises `UsageError`."""

    ask: Callable[..., Any]
    _pages: dict[tuple[Space, int], bytes] = field(default_factory=dict)

    def forget(self) -> None:
        """The machine may have run since."""
        self._pages.clear()
        for name in ("processors", "selected"):
            self.__dict__.pop(name, None)

    def memory(self, at: int, size: int, space: Space = "v") -> bytes:
        """Bytes there: fewer than `size`, or none, where they cannot be read."""
        data = b""
        while len(data) < size:
            here = at + len(data)
            page = here & -_PAGE
            if (space, page) not in self._pages:
                self._pages[space, page] = self._read(page, _PAGE, space)
            part = self._pages[space, page][here - page : here - page + size - len(data)]
            if not part:
                break
            data += part
        return data

    def _read(self, at: int, size: int, space: Space) -> bytes:
        if at + size > 1 << 64:
            return b""
        return base64.b64decode(self.ask("memory", at=at, size=size, space=space))

    def physical(self, at: int, size: int) -> bytes:
        """Bytes of physical memory."""
        return self.memory(at, size, "p")

    def word(self, at: int) -> int | None:
        """Eight bytes at a virtual address as a number, None if they cannot be read."""
        data = self.memory(at, 8)
        return int.from_bytes(data, "little") if len(data) == 8 else None

    def monitor(self, command: str) -> str:
        """What QEMU's monitor answers."""
        return str(self.ask("monitor", command=command))

    def evaluate(self, expression: str, **more: Any) -> dict[str, Any]:
        """The value of an expression of GDB's, as `oro_gdb.values` describes it."""
        value: dict[str, Any] = self.ask("evaluate", expression=expression, **more)
        return value

    @cached_property
    def processors(self) -> tuple[Processor, ...]:
        """Every processor. Raises `UsageError` if the target is not QEMU."""
        found = processors(self.monitor("info registers -a"))
        if not found:
            raise UsageError("the target's monitor shows no registers: it is not QEMU's gdbstub")
        return found

    @cached_property
    def selected(self) -> int:
        """The index of the processor that is GDB's selected thread."""
        threads = self.ask("threads")
        return next((i for i, thread in enumerate(threads) if thread["selected"]), 0)

    @property
    def processor(self) -> Processor:
        """The selected one."""
        if self.selected >= len(self.processors):
            raise UsageError("GDB's selected thread is no processor")
        return self.processors[self.selected]

    def paging(self) -> Control:
        """How the selected processor translates. Raises `UsageError` where that is not by 4 or 5 levels."""
        control = self.processor.control
        if control.cr0 & CR0_PG and not control.efer & EFER_LMA:
            raise UsageError(
                "the processor translates by 32-bit page tables (EFER.LMA is clear), "
                "which are not walked here"
            )
        return control

    def of_current(self, command: str) -> str:
        """What the monitor says of the selected processor."""
        self.monitor(f"cpu {self.selected}")
        return self.monitor(command)


_SEGMENT: Final = re.compile(
    r"^(ES|CS|SS|DS|FS|GS|LDT|TR) *=([0-9a-f]{4}) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)",
    re.MULTILINE,
)
_TABLE: Final = re.compile(r"^(GDT|IDT)= +([0-9a-f]+) ([0-9a-f]+)", re.MULTILINE)
_REGISTER: Final = re.compile(
    r"\b(R[A-Z0-9]{2}|R[89]|R1[0-5]|E[A-Z]{2}|RFL|EFL|CR[0-8]|DR[0-7]|EFER) *=([0-9a-f]+)\b"
)


def processors(text: str) -> tuple[Processor, ...]:
    """The processors in QEMU's `info registers -a`."""
    parts = re.split(r"^CPU#(\d+)", text.replace("\r", ""), flags=re.MULTILINE)
    return tuple(
        _processor(int(index), part)
        for index, part in zip(parts[1::2], parts[2::2], strict=True)
        if "CR0=" in part
    )


def _processor(index: int, text: str) -> Processor:
    values: dict[str, int] = {}
    for name, value in _REGISTER.findall(text):
        small = name.lower()
        if small in ("rfl", "efl"):
            small = "rflags"
        elif small[0] == "e" and small != "efer":
            small = f"r{small[1:]}"
        values[small] = int(value, 16)
    ring = re.search(r"\bCPL=(\d)", text)
    return Processor(
        index=index,
        registers=values,
        segments={
            name.lower(): Segment(*(int(part, 16) for part in rest))
            for name, *rest in _SEGMENT.findall(text)
        },
        tables={
            name.lower(): (int(base, 16), int(limit, 16))
            for name, base, limit in _TABLE.findall(text)
        },
        ring=int(ring[1]) if ring else 0,
        halted="HLT=1" in text,
    )

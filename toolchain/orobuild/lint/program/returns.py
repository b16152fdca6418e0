"""How a way leaves the kernel: what `iret` pops, and what the registers hold at that moment.

Joined with the way in by the layout of the frame: the C structure, or what the entries push.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.lint.program.machine import GENERAL
from orobuild.lint.program.paths import Kind
from orobuild.lint.program.values import (
    GS,
    STACK,
    Compiled,
    Constant,
    Derived,
    Loaded,
    Original,
    Value,
    source,
    split,
)

if TYPE_CHECKING:
    from orobuild.lint.program.contract import Contract, Handler, Routine
    from orobuild.lint.program.paths import Event

MINIMUM: Final = 4  # registers that come from one frame show that a context is restored
SEGMENTS: Final = ("ds", "es", "fs", "gs")


@dataclass(frozen=True, slots=True)
class Leaving:
    """An `iret` or `sysret`, on a way that began with an interrupt, `syscall` or a call from C.

    `handlers` are the vectors that it concerns, none for a routine; `routine` is None for a vector.
    """

    event: Event
    handlers: tuple[Handler, ...]
    routine: Routine | None

    @property
    def from_outside(self) -> bool:
        """Whether the registers at the beginning were those of the interrupted program."""
        return self.routine is None or self.routine.is_syscall


class Returns:
    """Every way out of the kernel, and what it gives back."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        found: list[Leaving] = [
            Leaving(event, tuple(handlers), None)
            for event, handlers in contract.events_by_handlers(Kind.IRET, Kind.SYSRET).items()
        ]
        for routine in contract.routines:
            if routine.is_syscall or routine.is_called:
                found += (
                    Leaving(event, (), routine)
                    for event in routine.events
                    if event.kind in (Kind.IRET, Kind.SYSRET)
                )
        self.all = tuple(found)

    def member(self, leaving: Leaving, value: Value) -> str | None:
        """What of the interrupted program a value is, by name; None if it is none of it."""
        value = source(value)
        if isinstance(value, Original):
            return value.name if leaving.from_outside else None
        if isinstance(value, Loaded) and value.base == self.frame(leaving)[0]:
            return self._contract.layout.get(value.offset - self.frame(leaving)[1])
        return None

    def frame(self, leaving: Leaving) -> tuple[Value, int]:
        """(base, offset) of the frame that registers are loaded from; (None, 0) if from none."""
        registers = dict(leaving.event.state.registers)
        bases: dict[Value, int] = {}
        for name in (*GENERAL, "rsp"):
            value = registers.get(name)
            if isinstance(value, Loaded) and value.base not in (GS, Constant(0), STACK):
                bases[value.base] = bases.get(value.base, 0) + 1
        best = max(bases, key=lambda b: bases[b], default=None)
        return (best, 0) if best is not None and bases[best] >= MINIMUM else (None, 0)

    def popped(self, leaving: Leaving) -> tuple[Value, ...]:
        """The words that `iret` pops: rip, cs, rflags (rsp, ss); None for those not known."""
        state = leaving.event.state
        base, offset = split(dict(state.registers).get("rsp"))
        memory, word = dict(state.memory), self._contract.word
        if base is None:
            return (None,) * 5
        return tuple(
            memory.get(
                (base, offset + i * word),
                None if base == STACK else Loaded(base, offset + i * word),
            )
            for i in range(5)
        )

    def restores(self, leaving: Leaving) -> bool:
        """Whether the interrupted program goes on: not a context that was made by hand."""
        if leaving.event.kind is Kind.SYSRET:
            return leaving.from_outside or self.frame(leaving)[0] is not None
        if leaving.routine is None:
            return self.popped(leaving)[0] == Original("rip")
        return self.frame(leaving)[0] is not None

    def foreign(self, leaving: Leaving, value: Value) -> bool:
        """Whether a value is surely the kernel's and not the interrupted program's."""
        value = source(value)
        if value is None or isinstance(value, Constant):
            return False
        if isinstance(value, Compiled):
            return True
        if isinstance(value, Original):
            return not leaving.from_outside
        return self.member(leaving, value) is None and not isinstance(value, Derived)

"""`oro frame`: what an entry to the kernel saved of the interrupted code, in words.

The structure (`frame-struct` of `[lint]`) comes from the kernel's debugging information; without one,
what the processor itself pushes is shown (Intel SDM Vol. 3A §6.14.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.debug.exceptions import NAMES, describe
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.debug.inspector.view import View

HARDWARE: Final = ("rip", "cs", "rflags", "rsp", "ss")
_SPECIAL: Final = (*HARDWARE, "vector", "error_code")
_PER_LINE: Final = 4
_WORD: Final = (1 << 64) - 1
_INTERRUPTS: Final = 256


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved frame: where it lies, and its members in their order."""

    address: int
    members: dict[str, int]

    @property
    def ring(self) -> int:
        """Of the code that was interrupted."""
        return self.members.get("cs", 0) & 3


def frame(view: View, words: Sequence[str]) -> str:
    """The frames that the configuration names, or the one that is asked for."""
    expressions = list(words) or list(view.structures.frames)
    if not expressions:
        raise UsageError(
            "usage: oro frame EXPRESSION; nothing says where this kernel keeps frames: "
            "configure frames in [debug] (docs/debug.md)"
        )
    lines: list[str] = []
    for expression in expressions:
        address = view.number(with_cpu(view, expression))
        if not address:
            lines.append(f"{expression} is null")
            continue
        saved = read(view, address)
        if saved is None:
            raise UsageError(f"a frame at {address:#x} cannot be read")
        lines += _described(view, saved)
    return "".join(f"{line}\n" for line in lines)


def with_cpu(view: View, expression: str) -> str:
    """An expression of the configuration for the selected processor, whose number is `$cpu`."""
    if "$cpu" not in expression:
        return expression
    return expression.replace("$cpu", str(view.target.selected))


def read(view: View, address: int) -> Saved | None:
    """The frame at an address, None if it cannot be read."""
    if view.frame_struct:
        try:
            found = view.target.evaluate(f"*(struct {view.frame_struct} *){address:#x}", depth=1)
            members = {
                name: int(member["value"]) & _WORD
                for name, member in found["members"].items()
                if "value" in member
            }
        except UsageError:
            return None
        if not {"rip", "cs", "rsp"} <= members.keys():
            raise UsageError(f"struct {view.frame_struct} has no rip, cs and rsp: it is no frame")
        return Saved(address, members)
    values = [view.target.word(address + 8 * i) for i in range(len(HARDWARE))]
    if None in values:
        return None
    return Saved(address, dict(zip(HARDWARE, (value or 0 for value in values), strict=True)))


def cause(view: View, saved: Saved) -> str:
    """Why the kernel was entered, in words; nothing if the frame does not say."""
    vector = saved.members.get("vector")
    if vector is None:
        return ""
    if vector >= _INTERRUPTS:
        return "a system call"
    if vector not in NAMES:
        return f"interrupt {vector}"
    registers = {"cr2": view.target.processor.registers.get("cr2", 0)}
    what = describe(vector, saved.members.get("error_code", 0), registers)
    return f"{what.name}, {what.meaning}"


def _described(view: View, saved: Saved) -> Iterator[str]:
    members = saved.members
    why = cause(view, saved)
    yield f"frame at {view.place(saved.address)}" + (f": {why}" if why else "")
    if members.get("vector", _INTERRUPTS) in NAMES:
        yield f"  {view.style('error code', 'label')} {members.get('error_code', 0):#x}"
    flags = members.get("rflags", 0)
    masked = "interrupts on" if flags >> 9 & 1 else "interrupts off"
    ring = f"ring {saved.ring}"
    yield f"  {view.style('rip', 'label')} {view.place(members['rip'])}  {ring}, cs {members['cs']:#x}"
    yield f"  {view.style('rsp', 'label')} {view.place(members['rsp'])}  ss {members.get('ss', 0):#x}"
    yield f"  {view.style('rflags', 'label')} {flags:#x}  {masked}"
    plain = [(name, value) for name, value in members.items() if name not in _SPECIAL]
    for at in range(0, len(plain), _PER_LINE):
        cells = (
            f"{view.style(f'{name:>3}', 'label')} {value:016x}"
            for name, value in plain[at : at + _PER_LINE]
        )
        yield f"  {'  '.join(cells)}"

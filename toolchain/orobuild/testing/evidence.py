"""What a failed boot left behind, explained: panics decoded, registers and addresses given names.

One `Explainer` for one kernel, which is read when something has to be explained; any number of threads may
ask it. What cannot be explained is left out: evidence supports a result and decides nothing.
"""

from __future__ import annotations

import re
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final

from orobuild.errors import InputError
from orobuild.testing.outcome import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from orobuild.debug.location import Location
    from orobuild.debug.location_text import Role
    from orobuild.elf.places import SourcePlaces
    from orobuild.elf.reader import ElfFile
    from orobuild.lint import LintConfig
    from orobuild.lint.program import Program
    from orobuild.machine.console import Panic

_PROCESSOR: Final = re.compile(r"^CPU#(\d+)", re.MULTILINE)
_REGISTER: Final = re.compile(r"\b([ER]IP|HLT|CR2|CPL|IF)=([0-9a-fA-F]+)")
_MOST_NAMED: Final = 24  # lines of a log whose addresses are named


class Explainer:
    """What a kernel's image says about addresses in its logs. `root` is where its sources are."""

    def __init__(self, kernel: Path | None, config: LintConfig, root: Path) -> None:
        self._kernel = kernel
        self._config = config
        self._root = root
        self._lock = Lock()

    def panic(
        self, panic: Panic, style: Callable[[str, Role], str] | None = None
    ) -> tuple[tuple[str, ...], Place | None]:
        """A panic as `orobuild decode` explains it, and where it was; empty without an image."""
        from orobuild.debug import crash, crash_text

        with self._lock:
            if self._program is None:
                return (), None
            understood = crash.understand(panic, self._program, self._places)
            text = crash_text.text(self._program, understood, style or _plain, source=self._source)
            return tuple(text.splitlines()), _place(understood.at)

    def registers(self, text: str) -> tuple[str, ...]:
        """Where each processor is: of QEMU's `info registers -a`, one line each."""
        with self._lock:
            return tuple(self._processors(text))

    def _processors(self, text: str) -> Iterator[str]:
        _, *parts = _PROCESSOR.split(text)
        for number, dump in zip(parts[::2], parts[1::2], strict=True):
            values = dict(_REGISTER.findall(dump))
            address = values.get("RIP") or values.get("EIP")
            if address is None:
                continue
            state = [f"ring {values['CPL']}"] if "CPL" in values else []
            if values.get("HLT") == "1":
                state.append("halted")
            # EFLAGS shows IF as one letter of a list; the flag itself is bit 9.
            flags = re.search(r"\b[ER]FL=([0-9a-fA-F]+)", dump)
            if flags:
                state.append(f"interrupts {'on' if int(flags[1], 16) >> 9 & 1 else 'off'}")
            if int(values.get("CR2", "0"), 16):
                state.append(f"cr2 {int(values['CR2'], 16):#x}")
            where = self._name(int(address, 16))
            yield f"cpu {number}: {int(address, 16):#x} {where}({', '.join(state)})"

    def _name(self, address: int) -> str:
        from orobuild.debug.location import locate

        if self._program is None:
            return ""
        found = locate(
            self._program,
            [address],
            places=self._places,
            before=0,
            after=0,
            with_references=False,
        )[0]
        if found.segment is None:
            return "not in the image "
        place = f"{found.places[0]} " if found.places else ""
        return f"{found.name or '?'} {place}"

    def addresses(self, lines: Sequence[str]) -> tuple[str, ...]:
        """The lines that have addresses of the kernel's code in them, with their names."""
        from orobuild.debug import logs

        with self._lock:
            if self._program is None:
                return ()
            named = []
            for annotated in logs.annotate(lines, self._program, self._places):
                names = [
                    f"{location.asked:#x} {location.name}"
                    + (f" {location.places[0]}" if location.places else "")
                    for location in annotated.locations
                ]
                named.append(f"{annotated.line.strip()}  <{'; '.join(names)}>")
            return tuple(named[-_MOST_NAMED:])

    @cached_property
    def elf(self) -> ElfFile | None:
        """The kernel's image, None if there is none that can be read."""
        from orobuild.elf import reader

        if self._kernel is None:
            return None
        try:
            return reader.read(self._kernel.read_bytes(), str(self._kernel))
        except (OSError, InputError):
            return None

    @cached_property
    def _program(self) -> Program | None:
        from orobuild.lint.program import Program

        return None if self.elf is None else Program(self.elf, self._config)

    @cached_property
    def _places(self) -> SourcePlaces:
        from orobuild.elf.places import SourcePlaces

        assert self.elf is not None
        return SourcePlaces(self.elf)

    def _source(self, name: str) -> Sequence[str] | None:
        from orobuild.pipeline.inputs import read_regular

        try:
            return read_regular(str(self._root / name)).decode("utf-8", "replace").splitlines()
        except (OSError, ValueError):
            return None


def _place(location: Location | None) -> Place | None:
    """The line of a source file that an address is of."""
    found = location.places[0] if location is not None and location.places else None
    return Place(found.file, found.line) if found is not None and found.line else None


def _plain(text: str, _role: Role) -> str:
    return text

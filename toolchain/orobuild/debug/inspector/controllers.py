"""`oro apic` and `oro ioapic`: QEMU's own reading of the controllers, with the handlers' names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orobuild.debug.inspector.vectors import gates
from orobuild.debug.inspector.view import none_left
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.inspector.view import View


def apic(view: View, words: Sequence[str]) -> str:
    """The selected processor's local APIC."""
    none_left(words, "oro apic")
    text = view.target.of_current("info lapic")
    if "LVT" not in text:
        raise UsageError("QEMU shows no local APIC: this machine has none")
    return _named(view, text)


def ioapic(view: View, words: Sequence[str]) -> str:
    """Every I/O APIC's pins."""
    none_left(words, "oro ioapic")
    lines = view.target.monitor("info pic").splitlines(keepends=True)
    found: list[str] = []
    inside = False
    for line in lines:
        if line[:1].strip():
            inside = line.startswith("ioapic")
        if inside:
            found.append(line)
    if not found:
        raise UsageError("QEMU shows no I/O APIC: this machine has none")
    return _named(view, "".join(found))


def _named(view: View, text: str) -> str:
    """`text`, each line that names a vector with the handler of its gate."""
    try:
        handlers = {gate.vector: gate.handler for gate in gates(view) if gate.present}
    except UsageError:
        handlers = {}
    lines = []
    for line in text.replace("\r", "").rstrip("\n").split("\n"):
        match = re.search(r"\bvec(?:tor)?[:= ]*(0x[0-9a-f]+|\d+)", line, re.IGNORECASE)
        masked = "masked" in line and "unmasked" not in line
        if match is None:
            lines.append(line.rstrip())
            continue
        handler = handlers.get(int(match[1], 0))
        name = view.name(handler) if handler is not None else ""
        shown = view.style(line.rstrip(), "dim") if masked else line.rstrip()
        lines.append(f"{shown}  {view.style(name, 'head')}" if name and not masked else shown)
    return "".join(f"{line}\n" for line in lines)

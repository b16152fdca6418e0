"""`oro tt`: what `orobuild tt` says, of the machine that GDB is attached to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orobuild.debug import translation, translation_text
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.debug.inspector.view import View


def tt(view: View, words: Sequence[str]) -> str:
    """A virtual address through every level, or every virtual address of a physical one."""
    if len(words) < 2 or words[0] not in ("v", "p"):
        raise UsageError("usage: oro tt v ADDRESS, or oro tt p ADDRESS")
    number = view.number(" ".join(words[1:]))
    control = view.target.paging()
    if words[0] == "p":
        pages = translation.virtual_addresses(view.target.physical, number, control)
        lines = [translation_text.of_page(view.program, page, number) for page in pages]
        return "".join(f"{line}\n" for line in lines) or f"nothing maps {number:#x}\n"
    found = translation.translate(view.target.physical, number, control)
    emulator = _by_emulator(view, number) if found.steps else None
    return translation_text.text(view.program, found, view.style, emulator=emulator)


def _by_emulator(view: View, address: int) -> int | None:
    match = re.search(r"gpa: (0x[0-9a-f]+)", view.target.of_current(f"gva2gpa {address:#x}"))
    return int(match[1], 16) if match else None


def is_executable(view: View, address: int) -> bool | None:
    """Whether the kernel may execute the page at an address; None if nothing is mapped there."""
    found = translation.translate(view.target.physical, address, view.target.paging())
    return None if found.rights is None else found.rights.kernel[2] == "x"

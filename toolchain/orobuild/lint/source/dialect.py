"""Which assembler a file is written for. Only GNU syntax is read; NASM's is refused, not guessed at."""

from __future__ import annotations

import re
from typing import Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError

# What begins a line in NASM and in no GNU source; `#`, `;` and other comments never match.
_NASM: Final = re.compile(
    r"^[ \t]*(?:section[ \t]+\.\w+|segment[ \t]+\.?\w+|global[ \t]+\w|default[ \t]+rel\b"
    r"|\[?[ \t]*(?:bits[ \t]+(?:16|32|64)|org[ \t]+(?:0x)?[0-9])"
    r"|%(?:macro|define|include|assign|ifdef|ifndef|endmacro|rep)\b)",
    re.MULTILINE | re.IGNORECASE,
)


def require_gnu(text: str, path: str) -> None:
    """Raises `InputError` for a file named `.asm`, and for one with a line that is NASM's."""
    found = _NASM.search(text)
    if found is None and not path.endswith(".asm"):
        return
    line = column = 1
    shown = text.partition("\n")[0]
    message = "a file named .asm is for NASM or MASM; only GNU syntax is checked"
    if found is not None:
        statement = found.start() + len(found[0]) - len(found[0].lstrip())
        line = text.count("\n", 0, statement) + 1
        start = text.rfind("\n", 0, statement) + 1
        column = statement - start + 1
        shown = text[start:].partition("\n")[0]
        message = f"'{shown.strip()}' is NASM syntax; only GNU syntax is checked"
    raise InputError(
        error(
            message,
            Span(path, line, column, 1, shown),
            hint="assemble it with NASM and check the object: orolint FILE.o",
            rule="source",
        )
    )

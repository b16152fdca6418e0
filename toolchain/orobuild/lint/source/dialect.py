"""Which assembler a file is written for.

Only GNU syntax is read. NASM's and MASM's is refused, not guessed at.
"""

from __future__ import annotations

import re
from typing import Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError

# What begins a line in NASM and in no GNU source; `#`, `;` and other comments never match.
_NASM: Final = re.compile(
    r"^[ \t]*+(?:section[ \t]+\.\w+|segment[ \t]+\.?\w+|global[ \t]+\w|default[ \t]+rel\b"
    r"|\[?[ \t]*(?:bits[ \t]+(?:16|32|64)|org[ \t]+(?:0x)?[0-9])"
    r"|%(?:macro|define|include|assign|ifdef|ifndef|endmacro|rep)\b"
    r"|\.(?:model[ \t]+\w|[3-6]86p?[ \t]*(?:;|$))|include[ \t]+[\w./\\-]+\.(?:inc|mac)\b"
    r"|\w+[ \t]+(?:proc|endp|segment|ends)\b(?![:,]))",
    re.MULTILINE | re.IGNORECASE,
)
_GNU: Final = re.compile(
    r"^[ \t]*(?:\.(?:section|text|data|globl|global|macro|type|size|balign|p2align|align|code(?:16|32|64)"
    r"|intel_syntax|att_syntax|set|equ|long|quad|byte|include|if)\b|#[ \t]*(?:include|define|if))"
    r"|%[re]?[abcds][xpi]\b",
    re.MULTILINE,
)
_BLOCK_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)


class OtherSyntax(InputError):
    """A source is for an assembler that is not GNU's."""


def require_gnu(text: str, path: str) -> None:
    """Raises `OtherSyntax` for a line that is NASM's or MASM's, and for a `.asm` with no GNU one."""
    plain = _BLOCK_COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    nasm = _NASM.search(plain)
    gnu = _GNU.findall(plain) if nasm or path.endswith(".asm") else []
    if nasm is not None and len(gnu) > len(_NASM.findall(plain)):
        nasm = None  # a macro of that name in a file full of GNU's directives
    if nasm is None and (gnu or not path.endswith(".asm")):
        return
    line = column = 1
    shown = text.partition("\n")[0]
    message = "a file named .asm is for NASM or MASM; only GNU syntax is checked"
    if nasm is not None:
        statement = nasm.start() + len(nasm[0]) - len(nasm[0].lstrip())
        line = text.count("\n", 0, statement) + 1
        start = text.rfind("\n", 0, statement) + 1
        column = statement - start + 1
        shown = text[start:].partition("\n")[0].rstrip("\r")
        message = f"'{shown.strip()[:80]}' is NASM or MASM syntax; only GNU syntax is checked"
    raise OtherSyntax(
        error(
            message,
            Span(path, line, column, 1, shown),
            hint="assemble it with its own assembler and check the object: orolint FILE.o",
            rule="source",
        )
    )

"""The linker script language: text in, a `Script` of frozen values out.

`lexer` knows characters, `expressions`, `sections` and `parser` know the grammar, `nodes` is the
tree, `status` the table of what is supported. Nothing here evaluates or reads files by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.linker.script.nodes import Script

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Script", "parse"]


def parse(
    text: str,
    path: str,
    *,
    read_file: Callable[[str], bytes],
    augmented: Callable[[], Script] | None = None,
) -> Script:
    """The linker script in `text`; `path` is its name in messages.

    `read_file(name)` returns the bytes of a file named by INCLUDE; an `OSError` from it becomes a
    located error. A script with INSERT is added to the script that `augmented` makes, if given.
    Raises `InputError`.
    """
    from orobuild.linker.script.parser import parse_script

    return parse_script(text, path, read_file, augmented)

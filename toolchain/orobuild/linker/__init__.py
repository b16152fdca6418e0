"""The linker: relocatable objects and a linker script in, a static ELF executable out.

`script` parses, `phases` shows the order of the others. `session.Linker` links the same program
again and again. Nothing here reads files or prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.linker.options import LinkInput, LinkOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.linker.linkmap import LinkedImage
    from orobuild.linker.script import Script

__all__ = ["LinkInput", "LinkOptions", "link"]


def link(inputs: Sequence[LinkInput], script: Script, options: LinkOptions) -> LinkedImage:
    """Link `inputs` by `script`. Raises `InputError` with every diagnostic that was found."""
    from orobuild.linker.session import Linker

    return Linker().link(inputs, script, options)

"""The build-id: a note that names this image by the hash of its own bytes.

The same inputs give the same bytes, and so the same name (ld manual, --build-id).
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from orobuild.elf import constants as c

if TYPE_CHECKING:
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.layout import Layout
    from orobuild.linker.placement import Placement
    from orobuild.linker.symbols import Symbols

NAME: Final = ".note.gnu.build-id"
_NT_GNU_BUILD_ID: Final = 3
_SIZES: Final = {"sha1": 20, "md5": 16}
_HEADER_SIZE: Final = 16


def add_note(inputs: Inputs, symbols: Symbols, style: str) -> int:
    """Append the note's section to the inputs, its hash zero; its row.

    `style` is `sha1`, `md5`, or the id itself as 0x and hexadecimal digits.
    """
    given = bytes.fromhex(style[2:]) if style.startswith("0x") else b""
    size = len(given) or _SIZES[style]
    header = struct.pack("<III4s", 4, size, _NT_GNU_BUILD_ID, b"GNU\0")
    content = header + (given or bytes(size)) + bytes(-size % 4)
    row = inputs.add_section(
        0, NAME, type=c.SHT_NOTE, flags=c.SHF_ALLOC, size=len(content), align=4
    )
    inputs.contents[row] = content
    symbols.dropped = np.append(symbols.dropped, False)
    return row


def stamp(data: bytes, placement: Placement, layout: Layout, row: int, style: str) -> bytes:
    """The image with the hash of itself (taken while the hash is zero) in the note."""
    if style not in _SIZES:
        return data
    output = placement.output_section(row)
    assert output is not None
    start = output.offset + int(layout.offset_of[row]) + _HEADER_SIZE
    digest = hashlib.new(style, data, usedforsecurity=False).digest()
    return data[:start] + digest + data[start + len(digest) :]

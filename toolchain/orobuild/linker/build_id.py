"""The build-id: a note that names this image by the hash of its own bytes.

The same inputs give the same bytes, and so the same name (ld manual, --build-id=sha1).
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
_HASH_SIZE: Final = 20
_HEADER: Final = struct.pack("<III4s", 4, _HASH_SIZE, _NT_GNU_BUILD_ID, b"GNU\0")


def add_note(inputs: Inputs, symbols: Symbols) -> int:
    """Append the note's section to the inputs, its hash zero; its row."""
    content = _HEADER + bytes(_HASH_SIZE)
    row = inputs.add_section(
        0, NAME, type=c.SHT_NOTE, flags=c.SHF_ALLOC, size=len(content), align=4
    )
    inputs.contents[row] = content
    symbols.dropped = np.append(symbols.dropped, False)
    return row


def stamp(data: bytes, placement: Placement, layout: Layout, row: int) -> bytes:
    """The image with the hash of itself (taken while the hash is zero) in the note."""
    output = placement.output_section(row)
    assert output is not None
    start = output.offset + int(layout.offset_of[row]) + len(_HEADER)
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return data[:start] + digest + data[start + _HASH_SIZE :]

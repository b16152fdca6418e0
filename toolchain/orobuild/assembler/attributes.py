"""Object attributes: the section that `.gnu_attribute` fills.

Owns the layout of SHT_GNU_ATTRIBUTES (binutils 2.40, bfd/elf-attrs.c). It knows no tag's meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from orobuild.assembler.leb128 import uleb128
from orobuild.assembler.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.assembler.unit import Unit

_SHT_GNU_ATTRIBUTES = 0x6FFFFFF5
_TAG_FILE = 1
_VENDOR = b"gnu\0"
Value: TypeAlias = "tuple[int | None, bytes | None]"
"""An attribute's number and text, as its tag calls for them."""


def emit(unit: Unit, attributes: Mapping[int, Value]) -> None:
    """Put `attributes` into `.gnu.attributes`."""
    body = b""
    for tag, (number, text) in sorted(attributes.items()):
        if not number and not text:
            continue  # a default value is not written
        body += uleb128(tag)
        if number is not None:
            body += uleb128(number & (1 << 64) - 1)
        if text is not None:
            body += text + b"\0"
    if not body:
        return
    body = bytes((_TAG_FILE,)) + (len(body) + 5).to_bytes(4, "little") + body
    section = Section(".gnu.attributes", _SHT_GNU_ATTRIBUTES, 0)
    unit.add_section(section, unit.place)
    stream = section.stream()
    size = (len(_VENDOR) + len(body) + 4).to_bytes(4, "little")
    stream.items.append(b"A" + size + _VENDOR + body)
    stream.places.append(unit.place)

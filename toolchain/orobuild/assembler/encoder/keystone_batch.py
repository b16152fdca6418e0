"""Keystone as a function from template texts to bytes.

It is handed nothing but texts made by `template`: known mnemonics, registers and numbers.
Directives, labels, comments and undefined symbols, which it answers with a crash, with silence or
with a guess, never reach it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.assembler.encoder.keystone_library import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BATCH = 64
_engines: dict[int, Engine] = {}


def assemble(text: str, bits: int) -> bytes | None:
    """The bytes of one or more lines, None when keystone refuses (or silently drops) any."""
    engine = _engines.get(bits)
    if engine is None:
        engine = _engines[bits] = Engine(bits)
    return engine.assemble(text)


def encode(
    texts: Sequence[str], bits: int, divide: Callable[[bytes, int], list[bytes] | None]
) -> list[bytes | None]:
    """The bytes of every text, None for those that keystone does not encode.

    One call costs as much as twenty instructions, so texts go in batches. `divide(code, count)`
    cuts the bytes of a batch into `count` instructions, or gives None when they are not that
    many; then, or when keystone refuses, the batch is halved until the culprit stands alone.
    """
    results: list[bytes | None] = []
    for start in range(0, len(texts), _BATCH):
        results += _halving(texts[start : start + _BATCH], bits, divide)
    return results


def _halving(
    texts: Sequence[str], bits: int, divide: Callable[[bytes, int], list[bytes] | None]
) -> list[bytes | None]:
    code = assemble("\n".join(texts), bits)
    if len(texts) == 1:
        return [code]
    pieces = divide(code, len(texts)) if code else None
    if pieces is not None:
        return list(pieces)
    middle = len(texts) // 2
    return _halving(texts[:middle], bits, divide) + _halving(texts[middle:], bits, divide)

"""Seeded damage to objects and scripts: inputs that no tool made."""

from __future__ import annotations

import random

_WORDS = (
    "SECTIONS", "PHDRS", "MEMORY", "KEEP", "SORT", "ALIGN", "AT", "{", "}", "(", ")", ";", ":", "=",
    "*", ".", "0x", "0xffffffffffffffff", "-1", "/", "%", "<<", "&", ">", "?", '"', "/*", "ASSERT",
    "SIZEOF", "ADDR", "PROVIDE", "INCLUDE", "OVERLAY", "FILL", "LONG", ":text", ":NONE", "COMMON",
    "EXCLUDE_FILE", "/DISCARD/", "DEFINED", "MAX", "ENTRY", "[", "]", "\\", "\0", "é",
)  # fmt: skip


def mutated_bytes(data: bytes, seed: int) -> bytes:
    """`data` truncated, with bytes flipped, fields overwritten or parts moved."""
    rng = random.Random(seed)
    if rng.random() < 0.15:
        return data[: rng.randrange(len(data))]
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(out))
        kind = rng.random()
        if kind < 0.4:
            out[at] = rng.randrange(256)
        elif kind < 0.6:
            out[at] ^= 1 << rng.randrange(8)
        else:
            width = rng.choice((2, 4, 8))
            value = rng.choice(
                (0, 1, 2, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, -1, len(data))
            )
            field = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            at -= at % width
            out[at : at + width] = field
    return bytes(out)


def mutated_script(text: str, seed: int) -> str:
    """`text` with words dropped, doubled, swapped or replaced."""
    rng = random.Random(seed)
    if rng.random() < 0.15:
        return text[: rng.randrange(len(text))]
    words = text.replace("(", " ( ").replace(")", " ) ").replace(";", " ; ").split(" ")
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(words))
        kind = rng.random()
        if kind < 0.3:
            words.pop(at)
            words = words or [""]
        elif kind < 0.6:
            words[at] = rng.choice(_WORDS)
        elif kind < 0.8:
            words.insert(at, rng.choice(_WORDS))
        else:
            other = rng.randrange(len(words))
            words[at], words[other] = words[other], words[at]
    return " ".join(words)

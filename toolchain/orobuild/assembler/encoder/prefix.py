"""What stands before a mnemonic: prefix words, and pseudo prefixes in braces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.mnemonics import PREFIX_BITS, PREFIX_ORDER, PREFIXES
from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from orobuild.assembler.encoder.types import Dialect, Locate

_HEAD: Final = pattern(r"\s*([A-Za-z][\w.-]*(?:,p[nt]\b)?)\s*")
_OPTION: Final = pattern(
    r"\s*\{\s*(disp8|disp16|disp32|load|store|vex|vex2|vex3|evex|rex|nooptimize)\s*\}",
    re.IGNORECASE,
)


def options(text: str, bits: int, locate: Locate) -> tuple[tuple[str, ...], int]:
    """The pseudo prefixes in braces and where the instruction after them starts."""
    found = []
    position = 0
    while match := _OPTION.match(text, position):
        found.append(match[1].lower())
        if found[-1] == "disp16" and bits == 64:
            place = locate(match.start(1), len(match[1]))
            raise InputError(error("64-bit code has no 16-bit displacements", place))
        position = match.end()
    rest = text[position:].lstrip()
    if rest.startswith("{"):
        start = len(text) - len(rest)
        length = max(1, rest.find("}") + 1)
        raise InputError(
            error(
                f"unknown pseudo prefix '{rest[:length]}'",
                locate(start, length),
                hint="known are {disp8} {disp16} {disp32} {load} {store} {vex} {vex3} {evex} {rex}",
            )
        )
    return tuple(found), position


def suffixed(mnemonic: str) -> tuple[str, tuple[str, ...]]:
    """The mnemonic without an old suffix that chooses an encoding, and what stands for that.

    ``.s`` is the other direction, ``.d8`` and ``.d32`` the width of the displacement
    (gas/config/tc-i386.c, parse_insn).
    """
    stem, dot, suffix = mnemonic.rpartition(".")
    return (stem, (_SUFFIXES[suffix],)) if dot and suffix in _SUFFIXES else (mnemonic, ())


_SUFFIXES: Final = {"s": "swap", "d8": "disp8", "d16": "disp16", "d32": "disp32"}

# Intel's name with AT&T's suffixes, which GNU as knows in both syntaxes
_FAR_RETURNS: Final = {"retfw": "lretw", "retfl": "lretl", "retfq": "lretq"}


def head(
    text: str, dialect: Dialect, locate: Locate, lead: int
) -> tuple[tuple[int, ...], str, int, int]:
    """(prefix bytes, mnemonic or "", its offset, the offset of the operands)."""
    prefixes: tuple[int, ...] = ()
    position = lead
    while True:
        match = _HEAD.match(text, position)
        if match is None:
            if prefixes and not text[position:].strip():
                return prefixes, "", position, position
            rest = text[position:].split(maxsplit=1)
            place = locate(position, len(rest[0]) if rest else 1)
            raise InputError(error("an instruction is expected here", place))
        mnemonic = match[1].lower()
        start = match.start(1)
        position = match.end()
        if position == match.end(1) and position < len(text) and text[position] not in "\t /":
            raise InputError(
                error(
                    f"invalid character '{text[position]}' in mnemonic",
                    locate(position, 1),
                    hint="a blank separates the mnemonic from its operands",
                )
            )
        prefix = PREFIXES.get(mnemonic)
        if prefix is None:
            return prefixes, _FAR_RETURNS.get(mnemonic, mnemonic), start, position
        if text.startswith("/", position):
            position += 1  # gas/config/tc-i386.c, PREFIX_SEPARATOR
        _check_prefix(mnemonic, prefix, prefixes, dialect, locate, start)
        if 0x40 <= prefix <= 0x4F and prefixes and 0x40 <= prefixes[-1] <= 0x4F:
            prefixes = (*prefixes[:-1], prefixes[-1] | prefix)
        else:
            prefixes = (*prefixes, prefix)


def _check_prefix(
    name: str,
    prefix: int,
    before: tuple[int, ...],
    dialect: Dialect,
    locate: Locate,
    start: int,
) -> None:
    modes = (64,) if name.startswith("rex") else PREFIX_BITS.get(name, (16, 32, 64))
    if dialect.bits not in modes:
        raise InputError(
            error(f"'{name}' means nothing in {dialect.bits}-bit code", locate(start, len(name)))
        )
    # xacquire and xrelease go with lock, so only prefixes of one group exclude each other.
    if any(PREFIX_ORDER[p] == PREFIX_ORDER[prefix] for p in before):
        raise InputError(error("two prefixes of the same group", locate(start, len(name))))


def ordered(prefixes: tuple[int, ...] | bytes) -> list[int]:
    """Prefix bytes in the order in which GNU as writes them."""
    return sorted(prefixes, key=PREFIX_ORDER.__getitem__)


def with_prefixes(code: bytes, prefixes: tuple[int, ...]) -> tuple[bytes, int]:
    """`code` with the user's prefixes merged in, in GNU as's order; and by how much it grew."""
    cut = 0
    rex = 0
    own: list[int] = []
    while cut < len(code) - 1 and code[cut] in PREFIX_ORDER:
        byte = code[cut]
        if 0x40 <= byte <= 0x4F:
            if not any(0x40 <= p <= 0x4F for p in prefixes):
                break
            rex = byte
            cut += 1
            break
        own.append(byte)
        cut += 1
    merged = list(own)
    for prefix in prefixes:
        if 0x40 <= prefix <= 0x4F:
            merged.append(prefix | rex)
        elif prefix not in merged:
            merged.append(prefix)
    result = bytes(ordered(tuple(merged))) + code[cut:]
    return result, len(result) - len(code)

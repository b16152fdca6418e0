"""Batches of statements, whole columns at a time: texts in, results in their cheapest form out.

Takes the statements that `recipe` can cut, and plain branches; whatever else there is, and whatever
is wrong, is left to `Encoder.submit`, which says the same about all of them, one by one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from orobuild.assembler.encoder import recipe
from orobuild.assembler.encoder.types import FixupKind
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orobuild.assembler.encoder.encoder import Encoder
    from orobuild.assembler.encoder.types import Dialect, PlainFixup, Raw

# What may be an instruction and nothing else: no label, no assignment.
_ORDINARY: Final = pattern(r"([a-z][a-z0-9]*)(?:[ \t]+[^:=\0\s][^\0]*)?", re.ASCII)
# A number in no class, or a symbol: there is no recipe for these, so nothing can be learnt.
_HOPELESS: Final = pattern(r"\nZ|[,$*:+-][ \t]*[A-Za-z_.]|(?<!\n)[A-Za-z_]\(", re.ASCII)
_PLAIN: Final = FixupKind.PLAIN.value


class Found(NamedTuple):
    """Results by text; of the texts that mention a symbol by its address, the symbol's name;
    the first words of all."""

    raws: dict[str, Raw]
    mentions: list[tuple[str, str]]
    words: set[str]


def encode(
    encoder: Encoder,
    texts: Iterable[str],
    dialect: Dialect,
    takes_word: Callable[[str], bool],
    is_open: Callable[[str], bool],
) -> Found:
    """Encode what can be encoded together.

    `takes_word` says whether a statement that begins with a word is an instruction, `is_open`
    whether a symbol of that name has no value, as far as the encoder may know.
    """
    raws: dict[str, Raw] = {}
    mentions: list[tuple[str, str]] = []
    words: dict[str, bool] = {}
    kept: list[str] = []
    cut: list[str] = []
    symbols: list[tuple[str, int] | None] = []
    ordinary = _ORDINARY.fullmatch
    for text in texts:
        match = ordinary(text)
        if match is None:
            continue
        word = match[1]
        takes = words.get(word)
        if takes is None:
            takes = words[word] = takes_word(word)
        if not takes:
            continue
        if word[0] in "jc" and (raw := encoder.plain_branch(text, dialect)) is not None:
            raws[text] = raw
            continue
        if "(%rip)" in text and (found := recipe.relative(text)) is not None:
            if not is_open(found[1]):
                continue
            mentions.append((found[1], text))
            cut.append(found[0])
            symbols.append(found[1:])
        else:
            cut.append(text)
            symbols.append(None)
        kept.append(text)
    if not kept:
        return Found(raws, mentions, {word for word in words if words[word]})
    keys, numbers = encoder.cutter(dialect).cut_all(cut)
    missing: dict[str, str] = {}
    hopeless = _HOPELESS.search
    memo = encoder.memo
    for key, text in zip(keys, kept, strict=True):
        if key not in memo and key not in missing and not hopeless(key):
            missing[key] = text
    if missing and not dialect.intel:
        encoder.learn(missing, dialect)
    forms: dict[str, _Form | None] = {}
    at = 0
    for text, key, symbol in zip(kept, keys, symbols, strict=True):
        try:
            form = forms[key]
        except KeyError:
            form = forms[key] = _form(key, memo.get(key))
        first = at
        at += form[0] if form else key.count("\n") - (symbol is not None)
        if form is None or (form[4] < 0) != (symbol is None):
            continue
        _, bits, size, fields, place = form
        for token, mask, shift in fields:
            bits |= (numbers[first + token] & mask) << shift
        code = bits.to_bytes(size, "little")
        if symbol is None:
            raws[text] = code
        else:
            fixup: PlainFixup = (place, 4, symbol[0], None, symbol[1], True, True, _PLAIN)
            raws[text] = [code, fixup]
    mentions = [(name, text) for name, text in mentions if text in raws]
    return Found(raws, mentions, {word for word in words if words[word]})


_Form = tuple[int, int, int, tuple[tuple[int, int, int], ...], int]
"""How many numbers the text has; the code as a number, and its size in bytes; (number in the text,
mask, lowest bit) for each field; where the symbol's displacement is, or -1."""


def _form(key: str, known: object) -> _Form | None:
    """The recipe of a key, ready to be filled in; None for none."""
    if not isinstance(known, recipe.Recipe):
        return None
    code, fields, symbol = known
    return (
        key.count("\n") - (symbol >= 0),
        int.from_bytes(code, "little"),
        len(code),
        tuple((token, (1 << 8 * size) - 1, 8 * offset) for token, offset, size in fields),
        symbol,
    )

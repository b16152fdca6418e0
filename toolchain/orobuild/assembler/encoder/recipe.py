"""Recipes: a short cut from a statement's text to its bytes, without parsing its operands.

The first statement of a kind is parsed, encoded and read back. When all its operands are plain
numbers and registers, what was learnt is kept under the text with every number replaced by its
class: the range of values for which GNU as makes the same choices. The next statement of that
kind costs one split, one look-up and the patching of its numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from orobuild.assembler.encoder.operands import Immediate, Memory, number
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from orobuild.assembler.encoder.shaping import Statement
    from orobuild.assembler.encoder.template import Template
    from orobuild.assembler.encoder.types import Dialect

_ATT: Final = pattern(
    r"((?<![\w.%*)-])-?(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)(?![\w.)])"
    # In `jmp *8(%rax)` the star belongs to the operand; `2*8(%rax)` is an expression.
    r"|(?<=[ \t]\*)-?(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)(?=\())"
)
_INTEL: Final = pattern(r"(-?(?<![\w.*])(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)(?![\w.)*]))")
_RELATIVE: Final = pattern(
    # The symbol begins its operand: in `K + sym(%rip)` it is not all that there is.
    r"((?:[^\"'@]*,|[\w.]+(?:\s+[\w.]+)*(?=[\s*]))[\s*]*)([A-Za-z_.][\w.$]*)([+-](?:0x[0-9a-fA-F]+|[1-9][0-9]*|0))?(\(%rip\)[^\"'@]*)",
    re.ASCII,
)
_EDGES: Final = (
    (-(1 << 31), None),
    (-(1 << 16), "\nA"),
    (-(1 << 15), "\nO"),
    (-(1 << 8), "\nB"),
    (-(1 << 7), "\nP"),
    (0, "\nC"),
    (1, "\nD"),
    (2, "\nE"),
    (3, "\nF"),
    (4, "\nG"),
    (1 << 7, "\nF"),
    (1 << 8, "\nH"),
    (1 << 15, "\nI"),
    (0xFF80, "\nJ"),
    (1 << 16, "\nK"),
    (1 << 31, "\nL"),
    (0xFFFFFF80, "\nM"),
    (1 << 32, "\nN"),
)
"""(first value above the class, the class). 0, 1 and 3 stand alone: no displacement, shift by
one, breakpoint. What fits 8, 16 or 32 bits, signed or not, or wraps to a signed byte, differs."""
# In front of a parenthesis stands a displacement. Of those of 64-bit code, all are alike that fit
# a byte, but for 0, and all that need four.
_SHORT: Final = pattern(r"\n[CEG]\(")
_LONG: Final = pattern(r"\n[AOBPHIJK]\(")
# Integers that fit a signed byte are alike to these, whatever the operand's width.
_INTEGER: Final = pattern(
    r"((?:^|\0)(?:mov|add|or|adc|sbb|and|sub|xor|cmp|test)[bwlq]?[ \t]+\$\n)[CDEG](?=,)"
)
_SINGLE: Final = ("\nD", "\nE", "\nG")


class Recipe(NamedTuple):
    """`code` with zeros at the `fields`: (number in the text, offset, size).

    `symbol` is the offset of the 4-byte displacement of the one symbol relative to `%rip` that
    the text has, or -1.
    """

    code: bytes
    fields: tuple[tuple[int, int, int], ...]
    symbol: int = -1


def _class(value: int) -> str | None:
    for edge, name in _EDGES:
        if value < edge:
            return name
    return None


def relative(text: str) -> tuple[str, str, int] | None:
    """(`text` without its symbol, the symbol, what is added to it) for one `symbol(%rip)`.

    None for every other text, also where the symbol has a modifier.
    """
    match = _RELATIVE.fullmatch(text)
    if match is None or match[2] == ".":
        return None
    return match[1] + "\n@" + match[4], match[2], int(match[3], 0) if match[3] else 0


class Cutter:
    """Cuts the texts of one dialect at their numbers.

    A class in a key starts with a newline, which no statement contains.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._split = (_INTEL if dialect.intel else _ATT).split
        intel = "i" if dialect.intel else ""
        naked = "n" if dialect.naked else ""
        gcc = "g" if dialect.code16gcc else ""
        index = "z" if dialect.index_reg else ""
        self.tag = f"={dialect.bits}{intel}{naked}{gcc}{index} "
        self._intel = dialect.intel
        self._displaces = dialect.bits == 64 and not dialect.intel
        self._numbers: dict[str, tuple[int, str | None]] = {}

    def cut(self, text: str) -> tuple[str, list[int]] | None:
        """(the key of `text`, its numbers); None when a number is in no class."""
        pieces = self._split(text)
        values = []
        for i in range(1, len(pieces), 2):
            word = pieces[i]
            known = self._numbers.get(word)
            if known is None:
                value = number(word)
                # one that is too large is the parser's to refuse
                known = (0, None) if value is None else (value, _class(value))
                self._numbers[word] = known
            value, name = known
            if name is None:
                return None
            values.append(value)
            pieces[i] = name
        return self.tag + self._merged("".join(pieces)), values

    def cut_all(self, texts: list[str]) -> tuple[list[str], list[int]]:
        """`cut` of every text, none of which holds a NUL: their keys, and their numbers in a row.

        A number in no class stands in a key that no recipe has.
        """
        pieces = self._split("\0".join(texts))
        known = self._numbers
        words = pieces[1::2]
        for word in {*words}.difference(known):
            value = number(word)
            known[word] = (0, None) if value is None else (value, _class(value))
        pieces[1::2] = [known[word][1] or "\nZ" for word in words]
        keys = [self.tag + key for key in self._merged("".join(pieces)).split("\0")]
        return keys, [known[word][0] for word in words]

    def _merged(self, keys: str) -> str:
        """`keys` with the same class for numbers between which nothing makes a difference."""
        if not self._intel:
            keys = _INTEGER.sub(r"\1F", keys)
        return _LONG.sub("\nL(", _SHORT.sub("\nF(", keys)) if self._displaces else keys


# What only an expression has. In AT&T syntax a parenthesis holds registers, and a star marks an
# indirect branch; in Intel syntax sums of a number and registers are addresses.
_ATT_EXPRESSION: Final = pattern(r"\((?![%,\s])|[-+/&|^~<>!=']|(?<![\s,])\*")
_INTEL_EXPRESSION: Final = pattern(
    r"[(/&|^~<>!=']|[,\[\s]\s*(?:not|and|x?or|sh[lr]|mod|eq|ne|l[te]|g[te])\b(?=.*\n)",
    re.IGNORECASE,
)


def _computes(key: str, *, intel: bool) -> bool:
    """Whether a number of the statement may be part of an expression.

    The value of an expression can be one of its numbers by chance (`(20 + 1) & 15) * 4`).
    """
    statement = key.split(" ", 1)[1]
    operands = statement.partition(" ")[2] if intel else statement
    return (_INTEL_EXPRESSION if intel else _ATT_EXPRESSION).search(operands) is not None


def learn(
    statement: Statement, template: Template, code: bytes, lead: int, key: str, values: list[int]
) -> Recipe | None:
    """The recipe for statements like this one, None when its text does not show its numbers.

    `code` is the finished encoding, `lead` bytes longer at its front than the template's.
    """
    if statement.exact or statement.warnings or _computes(key, intel=statement.dialect.intel):
        return None
    symbol = -1
    tokens: dict[int, int] = {}
    written: list[int] = []
    classes = re.findall(r"\n[A-P]", key)
    fixed = []
    pairs = list(zip(statement.operands, statement.shape.indices, strict=True))
    if statement.dialect.intel and statement.shape.intel_order is not statement.shape.operands:
        pairs.reverse()
    for operand, index in pairs:
        if isinstance(operand, Immediate):
            value = operand.value
        elif isinstance(operand, Memory) and operand.displacement is not None:
            value = operand.displacement
        else:
            continue
        if not isinstance(value, int):
            # Only `relative` takes the symbol out of the key (marked "\n@"); with a modifier it stays.
            if not isinstance(operand, Memory) or symbol >= 0 or "\n@" not in key:
                return None
            symbol = index
            continue
        if index >= 0:
            tokens[index] = len(written)
        else:
            fixed.append(len(written))
        written.append(value)
    if written != values or len(classes) != len(values):
        return None
    if any(classes[token] not in _SINGLE for token in fixed):
        return None
    blank = bytearray(code)
    place = -1
    fields = []
    for field in template.fields:
        offset = field.offset + lead
        if field.value == symbol:
            if field.size != 4 or not field.pc_relative:
                return None
            place = offset
        token = tokens.get(field.value)
        if token is None:
            continue
        blank[offset : offset + field.size] = bytes(field.size)
        fields.append((token, offset, field.size))
    return Recipe(bytes(blank), tuple(fields), place)

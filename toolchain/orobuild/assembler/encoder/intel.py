"""Intel syntax: operands as values.

What follows the parser (shapes, keystone, read-back) knows one language; `translation` makes
`mov dword ptr [rax], 1` into `movl $1, (%rax)`. Sizes that the syntax states are kept in
`Memory.size` and compared with what the decoder finds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.operands import (
    AttParser,
    Immediate,
    Memory,
    Operand,
    RegisterOperand,
    allowed,
    check_address,
    rounding,
    undecorated,
    wrap64,
)
from orobuild.assembler.encoder.registers import Register, RegisterClass, find
from orobuild.assembler.expression import Binary, Here, SymbolRef
from orobuild.diagnostics import error
from orobuild.errors import InputError
from orobuild.patterns import pattern
from orobuild.records import dataclass, field, replace

if TYPE_CHECKING:
    from orobuild.assembler.encoder.operands import Value
    from orobuild.assembler.encoder.types import Dialect, Locate

SIZES: Final = {
    "byte": 1,
    "word": 2,
    "dword": 4,
    "fword": 6,
    "qword": 8,
    "mmword": 8,
    "tbyte": 10,
    "oword": 16,
    "xmmword": 16,
    "ymmword": 32,
    "zmmword": 64,
    "near": 0,
    "short": 0,
    "far": -1,
}
_OPERATORS: Final = {
    "|": 1, "or": 1, "^": 2, "xor": 2, "&": 3, "and": 3, "==": 4, "eq": 4, "ne": 4, "lt": 4,
    "le": 4, "gt": 4, "ge": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "mod": 6, "<<": 6, "shl": 6,
    ">>": 6, "shr": 6,
}  # fmt: skip
_SPELT: Final = {
    "or": "|", "xor": "^", "and": "&", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">",
    "ge": ">=", "mod": "%", "shl": "<<", "shr": ">>",
}  # fmt: skip
_WORD: Final = pattern(
    r"""("(?:[^"\\]|\\.)*"|'\\?.)|(?<![\w.$@])(not|or|xor|and|eq|ne|lt|le|gt|ge|mod|shl|shr|byte|word|[dfqo]word|(?:mm|xmm|ymm|zmm)word|tbyte|\$)(?![\w.$@])""",
    re.IGNORECASE | re.DOTALL,
)


def spelled_out(text: str) -> str:
    """An expression of a directive with Intel's words as operators; every place stays where it is.

    gas/config/tc-i386-intel.c, i386_intel_operators and i386_intel_parse_name.
    """
    signs = {**_SPELT, "not": "~", "$": ".", **{name: str(size) for name, size in SIZES.items()}}
    return _WORD.sub(lambda m: m[1] or f"{signs[m[2].lower()]:>{len(m[2])}}", text)


# What else names are made of: the front end's own (numeric labels), and letters beyond ASCII.
_RAW: Final = r"\x01\x02\x80-\U0010ffff"
_TOKEN: Final = pattern(
    r"""\s*(?:(?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)(?![\w])
    |(?P<st>%?st\s*\(\s*[0-7]\s*\))
    |(?P<register>%[A-Za-z][A-Za-z0-9]*)
    |(?P<name>(?:[A-Za-z_.$?{_RAW}][\w.$?{_RAW}]*|"(?:[^"\\]|\\.)*")(?:@[A-Za-z]+)?)
    |(?P<character>'(?:\\.|[^'\\])'?)
    |(?P<operator><<|>>|==|[-+*/%&|^~()\[\]:]))""".replace("{_RAW}", _RAW),
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


@dataclass(slots=True)
class _Sum:
    """A linear form: a value and registers, each with its scale (0: none written)."""

    value: Value = 0
    registers: list[tuple[Register, int]] = field(default_factory=list)


class IntelParser(AttParser):
    """Parses Intel operands of one dialect, in the order of the text."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)

    def _parse(self, text: str, offset: int, locate: Locate) -> Operand:
        place = locate(offset, max(1, len(text)))
        if not text:
            raise InputError(error("an operand is missing", place))
        if mode := rounding(text):
            return mode
        body, mask, zeroing, broadcast = undecorated(text)
        operand = _Reader(body, self.dialect, offset, locate).operand()
        if isinstance(operand, RegisterOperand):
            return replace(operand, mask=mask, zeroing=zeroing)
        if isinstance(operand, Memory):
            return replace(
                operand, mask=mask, zeroing=zeroing, broadcast=broadcast or operand.broadcast
            )
        return operand


class _Reader:
    """Reads one operand; the flags say what was met on the way."""

    def __init__(self, text: str, dialect: Dialect, offset: int, locate: Locate) -> None:
        self.text = text
        self.dialect = dialect
        self.offset = offset
        self.locate = locate
        self.position = 0
        self.size: int | None = None
        self.bracketed = False
        self.address = False
        self.broadcast = False
        self.direct = False
        self.segment: Register | None = None
        self.depth = 0

    def operand(self) -> Operand:
        total = self.sum(0)
        self.blank()
        if self.position < len(self.text):
            raise self.wrong(f"junk '{self.text[self.position :]}' after the operand")
        alone = total.registers[0][0] if total.registers and not self.bracketed else None
        if alone is not None and not self.segment:
            if len(total.registers) > 1 or total.registers[0][1] or total.value != 0:
                raise self.wrong("registers are added inside brackets")
            return RegisterOperand(alone)
        if self.address or (
            isinstance(total.value, int) and not self.bracketed and not self.segment
        ):
            if total.registers:
                raise self.wrong("'offset' takes no registers")
            return Immediate(total.value)
        return self.memory(total)

    def memory(self, total: _Sum) -> Memory:
        base, index, scale = self.roles(total.registers)
        place = self.locate(self.offset, max(1, len(self.text)))
        check_address(base, index, scale, self.dialect.bits, place)
        value: Value | None = total.value
        if value == 0 and (base is not None or index is not None):
            value = None
        # Far pointers and `bcst` have marks of their own; the size 0 is "not stated".
        size = self.size or 0
        return Memory(
            value,
            base,
            index,
            scale,
            self.segment,
            broadcast="bcst" if self.broadcast else None,
            size=size,
            indirect=(
                self.bracketed and not self.direct and not total.registers and value is not None
            ),
        )

    def roles(
        self, registers: list[tuple[Register, int]]
    ) -> tuple[Register | None, Register | None, int]:
        """Which register is the base and which the index, with its scale."""
        base: Register | None = None
        index: Register | None = None
        scale = 1
        for register, written in registers:
            vector = register.kind is RegisterClass.VECTOR
            if not written and not vector and base is None:
                base = register
            elif index is None:
                index, scale = register, written or 1
            elif base is None and not vector and written in (0, 1):
                base = register
            else:
                raise self.wrong("an address has one base and one index register")
        if index is not None and base is not None and scale == 1:
            turned = index.name in ("esp", "rsp") or (
                base.size == 2 and base.name in ("si", "di") and index.name in ("bx", "bp")
            )
            if turned:
                base, index = index, base
        if base is not None and base.kind is RegisterClass.NO_INDEX:
            base, index = index, base
        return base, index, scale

    def sum(self, level: int) -> _Sum:
        """An expression of operators that bind tighter than `level`."""
        self.depth += 1
        if self.depth > 100:
            raise self.wrong("operand nested too deeply")
        left = self.primary()
        while True:
            start = self.position
            kind, word = self.token()
            if word == "[" and level < _OPERATORS["+"]:
                self.position = start
                left = self.combined("+", left, self.primary())
                continue
            operator = word.lower()
            strength = _OPERATORS.get(operator, 0) if kind in ("operator", "name") else 0
            if strength <= level:
                self.position = start
                self.depth -= 1
                return left
            left = self.combined(_SPELT.get(operator, operator), left, self.sum(strength))

    def primary(self) -> _Sum:
        start = self.position
        kind, word = self.token()
        lower = word.lower()
        if kind == "number":
            return _Sum(self.number(word))
        if kind == "character":
            from orobuild.assembler.expression import Constant, parse

            literal, _ = parse(word, self.locate(self.offset + start, len(word)))
            assert isinstance(literal, Constant)
            return _Sum(literal.value)
        if kind in ("st", "register"):
            return self.register(re.sub(r"\s+", "", lower).lstrip("%"), start)
        if kind == "name":
            return self.word(word, lower, start)
        if word == "[":
            self.bracketed = True
            inside = self.sum(0)
            self.close("]")
            return inside
        if word == "(":
            inside = self.sum(0)
            self.close(")")
            return inside
        if word in ("-", "+", "~"):
            value = self.sum(_OPERATORS["*"])
            if word == "+":
                return value
            return self.unary(word, value)
        self.position = start
        raise self.wrong("an operand or an expression is expected here")

    def word(self, word: str, lower: str, start: int) -> _Sum:
        if lower in SIZES and self.followed_by_operand():
            self.pointer(lower)
            return self.primary()
        if lower == "offset":
            self.address = True
            mark = self.position
            kind, flat = self.token()
            if not (kind == "name" and flat.lower() == "flat" and self.token()[1] == ":"):
                self.position = mark
            return self.sum(_OPERATORS["+"] - 1)
        if SIZES.get(lower, 0) > 0:
            return _Sum(SIZES[lower])  # its number of bytes
        if lower == "not":
            return self.unary("~", self.sum(_OPERATORS["*"]))
        if (
            self.dialect.naked
            and (named := find(lower, self.dialect.bits))
            and allowed(named, self.dialect)
        ):
            return self.register(lower, start)
        if lower == "flat":
            mark = self.position
            if self.token()[1] == ":":
                self.bracketed = not self.address
                return self.primary()
            self.position = mark
        from orobuild.assembler.expression import unquote

        name, _, modifier = word.partition("@")
        if name.startswith('"'):
            name = unquote(name[1:-1])
        if name in (".", "$") and word[0] != '"':
            return _Sum(Here())
        return _Sum(SymbolRef(name, modifier.upper() or None))

    def pointer(self, lower: str) -> None:
        """After a size: `ptr` or `bcst`, which may be missing."""
        self.direct |= lower in ("near", "short")
        if self.size is None:  # of several the outermost counts
            self.size = SIZES[lower]
        mark = self.position
        kind, word = self.token()
        if kind == "name" and word.lower() == "ptr":
            return
        if kind == "name" and word.lower() == "bcst":
            self.broadcast = True
            return
        self.position = mark

    def followed_by_operand(self) -> bool:
        mark = self.position
        kind, word = self.token()
        self.position = mark
        return kind in ("name", "number", "register") or word in ("[", "(", "-")

    def register(self, name: str, start: int) -> _Sum:
        found = find(name, self.dialect.bits)
        if found is None or not allowed(found, self.dialect):
            parser = AttParser(self.dialect)
            raise parser.bad_register("%" + name, self.offset + start, self.locate)
        if found.kind is RegisterClass.SEGMENT:
            mark = self.position
            if self.token()[1] == ":":
                self.segment = found
                return self.primary()
            self.position = mark
        return _Sum(0, [(found, 0)])

    def combined(self, operator: str, left: _Sum, right: _Sum) -> _Sum:
        if operator == "+":
            return _Sum(self.binary("+", left.value, right.value), left.registers + right.registers)
        if operator == "*" and (left.registers or right.registers):
            one, number = (left, right) if left.registers else (right, left)
            scale = number.value
            if number.registers or one.value != 0 or len(one.registers) != 1 or one.registers[0][1]:
                raise self.wrong("a register is multiplied with a number")
            if scale not in (1, 2, 4, 8):
                raise self.wrong("the scale factor is 1, 2, 4 or 8")
            assert isinstance(scale, int)
            return _Sum(0, [(one.registers[0][0], scale)])
        if right.registers or (left.registers and operator != "-"):
            raise self.wrong("registers can only be added")
        return _Sum(self.binary(operator, left.value, right.value), left.registers)

    def binary(self, operator: str, left: Value, right: Value) -> Value:
        from orobuild.assembler.expression import Constant, apply

        if isinstance(left, int) and isinstance(right, int):
            if operator in ("/", "%") and right == 0:
                raise self.wrong("division by zero")
            return apply(operator, left, right)
        if operator == "+" and left == 0:
            return right
        if operator in ("+", "-") and right == 0:
            return left
        if operator == "+" and isinstance(left, int):
            left, right = right, left
        return Binary(
            operator,
            Constant(left) if isinstance(left, int) else left,
            Constant(right) if isinstance(right, int) else right,
        )

    def unary(self, operator: str, operand: _Sum) -> _Sum:
        from orobuild.assembler.expression import Unary

        if operand.registers:
            raise self.wrong("registers can only be added")
        if isinstance(operand.value, int):
            return _Sum(wrap64(-operand.value if operator == "-" else ~operand.value))
        return _Sum(Unary(operator, operand.value))

    def number(self, word: str) -> int:
        try:
            octal = len(word) > 1 and word[0] == "0" and word[1].isdigit()
            value = int(word, 8 if octal else 0)
        except ValueError:
            raise self.wrong(f"bad number '{word}'") from None
        if value >> 64:
            raise self.wrong(f"'{word}' does not fit into 64 bits")
        return wrap64(value)

    def token(self) -> tuple[str, str]:
        """The kind and the text of the next token; ("", "") at the end or at what is none."""
        match = _TOKEN.match(self.text, self.position)
        if match is None or match.lastgroup is None:
            return "", ""
        self.position = match.end()
        return match.lastgroup, match[match.lastgroup]

    def blank(self) -> None:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1

    def close(self, bracket: str) -> None:
        if self.token()[1] != bracket:
            raise self.wrong(f"'{bracket}' is missing")

    def wrong(self, message: str) -> InputError:
        start = min(self.position, max(0, len(self.text) - 1))
        return InputError(
            error(message, self.locate(self.offset + start, max(1, len(self.text) - start)))
        )

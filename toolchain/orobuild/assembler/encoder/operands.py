"""The operands of a statement as values, and the AT&T syntax that writes them.

Numbers become `int` (wrapped to 64 bits, signed); everything else that may stand where a number
may is an expression of the front end. The parser knows registers and punctuation; what an
operand means to an instruction is not decided here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orobuild.assembler.encoder.registers import Register, RegisterClass, find
from orobuild.diagnostics import did_you_mean, error
from orobuild.errors import InputError
from orobuild.patterns import pattern
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from orobuild.assembler.encoder.types import Dialect, Locate
    from orobuild.assembler.expression import Expr

    Value = int | Expr


@dataclass(frozen=True, slots=True)
class RegisterOperand:
    """A register; `indirect` is the `*` of `jmp *%rax`; `mask`, `zeroing` are AVX-512's."""

    register: Register
    indirect: bool = False
    mask: str | None = None
    zeroing: bool = False


@dataclass(frozen=True, slots=True)
class Immediate:
    """`$value`, or in Intel syntax a bare value."""

    value: Value


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory operand, or (AT&T) the bare target of a branch.

    `displacement` is None when nothing is written. `scale` is 1, 2, 4 or 8. `size` is the
    operand's size in bytes where the syntax says it (Intel's `dword ptr`), else 0.
    """

    displacement: Value | None = None
    base: Register | None = None
    index: Register | None = None
    scale: int = 1
    segment: Register | None = None
    indirect: bool = False
    broadcast: str | None = None
    mask: str | None = None
    zeroing: bool = False
    size: int = 0

    @property
    def absolute(self) -> bool:
        """No register takes part in the address (but perhaps a segment)."""
        return self.base is None and self.index is None

    @property
    def bare(self) -> bool:
        """Nothing but a displacement: what a branch target looks like."""
        return self.base is None and self.index is None and self.segment is None


@dataclass(frozen=True, slots=True)
class Rounding:
    """`{rn-sae}`, `{rd-sae}`, `{ru-sae}`, `{rz-sae}` or `{sae}`."""

    name: str


Operand = RegisterOperand | Immediate | Memory | Rounding

_NUMBER = pattern(r"[-+]?(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)")
_REGISTER = pattern(r"%\s*(st\s*\(\s*[0-7]\s*\)|[A-Za-z][A-Za-z0-9]*)", re.IGNORECASE)
_NAKED = pattern(r"(st\s*\(\s*[0-7]\s*\)|[A-Za-z][A-Za-z0-9]*)(?![\w.$@])", re.IGNORECASE)
_DECORATION = pattern(r"\s*\{\s*(%?k[0-7]|z|1to(?:2|4|8|16|32))\s*\}\s*$", re.IGNORECASE)
_ROUNDING = pattern(r"\{\s*((?:r[nduz]-)?sae)\s*\}", re.IGNORECASE)
_SCALES = {"1": 1, "2": 2, "4": 4, "8": 8}
_ADDRESS_16 = {("bx", "si"), ("bx", "di"), ("bp", "si"), ("bp", "di")}


def wrap64(value: int) -> int:
    """`value` as the signed 64-bit number that GNU as computes with."""
    return ((value + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)


def number(text: str) -> int | None:
    """The value of a plain decimal or hexadecimal number, or None for any other expression."""
    if not _NUMBER.fullmatch(text):
        return None
    value = int(text, 0)
    # What needs more than 64 bits is left to the expression parser, which says so.
    return wrap64(value) if -(1 << 64) < value < 1 << 64 else None


def split(text: str) -> list[tuple[str, int]]:
    """The comma-separated operands of `text` with their offsets, blanks stripped."""
    if "(" not in text and '"' not in text and "'" not in text and "{" not in text:
        pieces, start = text.split(","), 0
    else:
        pieces, start, depth, i, begin = [], 0, 0, 0, 0
        while i < len(text):
            c = text[i]
            if c in "([{":
                depth += 1
            elif c in ")]}":
                depth -= 1
            elif c == '"':
                end = text.find('"', i + 1)
                while end > 0 and text[end - 1] == "\\":
                    end = text.find('"', end + 1)
                i = end if end > 0 else len(text)
            elif c == "'":
                i += 2 if text[i + 1 : i + 2] == "\\" else 1
            elif c == "," and depth <= 0:
                pieces.append(text[begin:i])
                begin = i + 1
            i += 1
        pieces.append(text[begin:])
    result = []
    for piece in pieces:
        stripped = piece.strip()
        result.append((stripped, start + len(piece) - len(piece.lstrip()) if stripped else start))
        start += len(piece) + 1
    return result


def rounding(text: str) -> Rounding | None:
    """`{rn-sae}` and its like, or None for anything else."""
    match = _ROUNDING.fullmatch(text)
    return Rounding(match[1].lower()) if match else None


def undecorated(text: str) -> tuple[str, str | None, bool, str | None]:
    """An operand without AVX-512's decorations, and these: mask, zeroing, broadcast."""
    mask = broadcast = None
    zeroing = False
    while text.endswith("}") and (match := _DECORATION.search(text)):
        word = match[1].lower().lstrip("%")
        if word == "z":
            zeroing = True
        elif word[0] == "k":
            mask = word
        else:
            broadcast = word
        text = text[: match.start()]
    return text, mask, zeroing, broadcast


def allowed(register: Register, dialect: Dialect) -> bool:
    """Whether the name is a register's in this dialect."""
    return register.kind is not RegisterClass.NO_INDEX or dialect.index_reg


class AttParser:
    """Parses AT&T operands of one dialect; operands without symbols are remembered."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._known: dict[str, Operand] = {}

    def parse(self, text: str, offset: int, locate: Locate) -> Operand:
        """The operand written as `text`, which starts at `offset` of the statement.

        Raises InputError when it is no operand.
        """
        operand = self._known.get(text)
        if operand is not None:
            return operand
        operand = self._parse(text, offset, locate)
        if (
            isinstance(operand, RegisterOperand | Rounding)
            or (isinstance(operand, Immediate) and isinstance(operand.value, int))
            or (
                isinstance(operand, Memory)
                and (operand.displacement is None or isinstance(operand.displacement, int))
            )
        ):
            self._known[text] = operand
        return operand

    def _parse(self, text: str, offset: int, locate: Locate) -> Operand:
        if not text:
            raise InputError(error("an operand is missing", locate(offset, 1)))
        if text[0] == "$":
            return Immediate(self._value(text[1:], offset + 1, locate))
        if text[0] == "{" and (mode := rounding(text)):
            return mode
        body, mask, zeroing, broadcast = undecorated(text)
        indirect = body.startswith("*")
        if indirect:
            rest = body[1:].lstrip()
            offset += len(body) - len(rest)
            body = rest
        register, consumed = self._register(body, offset, locate)
        if register is not None and not body[consumed:].strip():
            return RegisterOperand(register, indirect, mask, zeroing)
        segment = None
        if register is not None:
            rest = body[consumed:].lstrip()
            if not rest.startswith(":") or register.kind is not RegisterClass.SEGMENT:
                place = locate(offset + len(body) - len(rest), max(1, len(rest)))
                raise InputError(error(f"junk '{rest}' after register", place))
            segment = register
            rest = rest[1:].lstrip()
            offset += len(body) - len(rest)
            body = rest
            if body.startswith("*"):
                indirect = True
                body = body[1:]
                offset += 1
        memory = self._memory(body, offset, locate)
        if not (segment or indirect or broadcast or mask or zeroing):
            return memory
        return replace(
            memory,
            segment=segment,
            indirect=indirect,
            broadcast=broadcast,
            mask=mask,
            zeroing=zeroing,
        )

    def _register(self, text: str, offset: int, locate: Locate) -> tuple[Register | None, int]:
        """A register at the start of `text` and the number of characters it takes."""
        if text.startswith("%"):
            match = _REGISTER.match(text)
        elif self.dialect.naked and text[:1].isalpha():
            match = _NAKED.match(text)
        else:
            return None, 0
        name = re.sub(r"\s+", "", match[1]).lower() if match else ""
        register = find(name, self.dialect.bits)
        if register is not None and match is not None and allowed(register, self.dialect):
            return register, match.end()
        if not text.startswith("%"):
            return None, 0
        raise self.bad_register(text[: match.end()] if match else text, offset, locate)

    def bad_register(self, text: str, offset: int, locate: Locate) -> InputError:
        """The error for a `%name` that is no register of this mode."""
        from orobuild.assembler.encoder.registers import REGISTERS

        name = text.lstrip("%").strip().lower()
        bits = self.dialect.bits
        hint: str | None
        if name in ("eiz", "riz"):
            hint = "'.allow_index_reg' or -mindex-reg makes %eiz and %riz registers"
        elif name in REGISTERS:
            hint = f"'%{name}' exists only in 64-bit code; this is .code{bits}"
        else:
            hint = did_you_mean(name, (r for r in REGISTERS if find(r, bits)))
        return InputError(
            error(f"bad register name '{text.strip()}'", locate(offset, len(text)), hint=hint)
        )

    def _value(self, text: str, offset: int, locate: Locate) -> Value:
        stripped = text.strip()
        value = number(stripped)
        if value is not None:
            return value
        return parse_expression(text, offset, locate)

    def _memory(self, text: str, offset: int, locate: Locate) -> Memory:
        if text.endswith(")"):
            opening = _matching(text)
            inside = text[opening + 1 : -1]
            lead = inside.lstrip()
            if opening >= 0 and (not lead or lead[0] in ",%" or self._names_register(lead)):
                before = text[:opening].strip()
                displacement = self._value(text[:opening], offset, locate) if before else None
                return self._address(displacement, inside, offset + opening + 1, locate)
        return Memory(self._value(text, offset, locate))

    def _names_register(self, text: str) -> bool:
        if not self.dialect.naked:
            return False
        match = _NAKED.match(text)
        found = find(match[1], self.dialect.bits) if match else None
        return found is not None and allowed(found, self.dialect)

    def _address(
        self, displacement: Value | None, inside: str, offset: int, locate: Locate
    ) -> Memory:
        """`inside` is what stands between the parentheses: base, index, scale."""
        pieces = split(inside)
        if len(pieces) > 3:
            raise InputError(
                error("an address has a base, an index and a scale", locate(offset, len(inside)))
            )
        registers: list[Register | None] = [None, None]
        for position, (piece, start) in enumerate(pieces[:2]):
            if not piece:
                continue
            register, consumed = self._register(piece, offset + start, locate)
            if register is None and position == 1 and len(pieces) == 2 and piece in _SCALES:
                continue  # `(,1)`: an index's scale without an index, which GNU as accepts
            if register is None or piece[consumed:].strip():
                raise InputError(
                    error(f"'{piece}' is not a register", locate(offset + start, len(piece)))
                )
            registers[position] = register
        scale = 1
        if len(pieces) == 3 and pieces[2][0]:
            piece, start = pieces[2]
            value = self._value(piece, offset + start, locate)
            if not isinstance(value, int):
                from orobuild.assembler.expression import fold

                value = fold(value, lambda _name: None) or 0
            if value not in (1, 2, 4, 8):
                raise InputError(
                    error(
                        f"the scale factor is 1, 2, 4 or 8, not '{piece}'",
                        locate(offset + start, len(piece)),
                    )
                )
            scale = value
        base, index = registers
        check_address(base, index, scale, self.dialect.bits, locate(offset, len(inside)))
        return Memory(displacement, base, index, scale)


def check_address(
    base: Register | None, index: Register | None, scale: int, bits: int, place: object
) -> None:
    """Raise InputError unless the processor can form this address in `bits`-bit code."""
    from orobuild.diagnostics import Span

    assert isinstance(place, Span)
    for register, role in ((base, "a base"), (index, "an index")):
        if register is None:
            continue
        usable = (
            (
                register.kind is RegisterClass.GENERAL
                and register.size in ((4, 8) if bits == 64 else (2, 4))
            )
            or (role == "a base" and register.kind is RegisterClass.POINTER)
            or (
                role == "an index"
                and register.kind in (RegisterClass.VECTOR, RegisterClass.NO_INDEX)
            )
        )
        if register.name == "dx" and role == "a base" and index is None:
            continue
        if not usable or (role == "an index" and register.name in ("esp", "rsp")):
            raise InputError(error(f"'%{register.name}' cannot be {role} register", place))
    if base is not None and base.name == "dx":
        return  # a port: `in (%dx), %al`
    if base and base.kind is RegisterClass.POINTER and index:
        raise InputError(error(f"'%{base.name}' takes no index register", place))
    if base and index and index.kind is not RegisterClass.VECTOR and base.size != index.size:
        raise InputError(error("base and index registers differ in size", place))
    if (base and base.size == 2) or (index and index.size == 2):
        names = (base.name if base else None, index.name if index else None)
        alone = index is None and names[0] in ("bx", "bp", "si", "di")
        if scale != 1 or not (alone or names in _ADDRESS_16):
            raise InputError(
                error(
                    "not a 16-bit address",
                    place,
                    hint="16-bit addresses are (%bx), (%bp), (%si), (%di) and "
                    "(%bx|%bp,%si|%di), without a scale",
                )
            )


def _matching(text: str) -> int:
    """The offset of the `(` that the final `)` of `text` closes, or -1."""
    depth = 0
    for i in range(len(text) - 1, -1, -1):
        if text[i] == ")":
            depth += 1
        elif text[i] == "(":
            depth -= 1
            if not depth:
                return i
    return -1


def parse_expression(text: str, offset: int, locate: Locate) -> Value:
    """The front end's expression for all of `text`; raises InputError when some is left over."""
    from orobuild.assembler.expression import Constant, parse

    lead = len(text) - len(text.lstrip())
    body = text.strip()
    place = locate(offset + lead, max(1, len(body)))
    if not body:
        raise InputError(error("an expression is missing", place))
    expression, consumed = parse(body, place)
    rest = body[consumed:]
    if rest.strip():
        raise InputError(
            error(
                f"junk '{rest.strip()}' after expression",
                locate(offset + lead + consumed, len(rest)),
            )
        )
    if isinstance(expression, Constant):
        return wrap64(expression.value)
    return expression

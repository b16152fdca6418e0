"""Data directives: numbers, strings, floating point and files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler import floating
from orobuild.assembler.directives.table import Directive
from orobuild.assembler.emission import Field
from orobuild.assembler.fragment import FillTail, LebTail, SpaceTail
from orobuild.assembler.leb128 import sleb128, uleb128
from orobuild.assembler.symbol import Linear
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit

_NUMBERS: Final = pattern(
    r"[ \t]*-?(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)[ \t]*"
    r"(?:,[ \t]*-?(?:0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)[ \t]*)*$"
)
_SMALL_FILL: Final = 1 << 12  # bytes; larger fills stay a count and a pattern


def integers(unit: Unit, operands: Operands, size: int, *, signed: bool = False) -> None:
    """``.byte``, ``.quad`` and their like: `size` bytes for every expression.

    Addresses are `signed` numbers in ``.slong``.
    """
    text = operands.text
    reader = unit.frame_reader()
    if reader is None and _NUMBERS.match(text):
        out = bytearray()
        for piece in text.split(","):
            value = int(piece, 0)
            if -(1 << (8 * size)) < value < 1 << (8 * size):
                out += (value & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
            else:
                out += _truncated(operands, value, size)
        unit.emit(bytes(out))
        return
    if operands.at_end():
        return
    while True:
        at = operands.skip_space()
        if size == 1 and unit.strict and operands.string() is not None:
            # GNU as takes it for a symbol's name.
            operands.fail(
                f"'{operands.name}' takes numbers, not a string",
                hint="use '.ascii' or '.asciz' for strings",
                position=at,
                length=operands.position - at,
            )
        bound = _value(operands)
        if reader is None or not reader.number(unit, bound, size):
            _number(unit, operands, bound, size, signed=signed and unit.bits == 64)
        if not operands.accept(","):
            break
    operands.end()


def _value(operands: Operands) -> Linear:
    """An expression; what is missing is 0, as in GNU as, but not in strict mode."""
    missing = operands.at_end() or operands.text.startswith(",", operands.position)
    if missing and not operands.unit.strict:
        operands.warn("an expression is missing: 0 is taken")
        return Linear(None, None, 0)
    return operands.linear()


def _number(
    unit: Unit, operands: Operands, value: Linear, size: int, *, signed: bool = False
) -> None:
    """One value: bytes when it is a number, a field when it is not yet."""
    if not value.is_number:
        if size > 8:
            operands.fail(f"'{operands.name}' takes only numbers, and this is an address")
        unit.emit(Field(value, size, signed=signed))
        return
    number = value.number
    if -(1 << (8 * size)) < number < 1 << (8 * size):
        unit.emit((number & ((1 << (8 * size)) - 1)).to_bytes(size, "little"))
        return
    unit.emit(_truncated(operands, number, size))


def _truncated(operands: Operands, number: int, size: int) -> bytes:
    """`number` cut to `size` bytes, with a warning, as in GNU as."""
    low = number & ((1 << (8 * size)) - 1)
    shown = number & ((1 << 64) - 1) if -(1 << 63) <= number < 1 << 64 else number
    operands.warn(f"value {shown:#x} truncated to {low:#x}")
    return low.to_bytes(size, "little")


def strings(unit: Unit, operands: Operands, width: int, terminated: bool) -> None:
    """``.ascii``, ``.asciz``, ``.string16``: characters of `width` bytes each."""
    out = bytearray()
    while not operands.at_end():
        value = operands.required_string()
        while (more := operands.string()) is not None:
            # adjacent strings are one
            if terminated:
                value += more
            else:
                value += more
        if terminated:
            value += b"\0"
        if width > 1:
            value = b"".join(bytes((byte,)) + bytes(width - 1) for byte in value)
        out += value
        if not operands.accept(","):
            break
    operands.end()
    unit.emit(bytes(out))


def floats(unit: Unit, operands: Operands, form: floating.Format) -> None:
    """``.float`` and ``.double``: IEEE 754 numbers, and the x87's."""
    out = bytearray()
    while not operands.at_end():
        out += _float(operands, form)
        if not operands.accept(","):
            break
    operands.end()
    unit.emit(bytes(out))


def _float(operands: Operands, form: floating.Format) -> bytes:
    text, at = operands.text, operands.skip_space()
    if match := floating.HEXADECIMAL.match(text, at):
        operands.position = match.end()
        value = floating.digits(match[1], form)
        if value is None:
            operands.fail(
                f"more digits than a number of {form.size} bytes has",
                position=at,
                length=match.end() - at,
            )
        return value
    prefix = floating.PREFIX.match(text, at)
    match = floating.NUMBER.match(text, prefix.end() if prefix else at)
    if match is None or match.end() == at:
        operands.fail("expected a floating point number")
    operands.position = match.end()
    value = floating.encode(match, form)
    if value is None:
        operands.fail(
            f"'{match[0].strip()[:40]}' is out of the range of a number of {form.size} bytes",
            position=at,
            length=match.end() - at,
        )
    return value


def fill(unit: Unit, operands: Operands) -> None:
    """``.fill repeat, size, value``."""
    count = operands.linear()
    size, value = 1, 0
    if operands.accept(","):
        size = 0
        if not operands.text[operands.position :].lstrip().startswith(","):
            size = operands.number("size")
        if operands.accept(","):
            value = operands.number("fill value")
    operands.end()
    if size < 0:
        operands.warn("the size is negative: nothing is filled", 0)
        return
    if size > 8:
        operands.warn(f"a size of {size} is taken as 8", 0)
        size = 8
    # gas/read.c, s_fill: only the low 4 bytes of the value are used
    pattern = (value & 0xFFFFFFFF).to_bytes(8, "little")[:size]
    if size:
        repeat(unit, operands, count, pattern)


def repeat(unit: Unit, operands: Operands, count: Linear, pattern: bytes) -> None:
    """`count` times `pattern`, at once when the count is known."""
    number = unit.known(count) if count.add is None or count.sub is not None else None
    if number is None and count.add is not None:
        number = unit.known(count)
    if number is None:
        unit.emit(SpaceTail(count, pattern, unit.place))
        return
    if number < 0:
        operands.warn(f"the count is negative ({number}): nothing is filled", 0)
        return
    if number * len(pattern) <= _SMALL_FILL:
        unit.emit(pattern * number)
        return
    unit.check_size(number * len(pattern))
    unit.emit(FillTail(number, pattern))


def skip(unit: Unit, operands: Operands) -> None:
    """``.skip count, value``, also `.space` and `.zero`."""
    count = operands.linear()
    value = operands.number("fill value") if operands.accept(",") else 0
    operands.end()
    repeat(unit, operands, count, bytes((value & 0xFF,)))


def leb128(unit: Unit, operands: Operands, signed: bool) -> None:
    """``.uleb128`` and ``.sleb128``."""
    reader = unit.frame_reader()
    while True:
        value = _value(operands)
        if reader is not None:
            reader.number(unit, value, None)
        if value.is_number:
            number = value.number
            if signed:
                unit.emit(sleb128(number))
            else:
                unit.emit(uleb128(number & ((1 << 64) - 1) if number < 0 else number))
        else:
            unit.emit(LebTail(value, signed, unit.place))
        if not operands.accept(","):
            break
    operands.end()


def incbin(unit: Unit, operands: Operands) -> None:
    """``.incbin "file", skip, count``: the bytes of a file."""
    at = operands.skip_space()
    name = operands.required_string("a file name").decode("utf-8", "surrogateescape")
    length = operands.position - at
    start, count = 0, None
    if operands.accept(","):
        if not operands.text[operands.position :].lstrip().startswith(","):
            start = operands.number("number of bytes to skip")
        if operands.accept(","):
            count = operands.number("number of bytes")
    operands.end()
    data = unit.inputs.read(name, operands.span(at, length))
    if start < 0 or start > len(data):
        operands.fail(f"cannot skip {start} bytes of '{name}', which has {len(data)}", position=at)
    end = len(data) if count is None or count == 0 else start + count
    if end > len(data) or end < start:
        operands.fail(
            f"'{name}' has only {len(data)} bytes, not {start} + {count}",
            position=at,
            length=length,
        )
    unit.check_size(end - start)
    unit.emit(data[start:end])


def _integers(size: int, note: str = "") -> Directive:
    return Directive(partial(integers, size=size), note or f"{8 * size}-bit numbers")


def _strings(width: int, *, terminated: bool) -> Directive:
    note = "strings" + (f" of {8 * width}-bit characters" if width > 1 else "")
    return Directive(
        partial(strings, width=width, terminated=terminated),
        note + (", each ended by a zero" if terminated else ""),
    )


DIRECTIVES: Final = {
    ".byte": _integers(1),
    ".2byte": _integers(2),
    ".short": _integers(2),
    ".hword": _integers(2),
    ".word": _integers(2),
    ".value": _integers(2),
    ".4byte": _integers(4),
    ".long": _integers(4),
    ".int": _integers(4),
    ".8byte": _integers(8),
    ".quad": _integers(8),
    ".octa": _integers(16),
    ".dc": _integers(2),
    ".dc.b": _integers(1),
    ".dc.w": _integers(2),
    ".dc.l": _integers(4),
    ".ascii": _strings(1, terminated=False),
    ".asciz": _strings(1, terminated=True),
    ".string": _strings(1, terminated=True),
    ".string8": _strings(1, terminated=True),
    ".string16": _strings(2, terminated=True),
    ".string32": _strings(4, terminated=True),
    ".string64": _strings(8, terminated=True),
    ".float": Directive(partial(floats, form=floating.SINGLE), "32-bit floating point numbers"),
    ".single": Directive(partial(floats, form=floating.SINGLE), "32-bit floating point numbers"),
    ".double": Directive(partial(floats, form=floating.DOUBLE), "64-bit floating point numbers"),
    ".dc.s": Directive(partial(floats, form=floating.SINGLE), "32-bit floating point numbers"),
    ".dc.d": Directive(partial(floats, form=floating.DOUBLE), "64-bit floating point numbers"),
    ".dc.x": Directive(partial(floats, form=floating.EXTENDED), "80-bit floating point numbers"),
    ".tfloat": Directive(partial(floats, form=floating.EXTENDED), "80-bit floating point numbers"),
    ".ffloat": Directive(partial(floats, form=floating.SINGLE), "32-bit floating point numbers"),
    ".dfloat": Directive(partial(floats, form=floating.DOUBLE), "64-bit floating point numbers"),
    ".hfloat": Directive(partial(floats, form=floating.HALF), "16-bit floating point numbers"),
    ".bfloat16": Directive(partial(floats, form=floating.BRAIN), "bfloat16 numbers"),
    ".fill": Directive(fill, "repeated values of up to 8 bytes"),
    ".skip": Directive(skip, "repeated bytes"),
    ".space": Directive(skip, "repeated bytes"),
    ".zero": Directive(skip, "repeated bytes"),
    ".uleb128": Directive(partial(leb128, signed=False), "unsigned LEB128 numbers"),
    ".sleb128": Directive(partial(leb128, signed=True), "signed LEB128 numbers"),
    ".incbin": Directive(incbin, "the bytes of a file"),
}

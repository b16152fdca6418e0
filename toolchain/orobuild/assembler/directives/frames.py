"""The `.cfi_*` directives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler import cfi
from orobuild.assembler.cfi import Rule
from orobuild.assembler.directives.table import Directive
from orobuild.assembler.dwarf_registers import number as dwarf_number
from orobuild.assembler.symbol import Kind

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.symbol import Linear
    from orobuild.assembler.unit import Unit


def sections(unit: Unit, operands: Operands) -> None:
    """``.cfi_sections .eh_frame, .debug_frame``."""
    eh_frame = debug_frame = False
    while not operands.at_end():
        at = operands.skip_space()
        name = operands.name_operand("a section name")
        if name == ".eh_frame":
            eh_frame = True
        elif name == ".debug_frame":
            debug_frame = True
        else:
            operands.fail(
                f"call frame information cannot go to '{name}'",
                position=at,
                length=len(name),
                hint="the sections are .eh_frame and .debug_frame",
            )
        if not operands.accept(","):
            break
    operands.end()
    unit.cfi_sections = (eh_frame, debug_frame)


def start(unit: Unit, operands: Operands) -> None:
    """``.cfi_startproc`` and ``.cfi_startproc simple``."""
    word = "" if operands.at_end() else operands.word("simple")
    operands.end()
    if word not in ("", "simple"):
        operands.fail(f"'{word}' is not 'simple'", position=0)
    if unit.stream.frame is not None:
        unit.fail("'.cfi_startproc' again before '.cfi_endproc'")
    eh_frame, debug_frame = unit.cfi_sections
    label = unit.here()
    frame = cfi.Frame(
        label, unit.place, eh_frame, debug_frame, cfi.return_column(unit.bits), last=label
    )
    if word != "simple":
        frame.rules += cfi.initial_rules(unit.bits, unit.dialect.bits)
        frame.cfa_offset = unit.bits // 8
    unit.stream.frame = frame
    unit.frames.append(frame)


def end(unit: Unit, operands: Operands) -> None:
    """``.cfi_endproc``."""
    operands.end()
    frame = _open(unit, operands)
    frame.end = unit.here()
    unit.stream.frame = None


def _open(unit: Unit, operands: Operands) -> cfi.Frame:
    frame: cfi.Frame | None = unit.stream.frame
    if frame is None:
        operands.fail(
            f"'{operands.name}' outside '.cfi_startproc' and '.cfi_endproc'",
            position=-operands.start,
            length=len(operands.name),
        )
    return frame


def _add(unit: Unit, frame: cfi.Frame, rule: Rule) -> None:
    """A rule that takes effect here."""
    assert frame.last is not None
    if not unit.is_here(frame.last):
        here = unit.here()
        frame.rules.append(Rule(cfi.DW_CFA_ADVANCE_LOC, (), here))
        frame.last = here
    frame.rules.append(rule)


def _register(unit: Unit, operands: Operands) -> int:
    """A register as its DWARF number."""
    at = operands.skip_space()
    text = operands.text
    percent = operands.accept("%")
    if percent or text[at : at + 1].isalpha():
        word = operands.word("a register")
        found = dwarf_number(word.lower(), unit.dialect.bits)
        if found is None:
            shown = text[at : operands.position]
            operands.fail(f"'{shown}' has no DWARF number", position=at, length=len(shown))
        return found
    value = operands.number("register number")
    if value < 0:
        operands.fail(f"a register number cannot be negative ({value})", position=at)
    return value


def rule(unit: Unit, operands: Operands, opcode: int, shape: str) -> None:
    """A directive whose operands are registers (``r``) and offsets (``o``), as `shape` says."""
    frame = _open(unit, operands)
    values: list[int] = []
    for index, letter in enumerate(shape):
        if index:
            operands.expect_comma()
        values.append(_register(unit, operands) if letter == "r" else operands.number("offset"))
    repeat = shape == "r" and opcode in (
        cfi.DW_CFA_RESTORE,
        cfi.DW_CFA_UNDEFINED,
        cfi.DW_CFA_SAME_VALUE,
    )
    if opcode in (cfi.DW_CFA_OFFSET, cfi.DW_CFA_VAL_OFFSET):
        _check_offset(unit, operands, values[1])
    if opcode == cfi.DW_CFA_DEF_CFA:
        frame.cfa_offset = values[1]
    elif opcode == cfi.DW_CFA_DEF_CFA_OFFSET:
        frame.cfa_offset = values[0]
    _add(unit, frame, Rule(opcode, tuple(values)))
    while repeat and operands.accept(","):
        _add(unit, frame, Rule(opcode, (_register(unit, operands),)))
    operands.end()


def _check_offset(unit: Unit, operands: Operands, offset: int) -> None:
    size = unit.bits // 8
    if offset % size:
        operands.fail(f"the offset {offset} of a saved register is not a multiple of {size}")


def adjust(unit: Unit, operands: Operands) -> None:
    """``.cfi_adjust_cfa_offset``: relative to the offset so far."""
    frame = _open(unit, operands)
    frame.cfa_offset += operands.number("offset")
    operands.end()
    _add(unit, frame, Rule(cfi.DW_CFA_DEF_CFA_OFFSET, (frame.cfa_offset,)))


def relative(unit: Unit, operands: Operands) -> None:
    """``.cfi_rel_offset register, offset``: relative to the stack pointer."""
    frame = _open(unit, operands)
    register = _register(unit, operands)
    operands.expect_comma()
    offset = operands.number("offset")
    operands.end()
    _check_offset(unit, operands, offset - frame.cfa_offset)
    _add(unit, frame, Rule(cfi.DW_CFA_OFFSET, (register, offset - frame.cfa_offset)))


def remember(unit: Unit, operands: Operands) -> None:
    """``.cfi_remember_state``."""
    operands.end()
    frame = _open(unit, operands)
    frame.saved.append(frame.cfa_offset)
    _add(unit, frame, Rule(cfi.DW_CFA_REMEMBER_STATE))


def restore_state(unit: Unit, operands: Operands) -> None:
    """``.cfi_restore_state``."""
    operands.end()
    frame = _open(unit, operands)
    if not frame.saved:
        unit.fail("'.cfi_restore_state' without a '.cfi_remember_state' before it")
    frame.cfa_offset = frame.saved.pop()
    _add(unit, frame, Rule(cfi.DW_CFA_RESTORE_STATE))


def escape(unit: Unit, operands: Operands) -> None:
    """``.cfi_escape bytes``."""
    frame = _open(unit, operands)
    values = [operands.number("byte") & 0xFF]
    while operands.accept(","):
        values.append(operands.number("byte") & 0xFF)
    operands.end()
    _add(unit, frame, Rule(cfi.ESCAPE, tuple(values)))


def window_save(unit: Unit, operands: Operands) -> None:
    """``.cfi_window_save`` and ``.cfi_negate_ra_state``: one byte, whatever it means."""
    operands.end()
    _add(unit, _open(unit, operands), Rule(cfi.DW_CFA_WINDOW_SAVE))


def label(unit: Unit, operands: Operands) -> None:
    """``.cfi_label name``: a label inside the call frame information itself."""
    frame = _open(unit, operands)
    symbol = operands.symbol()
    operands.end()
    if symbol.kind is not Kind.UNDEFINED:
        unit.redefined(symbol)
    symbol.defined_at = unit.place
    _add(unit, frame, Rule(cfi.LABEL, (), None, symbol))


def encoded_address(unit: Unit, operands: Operands) -> None:
    """``.cfi_val_encoded_addr register, encoding, address``."""
    frame = _open(unit, operands)
    register = _register(unit, operands)
    operands.expect_comma()
    value = _encoded(operands)
    operands.end()
    if value is not None:
        rule = Rule(cfi.VAL_ENCODED_ADDRESS, (register, value[0]), None, None, value[1])
        _add(unit, frame, rule)


def column(unit: Unit, operands: Operands) -> None:
    """``.cfi_return_column``."""
    frame = _open(unit, operands)
    at = operands.skip_space()
    number = _register(unit, operands)
    if number > 0xFF:
        operands.fail(f"the return column {number} does not fit a byte", position=at)
    frame.return_column = number
    operands.end()


def signal(unit: Unit, operands: Operands) -> None:
    """``.cfi_signal_frame``."""
    operands.end()
    _open(unit, operands).signal = True


def _encoded(operands: Operands) -> tuple[int, Linear] | None:
    """``encoding, address``; None for DW_EH_PE_omit."""
    at = operands.skip_space()
    encoding = operands.number("encoding")
    if encoding == cfi.DW_EH_PE_OMIT:
        return None
    if encoding & ~0xFF or encoding & 7 not in (0, 2, 3, 4) or encoding & 0x70 not in (0, 0x10):
        operands.fail(f"the pointer encoding {encoding:#x} is not supported", position=at)
    operands.expect_comma()
    return encoding, operands.linear()


def pointer(unit: Unit, operands: Operands, *, lsda: bool) -> None:
    """``.cfi_personality encoding, symbol`` and ``.cfi_lsda encoding, symbol``."""
    frame = _open(unit, operands)
    value = _encoded(operands)
    operands.end()
    if lsda:
        frame.lsda = value
    else:
        frame.personality = value


def _rule(opcode: int, shape: str, note: str) -> Directive:
    return Directive(partial(rule, opcode=opcode, shape=shape), note)


_NOTE: Final = "call frame information"
DIRECTIVES: Final = {
    ".cfi_sections": Directive(sections, ".eh_frame and .debug_frame"),
    ".cfi_startproc": Directive(start, _NOTE),
    ".cfi_endproc": Directive(end, _NOTE),
    ".cfi_def_cfa": _rule(cfi.DW_CFA_DEF_CFA, "ro", _NOTE),
    ".cfi_def_cfa_register": _rule(cfi.DW_CFA_DEF_CFA_REGISTER, "r", _NOTE),
    ".cfi_def_cfa_offset": _rule(cfi.DW_CFA_DEF_CFA_OFFSET, "o", _NOTE),
    ".cfi_adjust_cfa_offset": Directive(adjust, _NOTE),
    ".cfi_offset": _rule(cfi.DW_CFA_OFFSET, "ro", _NOTE),
    ".cfi_val_offset": _rule(cfi.DW_CFA_VAL_OFFSET, "ro", _NOTE),
    ".cfi_rel_offset": Directive(relative, _NOTE),
    ".cfi_register": _rule(cfi.DW_CFA_REGISTER, "rr", _NOTE),
    ".cfi_restore": _rule(cfi.DW_CFA_RESTORE, "r", _NOTE),
    ".cfi_undefined": _rule(cfi.DW_CFA_UNDEFINED, "r", _NOTE),
    ".cfi_same_value": _rule(cfi.DW_CFA_SAME_VALUE, "r", _NOTE),
    ".cfi_remember_state": Directive(remember, _NOTE),
    ".cfi_restore_state": Directive(restore_state, _NOTE),
    ".cfi_escape": Directive(escape, "raw call frame instructions"),
    ".cfi_window_save": Directive(window_save, _NOTE),
    ".cfi_negate_ra_state": Directive(window_save, _NOTE),
    ".cfi_label": Directive(label, "a label inside the call frame information"),
    ".cfi_val_encoded_addr": Directive(encoded_address, _NOTE),
    ".cfi_return_column": Directive(column, _NOTE),
    ".cfi_signal_frame": Directive(signal, _NOTE),
    ".cfi_personality": Directive(partial(pointer, lsda=False), "exception handling"),
    ".cfi_lsda": Directive(partial(pointer, lsda=True), "exception handling"),
}

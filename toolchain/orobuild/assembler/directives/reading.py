"""Directives about how the text is read: macros, files, messages, code width and syntax."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler import macro, processor
from orobuild.assembler.directives.table import Directive
from orobuild.assembler.source import Frame, scrub
from orobuild.diagnostics import did_you_mean, error, warning
from orobuild.errors import InputError
from orobuild.records import replace

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit

MAX_INCLUDES: Final = 64


def code(unit: Unit, operands: Operands, bits: int, gcc: bool = False) -> None:
    """``.code16``, ``.code32``, ``.code64``, ``.code16gcc``."""
    operands.end()
    unit.set_dialect(unit.dialect._replace(bits=bits, code16gcc=gcc))


def syntax(unit: Unit, operands: Operands, intel: bool) -> None:
    """``.att_syntax`` and ``.intel_syntax``."""
    word = "" if operands.at_end() else operands.word("prefix or noprefix")
    operands.end()
    if word not in ("", "prefix", "noprefix"):
        operands.fail(f"'{word}' is not 'prefix' or 'noprefix'", position=0)
    naked = word == "noprefix" or (intel and word == "")
    if intel and word == "":
        naked = True
    unit.set_dialect(unit.dialect._replace(intel=intel, naked=naked))


def include(unit: Unit, operands: Operands) -> None:
    """``.include "file"``."""
    at = operands.skip_space()
    name = operands.required_string("a file name").decode("utf-8", "surrogateescape")
    span = operands.span(at, operands.position - at)
    operands.end()
    parent = unit.frame
    assert parent is not None
    depth, frame = 0, parent
    while frame.parent is not None:
        depth += frame.kind == "file"
        frame = frame.parent
    if depth >= MAX_INCLUDES:
        unit.fatal(
            f"files are included too deeply (the limit is {MAX_INCLUDES})",
            hint="does a file include itself?",
        )
    text = unit.inputs.read(name, span, source=True).decode("utf-8", "surrogateescape")
    path = unit.inputs.found_path(name)
    scrubbed = scrub(text, path)
    for problem in scrubbed.problems:
        unit.report(problem)
    child = Frame(
        path,
        scrubbed.statements,
        scrubbed.lines,
        markers=scrubbed.markers,
        text=text,
        parent=parent,
        note="included from here",
    )
    child.nesting = parent.nesting
    unit.enter(child)


def message(unit: Unit, operands: Operands, is_error: bool) -> None:
    """``.error`` and ``.warning``."""
    text = operands.string()
    operands.end()
    default = f"'{operands.name}' was reached"
    shown = text.decode("utf-8", "replace") if text is not None else default
    if is_error:
        raise InputError(error(shown, unit.span()))
    unit.report(warning(shown, unit.span()))


def print_(unit: Unit, operands: Operands) -> None:
    """``.print "text"``: GNU as writes it to the terminal; here it is a note-like warning."""
    text = operands.required_string()
    operands.end()
    unit.report(warning(text.decode("utf-8", "replace"), unit.span(), rule="print"))


def fail(unit: Unit, operands: Operands) -> None:
    """``.err``."""
    raise InputError(error(f"'{operands.name}' was reached", unit.span()))


def fail_number(unit: Unit, operands: Operands) -> None:
    """``.fail number``: an error below 500, a warning from 500 on."""
    value = operands.number("number")
    operands.end()
    text = f"'.fail {value}' was reached"
    if value >= 500:
        unit.report(warning(text, unit.span()))
    else:
        raise InputError(error(text, unit.span()))


def abort(unit: Unit, operands: Operands) -> None:
    """``.abort``."""
    unit.fatal("'.abort' was reached")


def end(unit: Unit, operands: Operands) -> None:
    """``.end``: the rest of the input is not read."""
    operands.end()
    frame = unit.frame
    while frame is not None:
        frame.index = len(frame.statements)
        frame.repeat = 1
        frame = frame.parent


def alternate(unit: Unit, operands: Operands, on: bool) -> None:
    """``.altmacro`` and ``.noaltmacro``."""
    operands.end()
    unit.alternate = on


def ignore(unit: Unit, operands: Operands) -> None:
    """A directive of GNU as that changes nothing in the object."""
    operands.rest()


def page_size(unit: Unit, operands: Operands) -> None:
    """``.psize lines, columns``."""
    if not operands.at_end():
        operands.number("lines of a page")
    if operands.accept(","):
        operands.number("columns of a page")
    operands.end()


def arch(unit: Unit, operands: Operands) -> None:
    """``.arch name``: the processor that code is for from here on."""
    at = operands.skip_space()
    name = operands.word("a processor name").lower()
    end = operands.position
    if operands.accept(","):
        jumps = operands.word("'jumps'")
        if jumps != "jumps":
            operands.fail(f"'{jumps}' is not supported: branches always reach their targets")
    operands.end()
    if name == "push":
        unit.processors.append(unit.processor)
        return
    if name == "pop":
        if not unit.processors:
            operands.fail("'.arch pop' without a '.arch push' before it", position=at)
        before = unit.processors.pop()
        if before == processor.default(unit.bits):
            # GNU as keeps tuning for the processor that was left.
            before = replace(before, long_nops=unit.processor.long_nops)
        unit.set_processor(before)
        return
    chosen = processor.default(unit.bits) if name == "default" else unit.processor.chosen(name)
    if chosen is None:
        names = [*processor.NAMES, *(f".{extension}" for extension in processor.EXTENSIONS)]
        operands.fail(
            f"unknown processor '{name}'",
            position=at,
            length=end - at,
            hint=did_you_mean(name, names),
        )
    unit.set_processor(chosen)


def nothing(unit: Unit, operands: Operands) -> None:
    """A directive without operands that changes nothing."""
    operands.end()


DIRECTIVES: Final = {
    ".macro": Directive(macro.define, "parameters with :req, :vararg and defaults"),
    ".endm": Directive(macro.stray, "the end of a macro"),
    ".endmacro": Directive(macro.stray, "the end of a macro (LLVM)"),
    ".exitm": Directive(macro.leave, "leave the macro"),
    ".mexit": Directive(macro.leave, "leave the macro"),
    ".purgem": Directive(macro.purge, "forget a macro"),
    ".rept": Directive(macro.repeat, "repeat"),
    ".rep": Directive(macro.repeat, "repeat"),
    ".irp": Directive(partial(macro.repeat_values, characters=False), "repeat for values"),
    ".irep": Directive(partial(macro.repeat_values, characters=False), "repeat for values"),
    ".irepc": Directive(partial(macro.repeat_values, characters=True), "repeat for characters"),
    ".irpc": Directive(partial(macro.repeat_values, characters=True), "repeat for characters"),
    ".endr": Directive(macro.stray, "the end of a repetition"),
    ".altmacro": Directive(partial(alternate, on=True), "alternate macro syntax"),
    ".noaltmacro": Directive(partial(alternate, on=False), "normal macro syntax"),
    ".include": Directive(include, "read another file"),
    ".code16": Directive(partial(code, bits=16), "16-bit code"),
    ".code16gcc": Directive(
        partial(code, bits=16, gcc=True), "16-bit code made by a 32-bit compiler"
    ),
    ".code32": Directive(partial(code, bits=32), "32-bit code"),
    ".code64": Directive(partial(code, bits=64), "64-bit code"),
    ".att_syntax": Directive(partial(syntax, intel=False), "AT&T syntax"),
    ".intel_syntax": Directive(partial(syntax, intel=True), "Intel syntax"),
    ".att_mnemonic": Directive(nothing, "AT&T mnemonics (the default)"),
    ".error": Directive(partial(message, is_error=True), "an error"),
    ".warning": Directive(partial(message, is_error=False), "a warning"),
    ".print": Directive(print_, "a message"),
    ".err": Directive(fail, "an error"),
    ".fail": Directive(fail_number, "an error or a warning"),
    ".abort": Directive(abort, "stop"),
    ".end": Directive(end, "the end of the input"),
    ".arch": Directive(arch, "the processor: decides padding; and which instructions it has"),
    ".list": Directive(nothing, "listing control"),
    ".nolist": Directive(nothing, "listing control"),
    ".eject": Directive(nothing, "listing control"),
    ".psize": Directive(page_size, "listing control"),
    ".title": Directive(ignore, "listing control"),
    ".sbttl": Directive(ignore, "listing control"),
    ".lflags": Directive(ignore, "ignored, as in GNU as"),
    ".addrsig": Directive(ignore, "LLVM's address significance, ignored"),
    ".addrsig_sym": Directive(ignore, "LLVM's address significance, ignored"),
}

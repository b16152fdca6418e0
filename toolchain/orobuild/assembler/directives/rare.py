"""Directives that few files use: `.reloc`, `.struct`, blocks, notes, and what GNU as ignores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler import floating
from orobuild.assembler.directives.data import floats, integers, repeat
from orobuild.assembler.directives.symbols import bind_symbols, set_symbol
from orobuild.assembler.directives.table import Directive
from orobuild.assembler.relocation import ExplicitRelocation
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Linear
from orobuild.diagnostics import did_you_mean
from orobuild.elf import constants as c
from orobuild.elf.descriptions import R_386, R_X86_64

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit

_GENERIC_64: Final = {
    "BFD_RELOC_NONE": c.R_X86_64_NONE,
    "BFD_RELOC_8": c.R_X86_64_8,
    "BFD_RELOC_16": c.R_X86_64_16,
    "BFD_RELOC_32": c.R_X86_64_32,
    "BFD_RELOC_64": c.R_X86_64_64,
}
_GENERIC_32: Final = {
    "BFD_RELOC_NONE": c.R_386_NONE,
    "BFD_RELOC_8": c.R_386_8,
    "BFD_RELOC_16": c.R_386_16,
    "BFD_RELOC_32": c.R_386_32,
}
_NT_VERSION: Final = 1
_TAG_COMPATIBILITY: Final = 32


def ignore(unit: Unit, operands: Operands) -> None:
    """A directive whose operands GNU as does not look at."""
    operands.rest()


def reloc(unit: Unit, operands: Operands) -> None:
    """``.reloc offset, name, expression``: a relocation as it is written."""
    offset = operands.linear()
    operands.expect_comma()
    at = operands.skip_space()
    name = operands.name_operand("a relocation type")
    names = {text: kind for kind, text in (R_X86_64 if unit.bits == 64 else R_386).items()}
    kinds = {**names, **(_GENERIC_64 if unit.bits == 64 else _GENERIC_32)}
    if name not in kinds:
        operands.fail(
            f"unknown relocation type '{name}'",
            position=at,
            length=len(name),
            hint=did_you_mean(name, kinds),
        )
    value = operands.linear() if operands.accept(",") else Linear(None, None, 0)
    operands.end()
    unit.section.explicit_relocations.append(
        ExplicitRelocation(offset, kinds[name], value, unit.place)
    )


def structure(unit: Unit, operands: Operands) -> None:
    """``.struct`` and ``.offset``: labels from here on are numbers, until the next section."""
    value = 0 if operands.at_end() else operands.number("offset")
    operands.end()
    unit.previous = (unit.section, unit.stream)
    unit.begin_structure(value)


def block(unit: Unit, operands: Operands, size: int, form: floating.Format | None) -> None:
    """``.dcb count, value``: a value repeated."""
    count = operands.number("count")
    if operands.accept(","):
        rest = operands.text[operands.position :]
        operands.position = len(operands.text)
        value = type(operands)(
            unit, operands.name, rest, operands.start + len(operands.text) - len(rest)
        )
    else:
        value = type(operands)(unit, operands.name, "0", operands.start)
    if count < 0:
        operands.warn(f"the count is negative ({count}): nothing is filled", 0)
        return
    unit.check_size(count * size)
    text, start = value.text, value.start
    if count > 1 << 16:
        operands.fail(f"a count of {count} is too large for '{operands.name}'", hint="use '.fill'")
    for _ in range(count):
        each = type(operands)(unit, operands.name, text, start)
        if form is not None:
            floats(unit, each, form)
        else:
            integers(unit, each, size)


def storage(unit: Unit, operands: Operands, size: int) -> None:
    """``.ds count``: zeros."""
    count = operands.linear()
    operands.end()
    repeat(unit, operands, count, bytes(size))


def address_sized(unit: Unit, operands: Operands) -> None:
    """``.dc.a``: numbers of the size of an address."""
    integers(unit, operands, unit.bits // 8)


def version(unit: Unit, operands: Operands) -> None:
    """``.version "text"``: a note of type NT_VERSION (gas/config/obj-elf.c)."""
    text = operands.required_string() + b"\0"
    operands.end()
    section = unit.sections.get((".note", None, None))
    if section is None:
        section = Section(".note", c.SHT_NOTE, 0)
        unit.add_section(section, unit.place)
    section.alignment_power = max(section.alignment_power, 2)
    head = len(text).to_bytes(4, "little") + bytes(4) + _NT_VERSION.to_bytes(4, "little")
    stream = section.stream()
    stream.items.append(head + text + bytes(-len(text) % 4))
    stream.places.append(unit.place)


def base64_data(unit: Unit, operands: Operands) -> None:
    """``.base64 "text"``: decoded bytes."""
    import base64
    import binascii

    while True:
        at = operands.skip_space()
        text = operands.required_string()
        try:
            unit.emit(base64.b64decode(text, validate=True))
        except binascii.Error:
            operands.fail("this is not base64", position=at, length=operands.position - at)
        if not operands.accept(","):
            break
    operands.end()


def linkonce(unit: Unit, operands: Operands) -> None:
    """``.linkonce type``: GNU as ignores it in ELF, with a warning."""
    operands.rest()
    operands.warn("'.linkonce' does nothing in ELF; use a comdat group", 0)


def attach(unit: Unit, operands: Operands) -> None:
    """``.attach_to_group name``: the current section becomes a member of a group."""
    name = operands.name_operand("a group name")
    operands.end()
    section = unit.section
    if section.group is not None:
        operands.warn(f"section '{section.name}' is in group '{section.group}' already", 0)
        return
    unit.attach(section, name)


def attribute(unit: Unit, operands: Operands) -> None:
    """``.gnu_attribute tag, value``: an object attribute of the vendor "gnu"."""
    tag = operands.number("tag")
    operands.expect_comma()
    number = None
    if tag == _TAG_COMPATIBILITY or not tag & 1:
        number = operands.number("value")
        if tag == _TAG_COMPATIBILITY:
            operands.expect_comma()
    text = operands.required_string() if tag == _TAG_COMPATIBILITY or tag & 1 else None
    operands.end()
    if tag < 0:
        operands.fail(f"the tag is negative ({tag})", position=0)
    unit.attributes[tag] = (number, text)


def check(unit: Unit, operands: Operands) -> None:
    """``.sse_check`` and ``.operand_check``: what GNU as should say; we say what is wrong."""
    at = operands.skip_space()
    word = operands.word("none, warning or error")
    operands.end()
    if word not in ("none", "warning", "error"):
        operands.fail(f"'{word}' is not none, warning or error", position=at, length=len(word))


def index_reg(unit: Unit, operands: Operands, on: bool) -> None:
    """``.allow_index_reg``: the names of no index, as disassemblers write them."""
    operands.rest()
    unit.set_dialect(unit.dialect._replace(index_reg=on))


def one_nop(unit: Unit, operands: Operands) -> None:
    """``.nop size``: as many instructions as have that many bytes, but at least one."""
    size = 1 if operands.at_end() else operands.number("size")
    operands.end()
    unit.check_size(size)
    for _ in range(max(1, size)):
        unit.instruction("nop", 0)


def mri(unit: Unit, operands: Operands) -> None:
    """``.mri 0``: MRI mode can only be off."""
    if operands.number("mode"):
        operands.fail("MRI syntax is not supported", position=0)
    operands.end()


def _block(size: int, form: floating.Format | None = None) -> Directive:
    return Directive(partial(block, size=size, form=form), "a value repeated")


def _storage(size: int) -> Directive:
    return Directive(partial(storage, size=size), "zeros")


_IGNORED: Final = Directive(ignore, "ignored, as in GNU as")
DIRECTIVES: Final = {
    ".reloc": Directive(reloc, "a relocation as written"),
    ".struct": Directive(structure, "labels as offsets in a structure"),
    ".offset": Directive(structure, "labels as offsets in a structure"),
    ".dc.a": Directive(address_sized, "numbers of the size of an address"),
    ".slong": Directive(partial(integers, size=4, signed=True), "signed 32-bit numbers"),
    ".dcb": _block(2),
    ".dcb.b": _block(1),
    ".dcb.w": _block(2),
    ".dcb.l": _block(4),
    ".dcb.s": _block(4, floating.SINGLE),
    ".dcb.d": _block(8, floating.DOUBLE),
    ".dcb.x": _block(10, floating.EXTENDED),
    ".ds": _storage(2),
    ".ds.b": _storage(1),
    ".ds.w": _storage(2),
    ".ds.l": _storage(4),
    ".ds.s": _storage(4),
    ".ds.d": _storage(8),
    ".ds.x": _storage(10),
    ".ds.p": _storage(10),
    ".xdef": Directive(partial(bind_symbols, binding=c.STB_GLOBAL), "global binding"),
    ".lsym": Directive(partial(set_symbol, operator="="), "assign"),
    ".version": Directive(version, "a version note"),
    ".base64": Directive(base64_data, "bytes in base64 (newer GNU as)"),
    ".nop": Directive(one_nop, "no-operations, at least one"),
    ".linkonce": Directive(linkonce, "ignored with a warning, as in GNU as"),
    ".attach_to_group": Directive(attach, "put the section into a group"),
    ".gnu_attribute": Directive(attribute, "an object attribute"),
    ".allow_index_reg": Directive(partial(index_reg, on=True), "%eiz and %riz are registers"),
    ".disallow_index_reg": Directive(partial(index_reg, on=False), "they are not (the default)"),
    ".sse_check": Directive(check, "accepted, changes nothing"),
    ".operand_check": Directive(check, "accepted, changes nothing"),
    ".mri": Directive(mri, "only `.mri 0`"),
    **dict.fromkeys(
        (
            ".extern", ".xref", ".func", ".endfunc", ".name", ".format", ".noformat", ".nopage",
            ".page", ".plen", ".llen", ".ttl", ".spc", ".debug",
            ".optim", ".noopt", ".linefile",
        ),
        _IGNORED,
    ),
}  # fmt: skip

"""Directives that choose a section: `.section`, `.text`, `.pushsection`, `.previous`."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from orobuild.assembler.directives.table import Directive
from orobuild.assembler.section import Section, defaults
from orobuild.assembler.text import decode_string
from orobuild.diagnostics import Note, error, warning
from orobuild.elf import constants as c
from orobuild.errors import InputError
from orobuild.patterns import pattern
from orobuild.records import dataclass

if TYPE_CHECKING:
    from orobuild.assembler.operands import Operands
    from orobuild.assembler.unit import Unit

_NAME: Final = pattern(r'[ \t]*(?:"((?:\\.|[^"\\])*)"|([^\s,;"][^\s,;]*))')
_FLAG_NUMBER: Final = pattern(r"0[xX][0-9a-fA-F]+|0[0-7]+(?![0-9])|0|[1-9][0-9]*")
_FLAGS: Final = {
    "a": c.SHF_ALLOC,
    "w": c.SHF_WRITE,
    "x": c.SHF_EXECINSTR,
    "M": c.SHF_MERGE,
    "S": c.SHF_STRINGS,
    "G": c.SHF_GROUP,
    "T": c.SHF_TLS,
    "e": c.SHF_EXCLUDE,
    "o": c.SHF_LINK_ORDER,
    "R": c.SHF_GNU_RETAIN,
    "l": c.SHF_X86_64_LARGE,
    "d": c.SHF_GNU_MBIND,
}
_WORDS: Final = {
    "write": c.SHF_WRITE,
    "alloc": c.SHF_ALLOC,
    "execinstr": c.SHF_EXECINSTR,
    "exclude": c.SHF_EXCLUDE,
    "tls": c.SHF_TLS,
}
"""Solaris' attributes, each behind a `#` (gas/config/obj-elf.c, obj_elf_section_word)."""
_TYPES: Final = {
    "progbits": c.SHT_PROGBITS,
    "nobits": c.SHT_NOBITS,
    "note": c.SHT_NOTE,
    "init_array": c.SHT_INIT_ARRAY,
    "fini_array": c.SHT_FINI_ARRAY,
    "preinit_array": c.SHT_PREINIT_ARRAY,
    "unwind": c.SHT_X86_64_UNWIND,
}
_ARRAYS: Final = (c.SHT_INIT_ARRAY, c.SHT_FINI_ARRAY, c.SHT_PREINIT_ARRAY)
_PROCESSOR: Final = c.SHF_X86_64_LARGE | c.SHF_EXCLUDE


@dataclass(slots=True)
class _Request:
    """What a `.section` line asks for; None where it says nothing."""

    name: str
    flags: int | None = None
    sh_type: int | None = None
    entsize: int = 0
    group: str | None = None
    comdat: bool = False
    unique: int | None = None
    link_order: str | None = None
    same_group: bool = False
    info: int = 0

    @property
    def identity(self) -> object:
        """What tells sections of one name and group apart (get_section_by_match)."""
        retained = (self.flags or 0) & c.SHF_GNU_RETAIN
        if self.link_order is None and not retained and not self.info:
            return self.unique
        return self.unique, self.link_order, retained, self.info


def _parse(unit: Unit, operands: Operands) -> tuple[_Request, int | None]:
    """A section request, and for `.pushsection` the subsection number."""
    match = _NAME.match(operands.text, operands.position)
    if match is None:
        operands.fail(f"'{operands.name}' expects a section name")
    operands.position = match.end()
    request = _Request(match[2] or _quoted_name(operands, match))
    if not request.name:
        operands.fail("a section name cannot be empty")
    if unit.options.flags.substitute_names:
        request.name = request.name.replace("%S", unit.section.name)
    number: int | None = None
    if not operands.accept(","):
        operands.end()
        return request, None
    operands.skip_space()
    if operands.name.lower() == ".pushsection" and not operands.text.startswith(
        '"', operands.position
    ):
        number = operands.number("subsection number")
        if not operands.accept(","):
            operands.end()
            return request, number
        operands.skip_space()
    if operands.text.startswith("#", operands.position):
        _parse_words(operands, request)
        operands.end()
        return request, number
    at = operands.position
    flags = operands.string()
    if flags is None:
        operands.fail("expected a flags string", hint='such as "ax",@progbits')
    _parse_flags(unit, operands, request, flags.decode("utf-8", "replace"), at + 1)
    if operands.accept(","):
        _parse_type(unit, operands, request)
    _parse_rest(operands, request)
    operands.end()
    return request, number


def _parse_words(operands: Operands, request: _Request) -> None:
    """``#alloc,#execinstr``: flags and a type, as Solaris has them."""
    request.flags = 0
    while True:
        at = operands.skip_space()
        if not operands.accept("#"):
            operands.fail("expected '#' and a section attribute")
        word = operands.word("a section attribute", _WORDS)
        if word in _WORDS:
            request.flags |= _WORDS[word]
        elif word in _TYPES:
            request.sh_type = _TYPES[word]
        else:
            operands.fail(
                f"unknown section attribute '#{word}'",
                position=at,
                length=len(word) + 1,
                hint=f"there are {', '.join(f'#{name}' for name in (*_WORDS, *_TYPES))}",
            )
        if not operands.accept(","):
            break


def _quoted_name(operands: Operands, match: re.Match[str]) -> str:
    """The name between quotes, with the escapes of a string."""
    at = match.start(1)
    data = decode_string(match[1] or "", lambda offset, text: operands.warn(text, at + offset, 2))
    return data.decode("utf-8", "surrogateescape")


def _parse_flags(unit: Unit, operands: Operands, request: _Request, text: str, at: int) -> None:
    value = 0
    offset = 0
    while offset < len(text):
        letter = text[offset]
        number = _FLAG_NUMBER.match(text, offset)
        offset += 1
        if number is not None:
            value |= int(number[0], 0)
            offset = number.end()
        elif letter == "?":
            request.same_group = True
        elif letter in _FLAGS and (letter != "l" or unit.bits == 64):
            value |= _FLAGS[letter]
        else:
            known = "".join(_FLAGS)
            operands.fail(
                f"unknown section flag '{letter}'",
                position=at + offset - 1,
                hint=f"the flags are {known}?",
            )
    request.flags = value & ((1 << unit.bits) - 1)
    if request.same_group and unit.section.group is not None:
        request.group, request.comdat = unit.section.group, unit.section.comdat
        request.flags |= c.SHF_GROUP


def _parse_type(unit: Unit, operands: Operands, request: _Request) -> None:
    at = operands.skip_space()
    if literal := operands.string():
        word = literal.decode("utf-8", "replace")
    elif operands.accept("@") or operands.accept("%"):
        match = re.compile(r"[A-Za-z_0-9]+").match(operands.text, operands.position)
        word = match[0] if match else ""
        operands.position += len(word)
    else:
        # `unique,N` or an entry size may follow without a type
        operands.position = operands.text.rindex(",", 0, at)
        return
    if word.lower() == "unwind" and unit.bits == 32:
        operands.warn("'unwind' is a section type of 64-bit objects: ignored", at)
    elif word.lower() in _TYPES:
        request.sh_type = _TYPES[word.lower()]
    else:
        try:
            request.sh_type = int(word, 0)
        except ValueError:
            names = ", ".join(f"@{name}" for name in _TYPES)
            if not unit.strict:
                operands.warn(f"unknown section type '{word}' is left out; there are {names}", at)
                return
            operands.fail(
                f"unknown section type '{word}'",
                position=at,
                length=operands.position - at,
                hint=f"the types are {names}",
            )
        if not 0 <= request.sh_type < 1 << 32:
            operands.fail(f"the section type {word} does not fit 32 bits", position=at)


def _parse_rest(operands: Operands, request: _Request) -> None:
    """Entry size, group, linked-to section and `unique`, as the flags call for them."""
    flags = request.flags or 0
    if flags & c.SHF_MERGE:
        if not operands.accept(","):
            hint = 'such as "aMS",@progbits,1'
            if operands.unit.strict:
                operands.fail("the flag 'M' needs an entry size", hint=hint)
            operands.warn(f"the flag 'M' needs an entry size, {hint}: it is left out")
            flags = request.flags = flags & ~c.SHF_MERGE
        else:
            request.entsize = operands.number("entry size")
            if not 0 < request.entsize < 1 << 31:
                operands.fail(
                    f"the entry size is {request.entsize}; it must be between 1 and 2**31-1"
                )
    if flags & c.SHF_LINK_ORDER and operands.accept(",") and not operands.accept("0"):
        request.link_order = operands.name_operand("a section or symbol name")
    if flags & c.SHF_GROUP and not request.same_group:
        if not operands.accept(","):
            hint = 'such as "axG",@progbits,name,comdat'
            if operands.unit.strict:
                operands.fail("the flag 'G' needs a group name", hint=hint)
            operands.warn(f"the flag 'G' needs a group name, {hint}: it is left out")
            flags = request.flags = flags & ~c.SHF_GROUP
        else:
            request.group = operands.name_operand("a group name")
            position = operands.position
            if operands.accept(","):
                if operands.accept("comdat"):
                    request.comdat = True
                else:
                    operands.position = position
    if flags & c.SHF_GNU_MBIND:
        if not flags & c.SHF_ALLOC:
            operands.fail("the flag 'd' is for sections in memory: it needs 'a'")
        position = operands.position
        if operands.accept(","):
            if operands.text[operands.skip_space() :][:1].isdigit():
                request.info = operands.number("number of the memory")
            else:
                operands.position = position
    if operands.accept(","):
        if not operands.accept("unique"):
            operands.fail("expected 'unique' here")
        operands.expect_comma()
        request.unique = operands.number("unique number")


def _choose(unit: Unit, operands: Operands, request: _Request) -> Section:
    """The section that is asked for, made when it is new (gas, obj_elf_change_section)."""
    if unit.strict:
        request.flags = unit.strict.request(request.name, request.flags, operands)
    known = unit.sections.get((request.name, request.group, request.identity))
    if known is not None:
        _compare(unit, operands, known, request)
        return known
    special = defaults(request.name, unit.bits)
    flags = request.flags or 0
    sh_type = request.sh_type
    entsize = request.entsize
    if special is not None:
        override = False
        if sh_type is None:
            sh_type = special.sh_type
        elif sh_type == c.SHT_PROGBITS and special.sh_type in _ARRAYS:
            # gas/config/obj-elf.c, obj_elf_change_section: compilers of old say so
            operands.warn(f"section '{request.name}' keeps its own type", 0)
            sh_type = special.sh_type
        elif sh_type != special.sh_type and special.sh_type not in (*_ARRAYS, c.SHT_NOTE):
            operands.warn(f"section '{request.name}' gets an unusual type", 0)
        foreign = flags & ~(_PROCESSOR | c.SHF_GNU_RETAIN) & ~special.sh_flags
        foreign &= ~(c.SHF_GROUP | c.SHF_LINK_ORDER | c.SHF_MERGE | c.SHF_STRINGS)
        if foreign:
            if special.sh_type == c.SHT_NOTE and flags in (c.SHF_ALLOC, c.SHF_EXECINSTR):
                pass
            elif (flags == c.SHF_ALLOC and request.name in (".interp", ".strtab", ".symtab")) or (
                flags == c.SHF_EXECINSTR and request.name == ".note.GNU-stack"
            ):
                override = True
            else:
                operands.warn(f"section '{request.name}' gets unusual attributes", 0)
                override = True
        if not override:
            flags |= special.sh_flags
        if not entsize and sh_type == special.sh_type and request.sh_type != c.SHT_PROGBITS:
            entsize = special.sh_entsize
    if not entsize and sh_type in _ARRAYS:
        entsize = unit.bits // 8
    section = Section(request.name, c.SHT_PROGBITS if sh_type is None else sh_type, flags, entsize)
    section.group, section.comdat = request.group, request.comdat
    section.identity, section.sh_info = request.identity, request.info
    section.link_order = request.link_order
    section.explicit = request.flags is not None
    if request.group is not None:
        unit.mention_group(request.group)
    unit.add_section(section, unit.place)
    return section


def _compare(unit: Unit, operands: Operands, known: Section, request: _Request) -> None:
    """A second mention must not say something else."""
    if request.flags is None and request.sh_type is None:
        return
    notes = (
        [Note("the section was first described here", unit.span_at(known.defined_at))]
        if known.defined_at
        else []
    )
    what = f"section '{known.name}'"
    if request.sh_type is not None and request.sh_type != known.sh_type:
        _contradiction(unit, operands, f"{what} is given another type than before", notes, known)
    flags = request.flags or 0
    ignored = c.SHF_GROUP | c.SHF_GNU_RETAIN
    special = defaults(known.name, unit.bits)
    if special and not (flags & ~special.sh_flags & ~ignored):
        flags |= special.sh_flags
    if request.flags is not None and (flags ^ known.sh_flags) & ~ignored:
        _contradiction(unit, operands, f"{what} is given other flags than before", notes, known)
    if flags & c.SHF_MERGE and request.entsize != known.sh_entsize:
        _contradiction(
            unit, operands, f"{what} is given another entry size than before", notes, known
        )


def _contradiction(
    unit: Unit, operands: Operands, message: str, notes: list[Note], known: Section
) -> None:
    """An error, except for the three sections that always exist (there GNU as warns)."""
    if known.defined_at is None and not unit.strict:
        unit.report(warning(message + ": ignored", operands.span(0)))
        return
    raise InputError(error(message, operands.span(0, len(operands.text.rstrip())), notes=notes))


def section(unit: Unit, operands: Operands) -> None:
    """``.section name, "flags", @type, …``."""
    request, _ = _parse(unit, operands)
    unit.select(_choose(unit, operands, request))


def push(unit: Unit, operands: Operands) -> None:
    """``.pushsection name, subsection, "flags", …``."""
    request, number = _parse(unit, operands)
    chosen = _choose(unit, operands, request)
    unit.section_stack.append(((unit.section, unit.stream), unit.previous, unit.chosen_section))
    unit.select(chosen, _subsection(operands, number or 0))


def pop(unit: Unit, operands: Operands) -> None:
    """``.popsection``."""
    operands.end()
    if not unit.section_stack:
        unit.complain("'.popsection' without a '.pushsection' before it")
        return
    (chosen, stream), previous, was_chosen = unit.section_stack.pop()
    unit.restore(chosen, stream)
    unit.previous = previous
    unit.chosen_section = was_chosen
    unit.reselect()


def previous(unit: Unit, operands: Operands) -> None:
    """``.previous``: swap with the section before this one."""
    operands.end()
    if unit.previous is None:
        unit.complain("'.previous' without an earlier section")
        return
    chosen, stream = unit.previous
    unit.previous = (unit.section, unit.stream)
    unit.restore(chosen, stream)


def subsection(unit: Unit, operands: Operands) -> None:
    """``.subsection number``."""
    number = 0 if operands.at_end() else operands.number("subsection number")
    operands.end()
    unit.select(unit.section, _subsection(operands, number))


def _subsection(operands: Operands, number: int) -> int:
    if not 0 <= number <= 8192:
        operands.fail(f"the subsection number {number} is not between 0 and 8192", position=0)
    return number


def standard(unit: Unit, operands: Operands, name: str) -> None:
    """``.text``, ``.data`` and ``.bss``, with a subsection number."""
    number = 0 if operands.at_end() else operands.number("subsection number")
    operands.end()
    if name == ".data" and unit.options.flags.data_in_text:
        name, number = ".text", number + 1000  # gas/config/obj-elf.c, obj_elf_data
    unit.select(unit.sections[name, None, None], _subsection(operands, number))


DIRECTIVES: Final = {
    ".section": Directive(
        section, "flags a w x M S G T e o R l d ?, types, entry size, group, unique"
    ),
    ".sect": Directive(section, "like .section"),
    ".sect.s": Directive(section, "like .section"),
    ".section.s": Directive(section, "like .section"),
    ".pushsection": Directive(push, "like .section, to be undone by .popsection"),
    ".popsection": Directive(pop, "back to the section before .pushsection"),
    ".previous": Directive(previous, "swap with the section before"),
    ".subsection": Directive(subsection, "a numbered part of the section"),
    ".text": Directive(partial(standard, name=".text"), "section .text"),
    ".data": Directive(partial(standard, name=".data"), "section .data"),
    ".bss": Directive(partial(standard, name=".bss"), "section .bss"),
}

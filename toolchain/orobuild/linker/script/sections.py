"""Parsing of SECTIONS: output section descriptions and what stands inside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from orobuild.diagnostics import did_you_mean
from orobuild.elf import constants as c
from orobuild.linker.script import nodes
from orobuild.linker.script.expressions import parse_expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.diagnostics import Span
    from orobuild.linker.script.lexer import Scanner

    Include: TypeAlias = Callable[[Scanner, Callable[[Scanner], None]], None]

_SORTS: Final = {
    "SORT": "name",
    "SORT_BY_NAME": "name",
    "SORT_BY_ALIGNMENT": "alignment",
    "SORT_BY_INIT_PRIORITY": "init_priority",
    "SORT_NONE": "none",
}
_DATA: Final = {"BYTE": 1, "SHORT": 2, "LONG": 4, "QUAD": 8, "SQUAD": 8}
ASSIGNMENT_WORDS: Final = {
    "PROVIDE": "provide",
    "PROVIDE_HIDDEN": "provide_hidden",
    "HIDDEN": "hidden",
}
_SECTION_TYPES: Final = ("NOLOAD", "DSECT", "COPY", "INFO", "OVERLAY", "READONLY", "TYPE")
_SHF_NAMES: Final = {name: value for name, value in vars(c).items() if name.startswith("SHF_")}
_SHT_NAMES: Final = {
    name: value
    for name, value in vars(c).items()
    if name
    in (
        "SHT_PROGBITS",
        "SHT_STRTAB",
        "SHT_NOTE",
        "SHT_NOBITS",
        "SHT_INIT_ARRAY",
        "SHT_FINI_ARRAY",
        "SHT_PREINIT_ARRAY",
    )
}
BODY_COMMANDS: Final = (
    *_DATA,
    *ASSIGNMENT_WORDS,
    "ASCIZ",
    "ASSERT",
    "CONSTRUCTORS",
    "FILL",
    "INCLUDE",
    "INPUT_SECTION_FLAGS",
    "KEEP",
    *_SORTS,
    "EXCLUDE_FILE",
)


def parse_assert(scanner: Scanner) -> nodes.Assert:
    """`ASSERT(expression, "message")`."""
    span = scanner.here()
    scanner.accept_word("ASSERT")
    scanner.expect("(", "after ASSERT")
    expression = parse_expression(scanner)
    scanner.expect(",", "in ASSERT()")
    message = scanner.quoted()
    if message is None:
        scanner.fail(f"expected a quoted message, found {scanner.found()}")
    scanner.expect(")", "after the message of ASSERT()")
    return nodes.Assert(expression, message, span)


def parse_assignment(scanner: Scanner) -> nodes.Assignment | None:
    """An assignment if one comes next, its `;` or `,` consumed; else None, nothing consumed."""
    scanner.skip()
    start = scanner.position
    word = scanner.word()
    if word in ASSIGNMENT_WORDS:
        span = scanner.here()
        scanner.accept_word(word)
        if not scanner.accept("("):
            scanner.position = start
            return None
        scanner.skip()
        name_at = scanner.position
        name = scanner.name()
        if name is None:
            scanner.fail(f"expected a symbol in {word}(), found {scanner.found()}")
        span = scanner.span(name_at, scanner.position - name_at)
        scanner.expect("=", f"after the symbol of {word}()")
        expression = parse_expression(scanner)
        scanner.expect(")", f"after {word}({name} = …")
        end_of_statement(scanner, f"after {word}()")
        return nodes.Assignment(name, "=", expression, ASSIGNMENT_WORDS[word], span)  # type: ignore[arg-type]
    name = scanner.name()
    if name is None:
        return None
    span = scanner.span(start, scanner.position - start)
    # `dir/*.o` is a file pattern, not a name and a comment.
    glued = scanner.text.startswith("/*", scanner.position)
    op = None if glued else scanner.assignment_operator()
    if op is None:
        scanner.position = start
        return None
    scanner.position += len(op)
    expression = parse_expression(scanner)
    end_of_statement(scanner, "after the assignment")
    return nodes.Assignment(name, op[:-1] or "=", expression, "assign", span)


def end_of_statement(scanner: Scanner, where: str) -> None:
    """The `;` (or, as GNU ld allows, `,`) that ends an assignment."""
    if not (scanner.accept(";") or scanner.accept(",")):
        scanner.fail(f"expected ';' {where}, found {scanner.found()}")


def parse_output_section(
    scanner: Scanner, name: str, start: int, include: Include
) -> nodes.OutputSection:
    """The description whose name, at offset `start`, is consumed already.

    `include(scanner, parse)` reads the file that INCLUDE names and has `parse` read its
    statements. Raises `ScriptError`.
    """
    span = scanner.span(start, len(name))
    header = _Header(scanner)
    header.before_colon(name)
    header.after_colon()
    body = parse_body(scanner, name, span, include)
    region, lma_region, phdrs, phdr_spans, fill = after_body(scanner)
    return nodes.OutputSection(
        name=name,
        span=span,
        body=body,
        address=header.address,
        kind=header.kind,
        section_type=header.section_type,
        readonly=header.readonly,
        at=header.at,
        align=header.align,
        subalign=header.subalign,
        align_with_input=header.align_with_input,
        constraint=header.constraint,  # type: ignore[arg-type]
        region=region,
        lma_region=lma_region,
        phdrs=phdrs,
        phdr_spans=phdr_spans,
        fill=fill,
    )


def parse_body(
    scanner: Scanner, name: str, span: Span, include: Include
) -> tuple[nodes.BodyStatement, ...]:
    """What stands between the braces of the description of `name`, at `span`."""
    scanner.expect("{", f"to open the description of '{name}'")
    body: list[nodes.BodyStatement] = []
    while not scanner.accept("}"):
        if scanner.at_end():
            scanner.fail(f"the description of '{name}' is not closed", span, hint="add a '}'")
        _body_statements(scanner, name, body, include)
    return tuple(body)


def _body_statements(
    scanner: Scanner, section: str, body: list[nodes.BodyStatement], include: Include
) -> None:
    """One statement, or the statements of an included file."""
    if scanner.accept_word("INCLUDE"):

        def included(inner: Scanner) -> None:
            while not inner.at_end():
                _body_statements(inner, section, body, include)

        include(scanner, included)
        return
    statement = _body_statement(scanner, section)
    if statement is not None:
        body.append(statement)


class _Header:
    """What stands between an output section's name and its `{`."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self.address: nodes.Expression | None = None
        self.kind: str | None = None
        self.section_type: nodes.Expression | None = None
        self.readonly = False
        self.at: nodes.Expression | None = None
        self.align: nodes.Expression | None = None
        self.subalign: nodes.Expression | None = None
        self.align_with_input = False
        self.constraint: str | None = None

    def before_colon(self, name: str) -> None:
        scanner = self._scanner
        if not self._section_kind() and not scanner.looking_at(":"):
            if scanner.accept_word("BIND"):
                scanner.expect("(", "after BIND")
                self.address = parse_expression(scanner)
                scanner.expect(")", "after BIND(…")
            else:
                self.address = parse_expression(scanner)
            self._section_kind()
        scanner.expect(":", f"after the output section name '{name}'")

    def _section_kind(self) -> bool:
        """`(NOLOAD)`, `(READONLY)`, `(TYPE = …)`, `()`; False when none comes next."""
        scanner = self._scanner
        start = scanner.position
        if not scanner.accept("("):
            return False
        if scanner.accept(")"):
            return True
        word = scanner.word()
        if word not in _SECTION_TYPES:
            scanner.position = start
            return False
        if word == "READONLY":
            scanner.accept_word(word)
            self.readonly = True
            if scanner.accept("("):
                self._type_value()
                scanner.expect(")", "after READONLY (TYPE …")
        elif word == "TYPE":
            self._type_value()
        else:
            scanner.accept_word(word)
            self.kind = "INFO" if word in ("COPY", "DSECT", "OVERLAY") else word
        scanner.expect(")", "after the output section type")
        return True

    def _type_value(self) -> None:
        scanner = self._scanner
        if not scanner.accept_word("TYPE"):
            scanner.fail(f"expected TYPE, found {scanner.found()}")
        scanner.expect("=", "after TYPE")
        span, word = scanner.here(), scanner.word()
        if word is not None and word.startswith("SHT_"):
            if word not in _SHT_NAMES:
                scanner.fail(f"unknown section type '{word}'", hint=did_you_mean(word, _SHT_NAMES))
            scanner.accept_word(word)
            self.section_type = nodes.Number(_SHT_NAMES[word], span)
        else:
            self.section_type = parse_expression(scanner)

    def after_colon(self) -> None:
        scanner = self._scanner
        while not scanner.looking_at("{"):
            word = scanner.word()
            if word in ("AT", "ALIGN", "SUBALIGN"):
                scanner.accept_word(word)
                scanner.expect("(", f"after {word}")
                setattr(self, word.lower(), parse_expression(scanner))
                scanner.expect(")", f"after {word}(…")
            elif word == "ALIGN_WITH_INPUT":
                scanner.accept_word(word)
                self.align_with_input = True
            elif word in ("ONLY_IF_RO", "ONLY_IF_RW"):
                scanner.accept_word(word)
                self.constraint = word
            elif word == "SPECIAL":
                scanner.fail(
                    "SPECIAL is not supported", hint="GNU ld ignores it for ELF; remove it"
                )
            else:
                known = ("AT", "ALIGN", "SUBALIGN", "ALIGN_WITH_INPUT", "ONLY_IF_RO", "ONLY_IF_RW")
                scanner.fail(
                    f"expected '{{' or an attribute after ':', found {scanner.found()}",
                    hint=did_you_mean(word or "", known),
                )


def after_body(
    scanner: Scanner,
) -> tuple[
    str | None,
    str | None,
    tuple[str, ...] | None,
    tuple[Span, ...],
    nodes.Expression | None,
]:
    """`>region AT>region :phdr… =fill` and the comma that GNU ld allows after them."""
    region = lma_region = None
    phdrs: list[str] | None = None
    spans = []
    fill: nodes.Expression | None = None
    while True:
        if scanner.word() == "AT" and _is_at_region(scanner):
            lma_region = _region_name(scanner)
        elif scanner.accept(">"):
            region = _region_name(scanner)
        elif scanner.accept(":"):
            spans.append(scanner.here())
            name = scanner.name()
            if name is None:
                scanner.fail(f"expected a segment name after ':', found {scanner.found()}")
            phdrs = [*(phdrs or []), name]
        elif scanner.looking_at("=") and not scanner.looking_at("=="):
            scanner.accept("=")
            fill = parse_expression(scanner)
        else:
            scanner.accept(",")
            return (
                region,
                lma_region,
                tuple(phdrs) if phdrs is not None else None,
                tuple(spans),
                fill,
            )


def _is_at_region(scanner: Scanner) -> bool:
    start = scanner.position
    scanner.accept_word("AT")
    if scanner.accept(">"):
        return True
    scanner.position = start
    return False


def _region_name(scanner: Scanner) -> str:
    name = scanner.name()
    if name is None:
        scanner.fail(f"expected a memory region after '>', found {scanner.found()}")
    return name


def _body_statement(scanner: Scanner, section: str) -> nodes.BodyStatement | None:
    if scanner.accept(";"):
        return None
    assignment = parse_assignment(scanner)
    if assignment is not None:
        return assignment
    word, span = scanner.word(), scanner.here()
    if word in _DATA:
        scanner.accept_word(word)
        scanner.expect("(", f"after {word}")
        value = parse_expression(scanner)
        scanner.expect(")", f"after {word}(…")
        scanner.accept(";")
        return nodes.Data(_DATA[word], value, span)
    if word == "FILL":
        scanner.accept_word(word)
        scanner.expect("(", "after FILL")
        value = parse_expression(scanner)
        scanner.expect(")", "after FILL(…")
        scanner.accept(";")
        return nodes.Fill(value, span)
    if word == "ASCIZ":
        scanner.accept_word(word)
        text = scanner.quoted()
        if text is None:
            scanner.fail(f"expected a quoted text after ASCIZ, found {scanner.found()}")
        return nodes.Text(text.encode("utf-8", "surrogateescape") + b"\0", span)
    if word == "ASSERT":
        statement = parse_assert(scanner)
        scanner.accept(";")
        return statement
    if word in ("CONSTRUCTORS", "CREATE_OBJECT_SYMBOLS", "LINKER_VERSION"):
        if word != "CONSTRUCTORS":
            scanner.fail(
                f"{word} is not supported", hint="remove it; GNU ld 2.40 needs it for a.out only"
            )
        scanner.accept_word(word)
        return nodes.Constructors(span)
    return _input_statement(scanner, section)


def _input_statement(scanner: Scanner, section: str) -> nodes.InputStatement:
    span = scanner.here()
    start = scanner.position
    keep = False
    if scanner.word() == "KEEP":
        scanner.accept_word("KEEP")
        scanner.expect("(", "after KEEP")
        keep = True
    with_flags = without_flags = 0
    if scanner.word() == "INPUT_SECTION_FLAGS":
        with_flags, without_flags = _section_flags(scanner)
    exclude = _exclude_files(scanner)
    sort_files = False
    word = scanner.word()
    if word in ("SORT", "SORT_BY_NAME", "SORT_NONE") and not keep | bool(exclude):
        # `SORT(CONSTRUCTORS)` or `SORT(pattern)(sections)`.
        scanner.accept_word(word)
        scanner.expect("(", f"after {word}")
        if scanner.accept_word("CONSTRUCTORS"):
            scanner.expect(")", "after CONSTRUCTORS")
            return nodes.InputStatement("", (), span)
        exclude += _exclude_files(scanner)
        file, sort_files = _pattern(scanner, section), word != "SORT_NONE"
        scanner.expect(")", f"after {word}({file}")
    elif word in ("SORT", "SORT_BY_NAME", "SORT_NONE"):
        scanner.accept_word(word)
        scanner.expect("(", f"after {word}")
        file, sort_files = _pattern(scanner, section), word != "SORT_NONE"
        scanner.expect(")", f"after {word}({file}")
    else:
        file = _pattern(scanner, section)
    patterns: tuple[nodes.SectionPattern, ...] = ()
    if scanner.accept("("):
        patterns = _section_patterns(scanner)
    if keep:
        scanner.expect(")", "to close KEEP(")
    end = scanner.position
    scanner.accept(";")
    return nodes.InputStatement(
        file,
        patterns,
        scanner.span(start, end - start),
        keep,
        sort_files,
        exclude,
        with_flags,
        without_flags,
    )


def _pattern(scanner: Scanner, section: str) -> str:
    start = scanner.position
    pattern = scanner.pattern()
    if pattern is None:
        scanner.fail(f"expected a statement of section '{section}', found {scanner.found()}")
    if scanner.looking_at("(") and pattern.isupper() and pattern not in BODY_COMMANDS:
        hint = did_you_mean(pattern, BODY_COMMANDS)
        if hint:
            scanner.fail(
                f"unknown command '{pattern}'", scanner.span(start, len(pattern)), hint=hint
            )
    return pattern


def _exclude_files(scanner: Scanner) -> tuple[str, ...]:
    if scanner.word() != "EXCLUDE_FILE":
        return ()
    scanner.accept_word("EXCLUDE_FILE")
    scanner.expect("(", "after EXCLUDE_FILE")
    names: list[str] = []
    while not scanner.accept(")"):
        name = scanner.pattern()
        if name is None:
            scanner.fail(f"expected a file pattern in EXCLUDE_FILE(), found {scanner.found()}")
        names.append(name)
        scanner.accept(",")
    return tuple(names)


def _section_patterns(scanner: Scanner) -> tuple[nodes.SectionPattern, ...]:
    """The list after `file(`, its `)` consumed."""
    patterns: list[nodes.SectionPattern] = []
    exclude: tuple[str, ...] = ()
    while not scanner.accept(")"):
        if scanner.accept(","):
            continue
        # Both forms are ld's: EXCLUDE_FILE(a) .x .y excludes for .x only.
        exclude = _exclude_files(scanner)
        patterns.append(_sorted_pattern(scanner, exclude, 0))
    return tuple(patterns)


def _sorted_pattern(scanner: Scanner, exclude: tuple[str, ...], depth: int) -> nodes.SectionPattern:
    word = scanner.word()
    if word in _SORTS:
        start = scanner.position
        scanner.accept_word(word)
        if scanner.accept("("):
            if depth > 1:
                scanner.fail("SORT commands nest two deep at most", scanner.span(start, len(word)))
            exclude += _exclude_files(scanner)
            inner = _sorted_pattern(scanner, exclude, depth + 1)
            scanner.expect(")", f"after {word}(")
            sort = (_SORTS[word], *inner.sort)
            return nodes.SectionPattern(inner.pattern, inner.span, sort, inner.exclude_files)
        scanner.position = start
    scanner.skip()
    start = scanner.position
    name = scanner.pattern()
    if name is None:
        scanner.fail(f"expected a section pattern, found {scanner.found()}")
    return nodes.SectionPattern(name, scanner.span(start, len(name)), (), exclude)


def _section_flags(scanner: Scanner) -> tuple[int, int]:
    """`INPUT_SECTION_FLAGS (SHF_A & !SHF_B)` as (must be set, must be clear)."""
    scanner.accept_word("INPUT_SECTION_FLAGS")
    scanner.expect("(", "after INPUT_SECTION_FLAGS")
    wanted = unwanted = 0
    while True:
        negated = scanner.accept("!")
        name = scanner.name()
        if name not in _SHF_NAMES:
            scanner.fail(
                f"expected a section flag, found '{name}'",
                hint=did_you_mean(name or "", _SHF_NAMES),
            )
        if negated:
            unwanted |= _SHF_NAMES[name]
        else:
            wanted |= _SHF_NAMES[name]
        if not scanner.accept("&"):
            break
    scanner.expect(")", "after the section flags")
    return wanted, unwanted

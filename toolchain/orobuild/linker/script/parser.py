"""Parsing of a whole linker script: the commands outside SECTIONS, and INCLUDE.

Unknown commands are errors that name the nearest known one; commands that GNU ld has and we do not
are refused by name (`status` lists them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, did_you_mean, error
from orobuild.errors import InputError
from orobuild.linker.script import nodes
from orobuild.linker.script.expressions import parse_expression
from orobuild.linker.script.lexer import Scanner, ScriptError
from orobuild.linker.script.overlay import parse_overlay
from orobuild.linker.script.sections import (
    ASSIGNMENT_WORDS,
    parse_assert,
    parse_assignment,
    parse_output_section,
)
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSED: Final = {
    "VERSION": "symbol versions belong to shared libraries, which orobuild does not link",
    "FORCE_COMMON_ALLOCATION": "it concerns relocatable output (-r)",
    "INHIBIT_COMMON_ALLOCATION": "it concerns relocatable output (-r)",
    "FORCE_GROUP_ALLOCATION": "it concerns relocatable output (-r)",
    "SYSLIB": "it is an alias that GNU ld has never documented; write INPUT or GROUP",
    "FLOAT": "GNU ld parses and ignores it; remove it",
    "NOFLOAT": "GNU ld parses and ignores it; remove it",
    "HLL": "GNU ld parses and ignores it; remove it",
    "MAP": "GNU ld parses and ignores it; remove it",
    "LD_FEATURE": "the expression rules of GNU ld's default mode are the only ones here",
    "TARGET": "input formats are recognised from the files",
}
_FORMATS: Final = (
    "elf64-x86-64",
    "elf32-i386",
    "elf32-x86-64",
    "binary",
    "elf64-x86_64",
    "elf_x86_64",
    "elf_i386",
    "default",
)
_ARCHITECTURES: Final = ("i386:x86-64", "i386", "i8086", "x86_64", "i386:x86_64")
_MAX_INCLUDES: Final = 10  # as deep as GNU ld nests them (MAX_INCLUDE_DEPTH)
_PHDR_TYPES: Final = {
    "PT_NULL": 0,
    "PT_LOAD": 1,
    "PT_DYNAMIC": 2,
    "PT_INTERP": 3,
    "PT_NOTE": 4,
    "PT_SHLIB": 5,
    "PT_PHDR": 6,
    "PT_TLS": 7,
    "PT_GNU_EH_FRAME": 0x6474E550,
    "PT_GNU_STACK": 0x6474E551,
    "PT_GNU_RELRO": 0x6474E552,
    "PT_GNU_PROPERTY": 0x6474E553,
}
SECTIONS_COMMANDS: Final = ("ENTRY", "ASSERT", "INCLUDE", "OVERLAY", *ASSIGNMENT_WORDS)


def parse_script(
    text: str,
    path: str,
    read_file: Callable[[str], bytes],
    augmented: Callable[[], nodes.Script] | None = None,
) -> nodes.Script:
    """The script in `text`. `read_file(name)` serves INCLUDE. Raises `ScriptError`.

    If the script has INSERT, its own statements are joined to those of `augmented()`.
    """
    parser = _Parser(read_file, path)
    parser.run(text, path)
    return parser.script(augmented)


@dataclass(frozen=True, slots=True)
class _Insertion:
    """`SECTIONS { … } INSERT AFTER section`: where `block` goes once everything is parsed."""

    section: str
    after: bool
    block: list[nodes.Statement]
    span: Span


def _insertion(scanner: Scanner, block: list[nodes.Statement]) -> _Insertion:
    span = scanner.here()
    scanner.accept_word("INSERT")
    after = scanner.accept_word("AFTER")
    if not after and not scanner.accept_word("BEFORE"):
        scanner.fail(f"expected AFTER or BEFORE, found {scanner.found()}")
    name = scanner.section_name()
    if name is None:
        scanner.fail(f"expected an output section, found {scanner.found()}")
    scanner.accept(";")
    return _Insertion(name, after, block, span)


class _Parser:
    def __init__(self, read_file: Callable[[str], bytes], path: str) -> None:
        self._read_file = read_file
        self._path = path
        self._includes: list[str] = []
        self._depth = 0
        self._statements: list[nodes.Statement] = []
        self._has_sections = False
        self._phdrs: list[nodes.Phdr] = []
        self._has_phdrs = False
        self._regions: list[nodes.Region] = []
        self._aliases: list[tuple[str, str, Span]] = []
        self._entry: nodes.Name | None = None
        self._names: dict[str, str] = {}
        self._inputs: list[nodes.InputFile] = []
        self._groups = 0
        self._overlays = 0
        self._search_dirs: list[str] = []
        self._extern: list[str] = []
        self._no_cross_refs: list[nodes.NoCrossRefs] = []
        self._insertions: list[_Insertion] = []

    def script(self, augmented: Callable[[], nodes.Script] | None) -> nodes.Script:
        base = augmented() if augmented is not None and self._insertions else None
        if base is not None:
            self._statements += base.statements
            self._entry = self._entry or base.entry
        for insertion in self._insertions:
            self._insert(insertion, foreign=base is not None)
        return nodes.Script(
            path=self._path,
            statements=tuple(self._statements),
            has_sections=self._has_sections or base is not None,
            phdrs=tuple(self._phdrs),
            has_phdrs=self._has_phdrs,
            regions=tuple(self._regions),
            region_aliases=tuple(self._aliases),
            entry=self._entry,
            output_format=self._names.get("OUTPUT_FORMAT"),
            output_arch=self._names.get("OUTPUT_ARCH"),
            output=self._names.get("OUTPUT"),
            inputs=tuple(self._inputs),
            search_dirs=tuple(self._search_dirs),
            extern=tuple(self._extern),
            no_cross_refs=tuple(self._no_cross_refs),
            includes=tuple(self._includes),
        )

    def run(self, text: str, path: str) -> None:
        """All commands of one text at the top level."""
        scanner = Scanner(text, path)
        while not scanner.at_end():
            self._command(scanner)

    def _command(self, scanner: Scanner) -> None:
        if scanner.accept(";"):
            return
        word = scanner.word()
        if word in ASSIGNMENT_WORDS or word is None or word not in _COMMANDS:
            assignment = parse_assignment(scanner)
            if assignment is not None:
                self._statements.append(assignment)
                return
        if word is None:
            scanner.fail(f"expected a command, found {scanner.found()}")
        if word in REFUSED:
            scanner.fail(f"the command {word} is not supported", hint=REFUSED[word])
        if word not in _COMMANDS:
            hint = did_you_mean(word, (*_COMMANDS, *ASSIGNMENT_WORDS))
            if hint is None and word.startswith("."):
                hint = "output sections are described inside SECTIONS { … }"
            scanner.fail(f"unknown command '{word}'", hint=hint)
        if word != "ASSERT":
            scanner.accept_word(word)
        _COMMANDS[word](self, scanner)

    # -- SECTIONS ------------------------------------------------------------------------

    def _sections(self, scanner: Scanner) -> None:
        opened = scanner.here()
        scanner.expect("{", "after SECTIONS")
        self._has_sections = True
        outer, self._statements = self._statements, []
        self._sections_body(scanner, opened)
        scanner.expect("}", "to close SECTIONS")
        block, self._statements = self._statements, outer
        if scanner.word() == "INSERT":
            self._insertions.append(_insertion(scanner, block))
        else:
            self._statements += block

    def _sections_body(self, scanner: Scanner, opened: Span) -> None:
        while not scanner.looking_at("}"):
            if scanner.at_end():
                scanner.fail("SECTIONS is not closed", opened, hint="add a '}'")
            self._sections_statement(scanner)

    def _sections_statement(self, scanner: Scanner) -> None:
        if scanner.accept(";"):
            return
        assignment = parse_assignment(scanner)
        if assignment is not None:
            self._statements.append(assignment)
            return
        word = scanner.word()
        if word == "ENTRY":
            scanner.accept_word(word)
            self._set_entry(scanner)
        elif word == "ASSERT":
            self._statements.append(parse_assert(scanner))
            scanner.accept(";")
        elif word == "INCLUDE":
            scanner.accept_word(word)
            self._include(scanner, self._include_sections)
        elif word == "OVERLAY":
            self._overlays += 1
            statements, apart = parse_overlay(scanner, self._overlays, self._include)
            self._statements += statements
            self._no_cross_refs += [apart] if apart is not None else []
        else:
            self._output_section(scanner)

    def _include_sections(self, scanner: Scanner) -> None:
        while not scanner.at_end():
            self._sections_statement(scanner)

    def _output_section(self, scanner: Scanner) -> None:
        scanner.skip()
        start = scanner.position
        name = scanner.section_name()
        if name is None:
            scanner.fail(f"expected an output section or an assignment, found {scanner.found()}")
        if scanner.looking_at("(") and name.isupper():
            hint = did_you_mean(name, SECTIONS_COMMANDS)
            if hint:
                scanner.fail(f"unknown command '{name}'", scanner.span(start, len(name)), hint=hint)
        self._statements.append(parse_output_section(scanner, name, start, self._include))

    def _insert(self, insertion: _Insertion, *, foreign: bool) -> None:
        at = next(
            (
                i
                for i, statement in reversed(list(enumerate(self._statements)))
                if isinstance(statement, nodes.OutputSection)
                and statement.name == insertion.section
            ),
            None,
        )
        if at is None:
            known = [s.name for s in self._statements if isinstance(s, nodes.OutputSection)]
            raise ScriptError(
                error(
                    f"no output section '{insertion.section}' to insert beside",
                    insertion.span,
                    hint=did_you_mean(insertion.section, known),
                    rule="linker-script",
                )
            )
        at += insertion.after
        self._statements[at:at] = [
            replace(statement, inserted=foreign)
            if isinstance(statement, nodes.OutputSection)
            else statement
            for statement in insertion.block
        ]

    # -- INCLUDE -------------------------------------------------------------------------

    def _include(self, scanner: Scanner, body: Callable[[Scanner], None]) -> None:
        span = scanner.here()
        name = scanner.wild()
        if name is None:
            scanner.fail(f"expected a file name after INCLUDE, found {scanner.found()}")
        scanner.accept(";")
        if self._depth >= _MAX_INCLUDES:
            scanner.fail(f"INCLUDE is nested deeper than {_MAX_INCLUDES} levels", span)
        try:
            data = self._read_file(name)
        except OSError as problem:
            reason = problem.strerror or "cannot be read"
            raise ScriptError(
                error(f"cannot include '{name}': {reason}", span, rule="linker-script")
            ) from None
        self._includes.append(name)
        self._depth += 1
        body(Scanner(data.decode("utf-8", "surrogateescape"), name))
        self._depth -= 1

    def _include_top(self, scanner: Scanner) -> None:
        self._include(scanner, self._include_commands)

    def _include_commands(self, scanner: Scanner) -> None:
        while not scanner.at_end():
            self._command(scanner)

    # -- the other commands --------------------------------------------------------------

    def _assert(self, scanner: Scanner) -> None:
        self._statements.append(parse_assert(scanner))
        scanner.accept(";")

    def _set_entry(self, scanner: Scanner) -> None:
        scanner.expect("(", "after ENTRY")
        scanner.skip()
        start = scanner.position
        name = scanner.name()
        if name is None:
            scanner.fail(f"expected a symbol in ENTRY(), found {scanner.found()}")
        self._entry = nodes.Name(name, scanner.span(start, scanner.position - start))
        scanner.expect(")", f"after ENTRY({name}")
        scanner.accept(";")

    def _output_format(self, scanner: Scanner) -> None:
        names = self._names_in_parentheses(scanner, "OUTPUT_FORMAT", (1, 3))
        self._check(scanner, names[0], _FORMATS, "output format")
        self._names["OUTPUT_FORMAT"] = names[0][0]

    def _output_arch(self, scanner: Scanner) -> None:
        names = self._names_in_parentheses(scanner, "OUTPUT_ARCH", (1,))
        self._check(scanner, names[0], _ARCHITECTURES, "architecture")
        self._names["OUTPUT_ARCH"] = names[0][0]

    def _output(self, scanner: Scanner) -> None:
        self._names["OUTPUT"] = self._names_in_parentheses(scanner, "OUTPUT", (1,))[0][0]

    def _check(
        self, scanner: Scanner, name: tuple[str, Span], known: tuple[str, ...], what: str
    ) -> None:
        if name[0] not in known:
            hint = did_you_mean(name[0], known) or f"known: {', '.join(known)}"
            scanner.fail(f"unknown {what} '{name[0]}'", name[1], hint=hint)

    def _names_in_parentheses(
        self, scanner: Scanner, command: str, counts: tuple[int, ...] = ()
    ) -> list[tuple[str, Span]]:
        opened = scanner.here()
        scanner.expect("(", f"after {command}")
        names: list[tuple[str, Span]] = []
        while not scanner.accept(")"):
            span, name = scanner.here(), scanner.wild()
            if name is None:
                scanner.fail(f"expected a name in {command}(), found {scanner.found()}")
            names.append((name, span))
            scanner.accept(",")
        if counts and len(names) not in counts:
            wanted = " or ".join(str(n) for n in counts)
            scanner.fail(f"{command}() takes {wanted} name(s), got {len(names)}", opened)
        scanner.accept(";")
        return names

    def _search_dir(self, scanner: Scanner) -> None:
        self._search_dirs += [n for n, _ in self._names_in_parentheses(scanner, "SEARCH_DIR", (1,))]

    def _extern_symbols(self, scanner: Scanner) -> None:
        self._extern += [n for n, _ in self._names_in_parentheses(scanner, "EXTERN")]

    def _input(self, scanner: Scanner) -> None:
        self._input_list(scanner, "INPUT", None)

    def _group(self, scanner: Scanner) -> None:
        self._groups += 1
        self._input_list(scanner, "GROUP", self._groups)

    def _startup(self, scanner: Scanner) -> None:
        ((name, span),) = self._names_in_parentheses(scanner, "STARTUP", (1,))
        self._inputs.insert(0, nodes.InputFile(name, span))

    def _input_list(self, scanner: Scanner, command: str, group: int | None) -> None:
        scanner.expect("(", f"after {command}")
        as_needed = False
        while True:
            if scanner.accept(")"):
                if not as_needed:
                    break
                as_needed = False
            elif scanner.accept_word("AS_NEEDED"):
                scanner.expect("(", "after AS_NEEDED")
                as_needed = True
            else:
                span, name = scanner.here(), scanner.wild()
                if name is None:
                    scanner.fail(f"expected a file name in {command}(), found {scanner.found()}")
                self._inputs.append(nodes.InputFile(name, span, group, as_needed))
            scanner.accept(",")
        scanner.accept(";")

    def _no_cross(self, scanner: Scanner) -> None:
        self._no_cross_list(scanner, "NOCROSSREFS")

    def _no_cross_to(self, scanner: Scanner) -> None:
        self._no_cross_list(scanner, "NOCROSSREFS_TO")

    def _no_cross_list(self, scanner: Scanner, command: str) -> None:
        span = scanner.here()
        names = tuple(n for n, _ in self._names_in_parentheses(scanner, command))
        self._no_cross_refs.append(nodes.NoCrossRefs(names, command.endswith("_TO"), span))

    def _region_alias(self, scanner: Scanner) -> None:
        span = scanner.here()
        (alias, _), (region, _) = self._names_in_parentheses(scanner, "REGION_ALIAS", (2,))
        known = {r.name for r in self._regions} | {a for a, _, _ in self._aliases}
        if region not in known:
            scanner.fail(
                f"unknown memory region '{region}'", span, hint=did_you_mean(region, known)
            )
        if alias in known:
            scanner.fail(f"the memory region '{alias}' exists already", span)
        self._aliases.append((alias, region, span))

    def _memory(self, scanner: Scanner) -> None:
        scanner.expect("{", "after MEMORY")
        while not scanner.accept("}"):
            if scanner.accept_word("INCLUDE"):
                self._include(scanner, self._memory_lines)
            elif not scanner.accept(";"):
                self._memory_line(scanner)

    def _memory_lines(self, scanner: Scanner) -> None:
        while not scanner.at_end():
            self._memory_line(scanner)

    def _memory_line(self, scanner: Scanner) -> None:
        span, name = scanner.here(), scanner.name()
        if name is None:
            scanner.fail(f"expected a memory region, found {scanner.found()}")
        attributes = ""
        if scanner.accept("("):
            while not scanner.accept(")"):
                letters = scanner.name() or ("!" if scanner.accept("!") else None)
                if letters is None or set(letters) - set("rwxailRWXAIL!"):
                    scanner.fail(
                        f"expected attributes (rwxail!), found {letters or scanner.found()}"
                    )
                attributes += letters
        scanner.expect(":", f"after the memory region '{name}'")
        origin = self._memory_value(scanner, ("ORIGIN", "org", "o"))
        scanner.expect(",", "after the origin")
        length = self._memory_value(scanner, ("LENGTH", "len", "l"))
        if any(region.name == name for region in self._regions):
            scanner.fail(f"the memory region '{name}' is declared twice", span)
        self._regions.append(nodes.Region(name, attributes, origin, length, span))
        scanner.accept(",")
        scanner.accept(";")

    def _memory_value(self, scanner: Scanner, words: tuple[str, ...]) -> nodes.Expression:
        if not any(scanner.accept_word(word) for word in words):
            scanner.fail(f"expected {words[0]}, found {scanner.found()}")
        scanner.expect("=", f"after {words[0]}")
        return parse_expression(scanner)

    def _phdrs_command(self, scanner: Scanner) -> None:
        scanner.expect("{", "after PHDRS")
        self._has_phdrs = True
        while not scanner.accept("}"):
            self._phdr_line(scanner)

    def _phdr_line(self, scanner: Scanner) -> None:
        span, name = scanner.here(), scanner.name()
        if name is None:
            scanner.fail(f"expected a segment name, found {scanner.found()}")
        type_span, word = scanner.here(), scanner.word()
        kind: nodes.Expression
        if word is not None and word.startswith("PT_"):
            if word not in _PHDR_TYPES:
                scanner.fail(f"unknown segment type '{word}'", hint=did_you_mean(word, _PHDR_TYPES))
            scanner.accept_word(word)
            kind = nodes.Number(_PHDR_TYPES[word], type_span)
        else:
            kind = parse_expression(scanner)
        filehdr = phdrs = False
        at = flags = None
        while not scanner.accept(";"):
            word = scanner.word()
            if word == "FILEHDR":
                scanner.accept_word(word)
                filehdr = True
            elif word == "PHDRS":
                scanner.accept_word(word)
                phdrs = True
            elif word in ("AT", "FLAGS"):
                scanner.accept_word(word)
                scanner.expect("(", f"after {word}")
                value = parse_expression(scanner)
                scanner.expect(")", f"after {word}(…")
                at, flags = (value, flags) if word == "AT" else (at, value)
            else:
                scanner.fail(
                    f"expected ';' or an attribute of segment '{name}', found {scanner.found()}",
                    hint=did_you_mean(word or "", ("FILEHDR", "PHDRS", "AT", "FLAGS")),
                )
        if any(phdr.name == name for phdr in self._phdrs):
            scanner.fail(f"the segment '{name}' is declared twice", span)
        self._phdrs.append(nodes.Phdr(name, kind, span, filehdr, phdrs, at, flags))


_COMMANDS: Final[dict[str, Callable[[_Parser, Scanner], None]]] = {
    "ASSERT": _Parser._assert,
    "ENTRY": _Parser._set_entry,
    "EXTERN": _Parser._extern_symbols,
    "GROUP": _Parser._group,
    "INCLUDE": _Parser._include_top,
    "INPUT": _Parser._input,
    "MEMORY": _Parser._memory,
    "NOCROSSREFS": _Parser._no_cross,
    "NOCROSSREFS_TO": _Parser._no_cross_to,
    "OUTPUT": _Parser._output,
    "OUTPUT_ARCH": _Parser._output_arch,
    "OUTPUT_FORMAT": _Parser._output_format,
    "PHDRS": _Parser._phdrs_command,
    "REGION_ALIAS": _Parser._region_alias,
    "SEARCH_DIR": _Parser._search_dir,
    "SECTIONS": _Parser._sections,
    "STARTUP": _Parser._startup,
}
__all__ = ["REFUSED", "InputError", "parse_script"]

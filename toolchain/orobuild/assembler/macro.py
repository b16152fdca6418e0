"""Macros and repetitions: `.macro`, `.rept`, `.irp`, `.irpc` and their expansion.

Follows gas/macro.c of binutils 2.40, its quoting rules included: arguments are separated by
commas or white space, an empty argument takes the default, ``\\name`` and ``&name`` are
replaced, ``\\()`` is nothing, ``\\@`` is the number of the expansion.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.assembler.expression import NAME
from orobuild.assembler.operands import Operands
from orobuild.assembler.source import Frame, resplit, squeeze
from orobuild.assembler.substitution import NUMBER, TOKEN, cut, fill
from orobuild.diagnostics import did_you_mean, warning
from orobuild.patterns import pattern
from orobuild.records import dataclass, field

if TYPE_CHECKING:
    from orobuild.assembler.unit import Unit

MAX_NESTING: Final = 100  # gas/macro.c, max_macro_nest
MAX_RECURSIONS: Final = 30_000
"""Expansions of a macro inside its own expansion: two in each would take longer than anybody waits,
long before they are nested too deeply."""
_SEPARATORS: Final = frozenset(" \t,;\"'<>()=!")
_HEAD: Final = pattern(r"(?:[\w.$]+[ \t]*:[ \t]*)*(\.[A-Za-z]+)(?![\w.$])")
_REPEATS: Final = frozenset({".rept", ".rep", ".irp", ".irpc", ".irep", ".irepc"})
_LOCAL: Final = pattern(r"LOCAL[ \t]+(.*)", re.IGNORECASE)


@dataclass(slots=True)
class Parameter:
    """A formal parameter."""

    name: str
    default: str = ""
    required: bool = False
    vararg: bool = False


@dataclass(slots=True)
class Body:
    """The statements between a head and its end, and where they stand."""

    statements: list[str]
    lines: list[int]
    origin: Frame

    cuts: dict[tuple[str, ...], list[list[str]]] = field(default_factory=dict)
    """The statements cut at their parameters, by the names of these."""

    def expand(self, unit: Unit, values: dict[str, str], number: int) -> Body:
        """The body with parameters replaced, split again where a value brought separators."""
        if unit.alternate:
            return self._expand_alternate(unit, values, number)
        names = tuple(values)
        cuts = self.cuts.get(names)
        if cuts is None:
            cuts = [cut(text, values, alternate=False) for text in self.statements]
            self.cuts[names] = cuts
        expanded = _Expansion()
        known = {**values, NUMBER: str(number)}
        for statement, line, pieces in zip(self.statements, self.lines, cuts, strict=True):
            expanded.add(statement, fill(pieces, known), line)
        return Body(expanded.statements, expanded.lines, self.origin)

    def _expand_alternate(self, unit: Unit, values: dict[str, str], number: int) -> Body:
        """The same under `.altmacro`, where LOCAL makes more names on the way."""
        known = {**values, NUMBER: str(number)}
        expanded = _Expansion()
        for statement, line in zip(self.statements, self.lines, strict=True):
            if match := _LOCAL.fullmatch(statement):
                for name in re.split(r"[ \t,]+", match[1].strip()):
                    unit.local_count += 1
                    known[name] = f".LL{unit.local_count:04x}"
                continue
            expanded.add(statement, fill(cut(statement, known, alternate=True), known), line)
        return Body(expanded.statements, expanded.lines, self.origin)


class _Expansion:
    """The statements of an expansion, and their lines."""

    __slots__ = ("lines", "statements")

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.lines: list[int] = []

    def add(self, statement: str, text: str, line: int) -> None:
        """Append what `statement` of the body became: `text`, which is more than one at times."""
        for part in resplit(text) if text != statement else (text,):
            self.statements.append(part)
            self.lines.append(line)


@dataclass(slots=True)
class Macro:
    """A macro definition."""

    name: str
    parameters: list[Parameter]
    body: Body


def argument(unit: Unit, operands: Operands, text: str, position: int) -> tuple[str, int]:
    """One macro argument at `position`, and the position behind it (get_any_string)."""
    position = _skip_white(text, position)
    length = len(text)
    if position >= length:
        return "", position
    char = text[position]
    if char == "%" and unit.alternate:
        cursor = Operands(unit, operands.name, text, operands.start)
        cursor.position = position + 1
        value = cursor.number("value of a '%' argument")
        return str(value), cursor.position
    if char == '"' or (unit.alternate and char in "<'"):
        return _string(text, position, alternate=unit.alternate)
    out: list[str] = []
    brackets: list[str] = []
    while position < length:
        char = text[position]
        if (char in " \t" and not brackets) or char == "," or (char == "<" and unit.alternate):
            break
        if char in "\"'":
            end = text.find(char, position + 1)
            if end < 0:
                out.append(text[position:])
                return "".join(out), length
            out.append(text[position:end])
            position = end
        elif char in "([":
            brackets.append(char)
        elif brackets and (
            (char == ")" and brackets[-1] == "(") or (char == "]" and brackets[-1] == "[")
        ):
            brackets.pop()
        out.append(text[position])
        position += 1
    return "".join(out), position


def _string(text: str, position: int, *, alternate: bool) -> tuple[str, int]:
    """A quoted argument without its quotes (gas/macro.c, getstring)."""
    out: list[str] = []
    opening = text[position]
    position += 1
    length = len(text)
    if opening == "<":
        nest = 1
        while position < length and nest:
            char = text[position]
            if char == "!" and position + 1 < length:
                position += 1
                out.append(text[position])
            else:
                nest += (char == "<") - (char == ">")
                if nest:
                    out.append(char)
            position += 1
        return "".join(out), position
    escaped = False
    while position < length:
        escaped = not escaped if text[position - 1] == "\\" else False
        char = text[position]
        if alternate and char == "!" and position + 1 < length:
            out.append(text[position + 1])
            position += 2
        elif char == opening and not escaped:
            position += 1
            if position >= length or text[position] != opening:
                break
            out.append(char)
            position += 1
        else:
            out.append(char)
            position += 1
    return "".join(out), position


def _skip_white(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t":
        position += 1
    return position


def _skip_comma(text: str, position: int) -> int:
    position = _skip_white(text, position)
    if position < len(text) and text[position] == ",":
        position = _skip_white(text, position + 1)
    return position


# -- definition ------------------------------------------------------------------------------


def collect(
    unit: Unit, operands: Operands, openers: frozenset[str], closers: frozenset[str]
) -> Body:
    """Take statements from the frame up to the end that belongs to this head."""
    frame = unit.frame
    assert frame is not None
    start = index = frame.index
    depth = 1
    statements = frame.statements
    while index < len(statements):
        if match := _HEAD.match(statements[index]):
            name = match[1].lower()
            if name in openers:
                depth += 1
            elif name in closers:
                depth -= 1
                if not depth:
                    break
        index += 1
    else:
        frame.index = len(statements)
        ending = min(closers, key=len) if len(closers) > 1 else next(iter(closers))
        operands.fail(
            f"'{operands.name}' is never closed",
            hint=f"add the missing '{ending}'",
            position=-operands.start,
            length=len(operands.name),
        )
    frame.index = index + 1
    return Body(statements[start:index], frame.lines[start:index], frame.origin or frame)


def define(unit: Unit, operands: Operands) -> None:
    """``.macro name parameters``."""
    head = Operands(unit, operands.name, operands.text, operands.start)
    body = collect(unit, operands, frozenset({".macro"}), frozenset({".endm", ".endmacro"}))
    operands = head
    name = operands.name_operand("a macro name")
    key = name.lower()
    if key in unit.macros:
        operands.fail(
            f"macro '{name}' is already defined",
            hint=f"'.purgem {name}' removes the old definition",
            position=operands.position - len(name),
            length=len(name),
        )
    if unit.is_directive(key):
        operands.fail(
            f"'{name}' is a directive and cannot be a macro",
            position=operands.position - len(name),
            length=len(name),
        )
    operands.accept(",")
    parameters = _parameters(unit, operands)
    unit.macros[key] = Macro(name, parameters, body)
    unit.forget_word(name)


def _parameters(unit: Unit, operands: Operands) -> list[Parameter]:
    parameters: list[Parameter] = []
    text = operands.text
    while not operands.at_end():
        at = operands.position
        match = NAME.match(text, at)
        if match is None:
            operands.fail(f"expected a parameter name, found '{text[at:][:20]}'")
        operands.position = match.end()
        parameter = Parameter(match[0])
        if any(p.name == parameter.name for p in parameters):
            operands.fail(
                f"parameter '{parameter.name}' is there twice", position=at, length=len(match[0])
            )
        if operands.accept(":"):
            qualifier_at = operands.skip_space()
            qualifier = NAME.match(text, qualifier_at)
            word = qualifier[0].lower() if qualifier else ""
            if word == "req":
                parameter.required = True
            elif word == "vararg":
                parameter.vararg = True
            else:
                operands.fail(
                    f"'{word or text[qualifier_at:][:10]}' is not a parameter qualifier",
                    hint="the qualifiers are ':req' and ':vararg'",
                    length=max(1, len(word)),
                )
            operands.position = qualifier_at + len(word)
        if operands.accept("="):
            parameter.default, operands.position = argument(unit, operands, text, operands.position)
            if parameter.required:
                operands.warn(
                    f"the default of the required parameter '{parameter.name}' is never used", at
                )
        if parameter.vararg and not operands.at_end():
            operands.fail("a ':vararg' parameter must be the last one")
        operands.accept(",")
        parameters.append(parameter)
    return parameters


# -- expansion -------------------------------------------------------------------------------


def expand(unit: Unit, macro: Macro, text: str, start: int) -> None:
    """Read the body of `macro` next, with the arguments in `text`."""
    frame = unit.frame
    assert frame is not None
    values = _arguments(unit, macro, text, start)
    number = unit.macro_count
    unit.macro_count += 1
    note = f"in expansion of macro '{macro.name}'"
    if _is_inside(frame, note):
        unit.recursions += 1
        if unit.recursions > MAX_RECURSIONS:
            unit.fatal(
                f"macro '{macro.name}' expands itself too often",
                hint=f"the limit is {MAX_RECURSIONS:,} times in a file",
            )
    body = macro.body.expand(unit, values, number)
    _read(unit, body, note, kind="macro")


def _is_inside(frame: Frame | None, note: str) -> bool:
    """Whether `frame` is, or was caused by, the expansion that `note` names."""
    while frame is not None and frame.parent is not None:
        if frame.note == note:
            return True
        frame = frame.parent
    return False


def _arguments(unit: Unit, macro: Macro, text: str, start: int) -> dict[str, str]:
    """The actual value of every parameter."""
    operands = Operands(unit, macro.name, text, start)
    text = squeeze(text.strip())
    given: dict[str, str] = {}
    names = {p.name: p for p in macro.parameters}
    position, following, keyword_seen = 0, 0, False
    while position < len(text):
        keyword = _keyword(text, position)
        if keyword is not None:
            keyword_seen = True
            value, position = argument(unit, operands, text, position + len(keyword) + 1)
            if keyword not in names:
                unknown = f"macro '{macro.name}' has no parameter '{keyword}'"
                unit.fail(unknown, hint=did_you_mean(keyword, names))
            if given.get(keyword):
                unit.report(
                    warning(
                        f"parameter '{keyword}' of macro '{macro.name}' is given twice", unit.span()
                    )
                )
            given[keyword] = value
        else:
            if keyword_seen:
                unit.fail("a positional argument cannot follow a keyword argument")
            if following >= len(macro.parameters):
                count = len(macro.parameters)
                unit.fail(
                    f"too many arguments for macro '{macro.name}', which takes {count}",
                    hint="arguments are separated by commas or white space; quote one that contains them",
                )
            parameter = macro.parameters[following]
            following += 1
            if parameter.vararg:
                given[parameter.name] = text[position:]
                break
            given[parameter.name], position = argument(unit, operands, text, position)
        position = _skip_comma(text, position)
    for parameter in macro.parameters:
        if parameter.required and not given.get(parameter.name):
            unit.fail(f"macro '{macro.name}' needs a value for its parameter '{parameter.name}'")
    return {p.name: given.get(p.name) or p.default for p in macro.parameters}


def _keyword(text: str, position: int) -> str | None:
    """The parameter name when ``name=value`` stands at `position`."""
    end = position
    while end < len(text) and text[end] not in _SEPARATORS:
        end += 1
    if end < len(text) and text[end] == "=" and (match := TOKEN.fullmatch(text[position:end])):
        return match[0]
    return None


def _read(unit: Unit, body: Body, note: str, *, kind: str, repeat: int = 1) -> None:
    """Read `body` next, `repeat` times."""
    parent = unit.frame
    assert parent is not None
    if parent.nesting >= MAX_NESTING:
        unit.fatal(
            f"macros are nested too deeply (the limit is {MAX_NESTING})",
            hint="does a macro expand itself without an end?",
        )
    frame = Frame(
        body.origin.path,
        body.statements,
        body.lines,
        origin=body.origin,
        parent=parent,
        note=note,
    )
    frame.repeat = repeat
    frame.kind = kind
    frame.nesting = parent.nesting + 1
    unit.enter(frame)


def repeat(unit: Unit, operands: Operands) -> None:
    """``.rept count``."""
    head = Operands(unit, operands.name, operands.text, operands.start)
    body = collect(unit, operands, _REPEATS, frozenset({".endr"}))
    count = head.number("count")
    head.end()
    if count < 0:
        head.fail(f"the count is negative ({count})", position=0)
    unit.limit_expansion(max(count, 0) * len(body.statements))
    if count > 0 and body.statements:
        _read(unit, body, f"in '{operands.name}'", kind="repeat", repeat=count)


def repeat_values(unit: Unit, operands: Operands, *, characters: bool) -> None:
    """``.irp name, values`` and ``.irpc name, characters``."""
    head = Operands(unit, operands.name, squeeze(operands.text.strip()), operands.start)
    body = collect(unit, operands, _REPEATS, frozenset({".endr"}))
    match = TOKEN.match(head.text)
    if match is None:
        head.fail(f"'{head.name}' expects a parameter name")
    name = match[0]
    position = _skip_comma(head.text, match.end())
    values = _characters(head.text, position) if characters else []
    while not characters and position < len(head.text):
        value, position = argument(unit, head, head.text, position)
        values.append(value)
        position = _skip_comma(head.text, position)
    statements: list[str] = []
    lines: list[int] = []
    for value in values or [""]:
        part = body.expand(unit, {name: value}, unit.macro_count)
        statements += part.statements
        lines += part.lines
    _read(unit, Body(statements, lines, body.origin), f"in '{operands.name}'", kind="repeat")


def _characters(text: str, position: int) -> list[str]:
    """The values of `.irpc`: single characters, blanks among them only inside quotes."""
    out: list[str] = []
    quoted = text.startswith('"', position)
    position += quoted
    while position < len(text):
        if text[position] == '"':
            quoted = not quoted
            if _skip_white(text, position + 1) >= len(text):
                break
        out.append(text[position])
        position += 1
        if not quoted:
            position = _skip_white(text, position)
    return out


def leave(unit: Unit, operands: Operands) -> None:
    """``.exitm``: stop reading the innermost macro."""
    operands.end()
    frame = unit.frame
    assert frame is not None
    if frame.kind == "file":
        unit.complain("'.exitm' outside a macro")
        return
    frame.index = len(frame.statements)
    frame.repeat = 1
    unit.conditionals.unwind(frame.conditionals)
    unit.conditions_changed()


def purge(unit: Unit, operands: Operands) -> None:
    """``.purgem name``."""
    name = operands.name_operand("a macro name")
    operands.end()
    if unit.macros.pop(name.lower(), None) is None:
        unit.complain(f"there is no macro '{name}' to remove")
    unit.forget_word(name)


def stray(unit: Unit, operands: Operands) -> None:
    """`.endm` or `.endr` without a head."""
    head = "a '.macro'" if operands.name.lower().startswith(".endm") else "a '.rept' or '.irp'"
    unit.complain(f"'{operands.name}' without {head} before it")

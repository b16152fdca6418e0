"""C preprocessor lines in assembly, read without a compiler and without believing too much.

The lines stay where they are: a directive becomes an empty line or one of the pseudo-directives
that `reader` knows (`.oro_if 0`, `.oro_if 1`, `.oro_if ?`, `.oro_else`, `.oro_endif`,
`.oro_include "file"`), and macros that are defined in exactly one way are expanded. Every other
macro stays as it is: the reader treats what it cannot know with care.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MAX_LINE: Final = 65536  # characters of one line after expansion
_MAX_DEPTH: Final = 16
_DIRECTIVE: Final = re.compile(
    r"[ \t]*#[ \t]*(define|undef|if|ifdef|ifndef|elif|else|endif|include|error|warning|pragma|line)"
    r"\b(.*)",
    re.DOTALL,
)
_DEFINE: Final = re.compile(r"[ \t]*([A-Za-z_]\w*)(\(([^)]*)\))?(.*)", re.DOTALL)
_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z_.$][\w.$]*')
_KNOWN: Final = {"__ASSEMBLER__", "__ASSEMBLY__"}  # what gcc and the kernels' makefiles define
_COMMENT: Final = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|/\*.*\Z|//[^\n]*', re.DOTALL)


_LINE_ENDS: Final = re.compile(r"\\?\r?\n")


@dataclass(frozen=True, slots=True)
class Define:
    """A macro of the preprocessor; `parameters` is None for one without parentheses."""

    parameters: tuple[str, ...] | None
    body: str


@dataclass(slots=True)
class Defines:
    """The macros seen so far; a name in `doubtful` is defined in more than one way."""

    table: dict[str, Define] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)


def without_comments(text: str) -> str:
    """`text` with C comments blanked and every line where it was."""

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] == '"':
            return found
        # A backslash at the end of a line joins lines before comments go.
        return "".join(_LINE_ENDS.findall(found)) or " "

    return _COMMENT.sub(blank, text)


def preprocess(text: str, defines: Defines) -> str:
    """`text` with its directives replaced; adds to `defines`. The number of lines is kept."""
    lines = without_comments(text).split("\n")
    out: list[str] = []
    doubts: list[bool] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        match = _DIRECTIVE.match(line)
        if match is None:
            out.append(expand(line, defines) if defines.table else line)
            number += 1
            continue
        first = number
        while lines[number].rstrip("\r").endswith("\\") and number + 1 < len(lines):
            number += 1
        number += 1
        joined = " ".join(part.rstrip("\r").removesuffix("\\") for part in lines[first:number])
        whole = _DIRECTIVE.match(joined)
        assert whole is not None
        word, rest = whole[1], whole[2].strip()
        if word in ("if", "ifdef", "ifndef"):
            guard = word == "ifndef" and _starts_guard(lines, number, rest)
            doubts.append(not guard and _truth(word, rest) == "?")
            out.append(".oro_if 1" if guard else f".oro_if {_truth(word, rest)}")
        else:
            if word == "endif" and doubts:
                doubts.pop()
            out.append(_directive(word, rest, defines, conditional=any(doubts)))
        out += [""] * (number - first - 1)
    return "\n".join(out)


def _directive(word: str, rest: str, defines: Defines, *, conditional: bool) -> str:
    if word == "define":
        _define(rest, defines, conditional=conditional)
    elif word == "undef":
        defines.table.pop(rest, None)
        if conditional:
            defines.doubtful.add(rest)
    elif word == "include":
        match = re.match(r'"([^"]+)"', rest)
        return f'.oro_include "{match[1]}"' if match else ""
    elif word == "elif":
        return f".oro_elif {_truth('if', rest)}"
    elif word in ("else", "endif"):
        return f".oro_{word}"
    return ""


def _starts_guard(lines: list[str], number: int, name: str) -> bool:
    """Whether an `#ifndef name` before line `number` guards against a second inclusion."""
    following = next((line for line in lines[number:] if line.strip()), "")
    return re.match(rf"[ \t]*#[ \t]*define[ \t]+{re.escape(name)}\b", following) is not None


def _truth(word: str, condition: str) -> str:
    """`0` or `1` for a condition that holds in no build or in all, `?` for every other."""
    if word == "ifdef" and condition in _KNOWN:
        return "1"
    if word == "ifndef" and condition in _KNOWN:
        return "0"
    plain = re.sub(r"\s+", "", condition)
    inner = re.sub(r"defined\(?(\w+)\)?", lambda m: "1" if m[1] in _KNOWN else m[0], plain)
    return {"0": "0", "1": "1", "!1": "0", "!0": "1"}.get(inner, "?")


def _define(rest: str, defines: Defines, *, conditional: bool) -> None:
    match = _DEFINE.match(rest)
    if match is None:
        return
    name = match[1]
    parameters = None
    if match[2] is not None:
        parameters = tuple(p.strip() for p in match[3].split(",")) if match[3].strip() else ()
        if any(not p.isidentifier() for p in parameters):  # `...` and what is no name
            defines.doubtful.add(name)
            return
    new = Define(parameters, match[4].strip())
    old = defines.table.get(name)
    if (conditional and not _is_guard(new)) or (old is not None and old != new):
        # Another build may see another definition, or none.
        defines.doubtful.add(name)
    defines.table[name] = new


def _is_guard(define: Define) -> bool:
    return define.parameters is None and not define.body


def expand(line: str, defines: Defines) -> str:
    """`line` with the macros put in that are defined in one way."""
    out = _expand(line, defines, frozenset(), 0)
    return out if len(out) <= MAX_LINE else line


def _expand(text: str, defines: Defines, active: frozenset[str], depth: int) -> str:
    if depth > _MAX_DEPTH:
        return text
    parts: list[str] = []
    position = size = 0
    while match := _TOKEN.search(text, position):
        name = match[0]
        define = None if name in active or name in defines.doubtful else defines.table.get(name)
        end = match.end()
        value: str | None = None
        if define is not None and define.parameters is None:
            value = define.body
        elif define is not None and define.parameters is not None:
            arguments = _arguments(text, end)
            if arguments is not None and len(arguments[0]) == max(1, len(define.parameters)):
                values = dict(zip(define.parameters, arguments[0], strict=False))
                value, end = _substitute(define.body, values), arguments[1]
        if value is not None:
            value = _expand(value, defines, active | {name}, depth + 1)
        parts += (
            text[position : match.start()],
            text[match.start() : end] if value is None else value,
        )
        size += len(parts[-1]) + len(parts[-2])
        if size > MAX_LINE:
            return text
        position = end
    return "".join((*parts, text[position:]))


def _arguments(text: str, position: int) -> tuple[list[str], int] | None:
    """The arguments in the parentheses at `position`, and the position behind them."""
    while text[position : position + 1] in (" ", "\t"):
        position += 1
    if text[position : position + 1] != "(":
        return None
    depth, start, values = 0, position + 1, []
    for at in range(position, len(text)):
        char = text[at]
        depth += (char == "(") - (char == ")")
        if (char == "," and depth == 1) or depth == 0:
            values.append(text[start:at].strip())
            start = at + 1
        if depth == 0:
            return values, at + 1
    return None


def _substitute(body: str, values: dict[str, str]) -> str:
    """A body with its parameters replaced, `#x` made a string and `a ## b` one word."""
    text = re.sub(
        r"(?<!#)#[ \t]*([A-Za-z_]\w*)",
        lambda m: f'"{values[m[1]]}"' if m[1] in values else m[0],
        body,
    )
    text = re.sub(r"[A-Za-z_]\w*", lambda m: values.get(m[0], m[0]), text)
    return re.sub(r"[ \t]*##[ \t]*", "", text)

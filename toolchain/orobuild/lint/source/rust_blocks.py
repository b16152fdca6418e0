"""Inline assembly of Rust: `asm!`, `naked_asm!` and `global_asm!`.

Source: The Rust Reference, *Inline assembly*: templates joined by newlines, Intel syntax unless
`options(att_syntax)`, `{}` for operands unless `options(raw)`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.lint.comments import Language
from orobuild.lint.source.embedded import OPERAND, UNKNOWN, Block, Text, templated, unquote
from orobuild.lint.source.lexer import Token, closing_bracket, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MACROS: Final = frozenset(("asm", "naked_asm", "global_asm", "llvm_asm"))
_TEMPLATE: Final = re.compile(r"(?P<mark>\{\{|\}\})|(?P<operand>\{[^{}\n]*\})")
_REPLACED: Final = (("mark", "="), ("operand", OPERAND))
_OURS: Final = re.compile(r'target_arch\s*=\s*"x86(?:_64)?"')


def blocks(text: str, read: Callable[[str], tuple[int, str] | None]) -> list[Block]:
    """Every block of a file, in order.

    `read` gives the text of a file that `include_str!` names, with the offset that it has; None
    for one that cannot be read.
    """
    words = list(tokens(text, Language.RUST))
    found: list[Block] = []
    index = 0
    while index + 2 < len(words):
        word = words[index]
        if word.text == "#" and (end := _other_processor(words, index, text)):
            index = end
        elif (
            word.text in _MACROS
            and words[index + 1].text == "!"
            and words[index + 2].text in ("(", "[", "{")
        ):
            closing = closing_bracket(words, index + 2)
            block = _block(word, words[index + 3 : closing], read)
            if block is not None:
                found.append(block)
            index = closing + 1
        else:
            index += 1
    return found


def _block(
    head: Token, inside: Sequence[Token], read: Callable[[str], tuple[int, str] | None]
) -> Block | None:
    raw = Text()
    whole = True
    arguments = _arguments(inside)
    for argument in arguments:
        template = _without_attributes(argument)
        if not template or not _is_template(template):
            break
        if raw.size:
            raw.add("\n", template[0].start)
        whole &= _join(template, raw, read)
    if raw.size == 0:
        return None
    words = {t.text for argument in arguments if argument[:1] and argument[0].text == "options"
             for t in argument}  # fmt: skip
    text = str(raw)
    layers: tuple[Text, ...] = (raw,)
    if "raw" not in words:
        shown = templated(text, _TEMPLATE, _REPLACED)
        text, layers = str(shown), (shown, raw)
    return Block(head.start, head.text == "global_asm", text, layers, whole)


def _is_template(argument: Sequence[Token]) -> bool:
    """Whether an argument is text: a string, or a macro that makes one."""
    first = argument[0]
    if first.kind == "string":
        return len(argument) == 1
    return first.kind == "word" and len(argument) > 2 and argument[1].text == "!"


def _join(
    argument: Sequence[Token], out: Text, read: Callable[[str], tuple[int, str] | None]
) -> bool:
    """Append the text of a template; False if only a compiler can know it."""
    first = argument[0]
    if first.kind == "string":
        unquote(first.text, first.start, out, trims=True)
        return True
    if first.kind == "number" or first.text in ("true", "false"):
        out.add(first.text, first.start)
        return True
    inside = argument[3 : closing_bracket(argument, 2)] if len(argument) > 2 else []
    if first.text == "concat" and inside:
        whole = True
        for part in _arguments(inside):
            whole = (not part or _join(part, out, read)) and whole
        return whole
    if first.text == "include_str" and len(inside) == 1 and inside[0].kind == "string":
        name = Text()
        unquote(inside[0].text, 0, name)
        if (included := read(str(name))) is not None:
            out.add(included[1], included[0])
            return True
    out.add(UNKNOWN, first.start)
    return False


def _arguments(inside: Sequence[Token]) -> list[list[Token]]:
    """The tokens between commas outside brackets."""
    found: list[list[Token]] = [[]]
    level = 0
    for word in inside:
        if word.kind == "mark":
            level += (word.text in "([{") - (word.text in ")]}")
            if word.text == "," and level == 0:
                found.append([])
                continue
        found[-1].append(word)
    return found


def _without_attributes(argument: Sequence[Token]) -> Sequence[Token]:
    while len(argument) > 1 and argument[0].text == "#" and argument[1].text == "[":
        argument = argument[closing_bracket(argument, 1) + 1 :]
    return argument


def _other_processor(words: Sequence[Token], index: int, text: str) -> int:
    """The index behind the item of a `#[cfg(target_arch = …)]` that is not x86's; 0 for others."""
    inner = words[index + 1].text == "!"
    at = index + 1 + inner
    if words[at].text != "[" or at + 1 >= len(words) or words[at + 1].text != "cfg":
        return 0
    closing = closing_bracket(words, at)
    if closing >= len(words):
        return 0
    condition = text[words[at].start : words[closing].end]
    if "target_arch" not in condition or "not" in condition or _OURS.search(condition):
        return 0
    if inner:
        return len(words)
    for end in range(closing + 1, len(words)):
        if words[end].text == ";":
            return end + 1
        if words[end].text == "{":
            return closing_bracket(words, end) + 1
        if words[end].text in ("(", "[") and words[end].kind == "mark" and end < closing:
            return 0
    return len(words)

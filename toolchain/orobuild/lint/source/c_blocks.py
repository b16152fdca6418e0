"""Inline assembly of C and C++ (GCC's and clang's `asm`), in functions, macros and at file scope.

Source: GCC manual, *Using Assembly Language with C*.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orobuild.lint.comments import Language
from orobuild.lint.source.embedded import OPERAND, UNKNOWN, Block, Text, templated, unquote
from orobuild.lint.source.instruction_set import is_instruction
from orobuild.lint.source.lexer import Token, closing_bracket, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASM: Final = frozenset(("asm", "__asm__", "__asm"))
_QUALIFIERS: Final = frozenset(
    (
        "volatile",
        "__volatile__",
        "__volatile",
        "goto",
        "__goto__",
        "inline",
        "__inline__",
        "__inline",
    )
)
_BEFORE: Final = frozenset((";", "{", "}", ":", ",", "(", ">"))  # what a statement follows
_WORDS_BEFORE: Final = frozenset(("else", "do", "__extension__", "return"))
_CHOICES: Final = re.compile(r"(?P<kept>%[%{|}])|(?P<choice>\{[^{}|\n]*\|[^{}\n]*\})")
_TEMPLATE: Final = re.compile(r"(?P<mark>%[%{|}])|(?P<operand>%[a-zA-Z]?(?:\[\w+\]|\d+)|%=)")
_REPLACED: Final = (("mark", "="), ("operand", OPERAND), ("choice", "|"), ("kept", ""))
_CONDITION: Final = re.compile(
    r"[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif|define)\b(.*)", re.DOTALL
)
_OTHERS: Final = re.compile(
    r"\b(?:__)?(?:CONFIG_)?(?:ARCH_)?(?:aarch64|arm64|arm|thumb2?|riscv|mips(?:64)?|powerpc(?:64)?|ppc(?:64)?"
    r"|s390x?|sparc(?:64)?|sparc_v9|loongarch(?:64)?|m68k|alpha|ia64|sh__|hppa|arc|csky|xtensa)(?:__)?\b",
    re.IGNORECASE,
)
_OURS: Final = re.compile(
    r"\b(?:__)?(?:CONFIG_)?(?:ARCH_)?(?:x86(?:_64|_32)?|i[3-6]86|amd64|ia32)(?:__)?\b",
    re.IGNORECASE,
)


def blocks(text: str) -> list[Block]:
    """Every block of a file, in order."""
    walk = _Walk(text)
    walk.run(0, len(text), in_macro=False)
    return sorted(walk.found, key=lambda block: block.start)


class _Walk:
    """One walk over the words. `depth` counts braces that are no namespace's or `extern "C"`'s."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Block] = []
        self.macros: dict[str, list[Token]] = {}  # those that are nothing but strings

    def run(self, start: int, end: int, *, in_macro: bool) -> None:
        words = list(tokens(self.text, Language.C, start, end))
        depth = 0
        open_braces: list[bool] = []
        conditionals: list[tuple[int, list[bool], bool, bool, bool]] = []
        skipped = False
        index = 0
        while index < len(words):
            word = words[index]
            if word.kind == "directive" and not in_macro:
                match = _CONDITION.match(word.text)
                if match is not None:
                    if match[1] == "define":
                        if not skipped:
                            self._define(word, match)
                    else:
                        depth, open_braces, skipped = _conditional(
                            match, conditionals, depth, open_braces, skipped=skipped
                        )
            elif word.text == "{":
                counts = not _is_transparent(words, index)
                open_braces.append(counts)
                depth += counts
            elif word.text == "}" and open_braces:
                depth -= open_braces.pop()
                if depth and (word.start == 0 or self.text[word.start - 1] == "\n"):
                    # A function's end, whatever the preprocessor has made of its braces.
                    depth, open_braces = 0, [b for b in open_braces if not b]
            elif word.text in _ASM and word.kind == "word":
                following, block = self._block(words, index, depth=depth, in_macro=in_macro)
                if block is not None and not skipped:
                    self.found.append(block)
                index = following
                continue
            index += 1

    def _define(self, word: Token, match: re.Match[str]) -> None:
        head = re.match(r"[ \t]*(\w+)(\([^)]*\))?", match[2])
        if head is None:
            return
        start = word.start + match.start(2) + head.end()
        # A backslash at the end of a line is no word: blanked, the offsets stay.
        body = [t for t in tokens(self.text, Language.C, start, word.end) if t.text != "\\"]
        if head[2] is None and body and all(t.kind == "string" for t in body):
            self.macros[head[1]] = body
        if any(t.text in _ASM for t in body):
            self.run(start, word.end, in_macro=True)

    def _block(
        self, words: Sequence[Token], index: int, *, depth: int, in_macro: bool
    ) -> tuple[int, Block | None]:
        """The block that may start at `index`, and the index behind it."""
        at = index + 1
        while at < len(words) and (words[at].text in _QUALIFIERS or words[at].text == "\\"):
            at += 1
        if at >= len(words) or words[at].text != "(":
            return index + 1, None
        closing = _closing(words, at)
        inside = [t for t in words[at + 1 : closing] if t.text != "\\" and t.kind != "directive"]
        pieces, colon = _until_colon(inside)
        raw = Text()
        whole = self._join(pieces, raw)
        if raw.size == 0:
            return at + 1, None
        if self._is_name(words, index, str(raw), depth=depth):
            return closing + 1, None
        text = str(raw)
        layers: tuple[Text, ...] = (raw,)
        if colon:
            chosen = templated(text, _CHOICES, _REPLACED)
            shown = templated(str(chosen), _TEMPLATE, _REPLACED)
            text, layers = str(shown), (shown, chosen, raw)
        start = words[index].start
        return closing + 1, Block(start, depth == 0 and not in_macro, text, layers, whole)

    def _join(self, pieces: Sequence[Token], out: Text) -> bool:
        """Append the strings among `pieces`; False if there is more than strings."""
        whole = True
        index = 0
        while index < len(pieces):
            piece = pieces[index]
            if piece.kind == "string":
                unquote(piece.text, piece.start, out)
            elif piece.kind == "word" and piece.text in self.macros:
                for known in self.macros[piece.text]:
                    unquote(known.text, known.start, out)
            else:
                whole = False
                out.add(UNKNOWN, piece.start)
                if index + 1 < len(pieces) and pieces[index + 1].text == "(":
                    index = _closing(pieces, index + 1)
            index += 1
        return whole

    @staticmethod
    def _is_name(words: Sequence[Token], index: int, text: str, *, depth: int) -> bool:
        """Whether it is no statement but the assembler's name of a variable or a function."""
        before = words[index - 1] if index else None
        if before is None or before.kind == "directive" or before.text in _BEFORE:
            return False
        if before.kind == "word" and before.text in _WORDS_BEFORE:
            return False
        if before.text == ")" and (depth or re.search(r"[\s;:]", text.strip())):
            first = re.match(r"[\w.]+", text.strip())
            name = first[0].lower() if first else ""
            return not (name.startswith(".") or is_instruction(name) or re.search(r"[\s;:%]", text))
        return True


def _until_colon(inside: Sequence[Token]) -> tuple[list[Token], bool]:
    """What stands before the first colon outside brackets, and whether there is one."""
    level = 0
    for index, word in enumerate(inside):
        level += (word.text in "([{" and word.kind == "mark") - (
            word.text in ")]}" and word.kind == "mark"
        )
        if word.text == ":" and level == 0:
            return list(inside[:index]), True
    return list(inside), False


def _closing(words: Sequence[Token], index: int) -> int:
    """The index of what closes the bracket at `index`; the last one if nothing does."""
    return min(closing_bracket(words, index), len(words) - 1)


def _is_transparent(words: Sequence[Token], index: int) -> bool:
    """Whether the brace opens a namespace or `extern "C"`, which are no functions."""
    before = [w.text for w in words[max(0, index - 6) : index]]
    if before[-1:] and before[-1].startswith('"') and before[-2:-1] == ["extern"]:
        return True
    for at in range(len(before) - 1, -1, -1):
        if before[at] == "namespace":
            return True
        if before[at] != ":" and not before[at].isidentifier():
            return False
    return False


def _conditional(
    match: re.Match[str],
    stack: list[tuple[int, list[bool], bool, bool, bool]],
    depth: int,
    braces: list[bool],
    *,
    skipped: bool,
) -> tuple[int, list[bool], bool]:
    """(depth, open braces, whether what follows is for another processor) behind a conditional.

    Each branch starts at the braces that were open before it, whatever the others opened.
    """
    word, condition = match[1], match[2]
    ours, others = _OURS.search(condition), _OTHERS.search(condition)
    negated = word == "ifndef" or "!" in condition
    if word.startswith("if"):
        never = condition.strip() == "0"
        stack.append((depth, list(braces), skipped, bool(ours) and not negated, never))
        for_others = bool(others) and not ours and not negated
        return (
            depth,
            braces,
            skipped or never or for_others or (bool(ours) and negated and "||" not in condition),
        )
    if not stack:
        return depth, braces, skipped
    old_depth, old_braces, outer, was_ours, never = stack[-1]
    if word == "endif":
        stack.pop()
        return (old_depth, old_braces, outer) if never else (depth, braces, outer)
    stack[-1] = (*stack[-1][:4], False)
    if word == "elif":
        return old_depth, list(old_braces), outer or (bool(others) and not ours)
    return old_depth, list(old_braces), outer or was_ours

"""Tokens of a linker script.

GNU ld's lexer depends on context: `a-b` is an expression inside parentheses and a file name in an
input section description. The `Scanner` therefore has no token stream; the parser asks for the
kind of token that may come next. It owns positions and comments and knows no command.
"""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING, Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError

if TYPE_CHECKING:
    from orobuild.diagnostics import Diagnostic

# ldlex.l, WILDCHAR and SYMBOLCHARN of binutils 2.40.
_WILD: Final = re.compile(r"[\w/.\-+=$\[\]\\~?*^!:]+", re.ASCII)
_PATTERN: Final = re.compile(r"[\w/.\-+=$\[\]\\~?*^!:,]+", re.ASCII)
_SECTION: Final = re.compile(r"[\w/.\-+$\[\]\\~?*^!]+", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_.$][\w.$]*", re.ASCII)
_NUMBER: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]*|\$[0-9A-Fa-f]+|[0-9][0-9A-Fa-f]*)\w*", re.ASCII)
_SPACE: Final = re.compile(r"[ \t\r\n\f\v]+")
_OPERATOR: Final = re.compile(
    r"<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|\*=|/=|&=|\|=|\^=|[-+*/%&|^~!<>=?:;,(){}]"
)
_SECTION_TYPE: Final = re.compile(r"\(\s*(?:NOLOAD|DSECT|COPY|INFO|OVERLAY|READONLY|TYPE|\))")
ASSIGNMENT_OPERATORS: Final = ("=", "+=", "-=", "*=", "/=", "<<=", ">>=", "&=", "|=", "^=")
_ASSIGNMENT: Final = re.compile(r"=(?!=)|\+=|-=|\*=|/=|<<=|>>=|&=|\|=|\^=")


class ScriptError(InputError):
    """A linker script is wrong."""


class Scanner:
    """A position in one script text."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.position = 0
        self._line_starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def span(self, start: int, length: int = 1) -> Span:
        """The place of `length` characters at offset `start`."""
        line = bisect.bisect_right(self._line_starts, start)
        begin = self._line_starts[line - 1]
        end = self.text.find("\n", begin)
        text = self.text[begin : end if end >= 0 else None].rstrip("\r")
        return Span(self.path, line, start - begin + 1, max(1, length), text)

    def here(self) -> Span:
        """The place of the next token."""
        self.skip()
        match = re.compile(r"[\w.$/*\-]+|.", re.ASCII).match(self.text, self.position)
        return self.span(self.position, len(match[0]) if match else 1)

    def fail(self, message: str, span: Span | None = None, *, hint: str | None = None) -> NoReturn:
        """Raise a `ScriptError` at `span`, by default the next token."""
        raise ScriptError(self.diagnostic(message, span, hint=hint))

    def diagnostic(
        self, message: str, span: Span | None = None, *, hint: str | None = None
    ) -> Diagnostic:
        """An error at `span`, by default the next token."""
        return error(message, span or self.here(), hint=hint, rule="linker-script")

    def skip(self) -> None:
        """Move over white space and comments (`/* */`, and `#` to the end of the line)."""
        text, length = self.text, len(self.text)
        while self.position < length:
            char = text[self.position]
            if char in " \t\r\n\f\v":
                match = _SPACE.match(text, self.position)
                assert match
                self.position = match.end()
            elif char == "/" and text.startswith("/*", self.position):
                end = text.find("*/", self.position + 2)
                if end < 0:
                    start, self.position = self.position, length
                    self.fail("this comment is not closed", self.span(start, 2))
                self.position = end + 2
            elif char == "#":
                end = text.find("\n", self.position)
                self.position = length if end < 0 else end + 1
            else:
                return

    def at_end(self) -> bool:
        """Whether nothing but white space is left."""
        self.skip()
        return self.position >= len(self.text)

    def found(self) -> str:
        """The next token as a message shows it."""
        self.skip()
        if self.position >= len(self.text):
            return "the end of the script"
        match = re.compile(r'[\w.$]+|"[^"\n]*"?|.', re.ASCII).match(self.text, self.position)
        return f"'{match[0]}'" if match else "the end of the script"

    def looking_at(self, token: str) -> bool:
        """Whether the punctuation `token` comes next."""
        self.skip()
        return self.text.startswith(token, self.position)

    def accept(self, token: str) -> bool:
        """Consume the punctuation `token` if it comes next."""
        if self.looking_at(token):
            self.position += len(token)
            return True
        return False

    def at_section_type(self) -> bool:
        """Whether `(NOLOAD)` or its like comes next: it ends the address of an output section."""
        self.skip()
        return _SECTION_TYPE.match(self.text, self.position) is not None

    def expect(self, token: str, where: str) -> None:
        """Consume `token` or fail, saying that it was expected `where`."""
        if not self.accept(token):
            self.fail(f"expected '{token}' {where}, found {self.found()}")

    def operator(self) -> str | None:
        """The operator that comes next, not consumed."""
        self.skip()
        match = _OPERATOR.match(self.text, self.position)
        return match[0] if match else None

    def assignment_operator(self) -> str | None:
        """The assignment operator that comes next, not consumed."""
        self.skip()
        match = _ASSIGNMENT.match(self.text, self.position)
        return match[0] if match else None

    def quoted(self) -> str | None:
        """Consume and return a `"quoted"` name or text, None if none comes next."""
        self.skip()
        if not self.text.startswith('"', self.position):
            return None
        end = self.text.find('"', self.position + 1)
        if end < 0:
            self.fail("this quotation is not closed")
        content = self.text[self.position + 1 : end]
        self.position = end + 1
        return content

    def name(self) -> str | None:
        """Consume a symbol name (expression context), quoted or not."""
        return self._token(_NAME)

    def wild(self) -> str | None:
        """Consume a file name, quoted or not."""
        return self._token(_WILD)

    def pattern(self) -> str | None:
        """Consume a pattern of an input section description: a comma is a part of it (ldlex.l)."""
        return self._token(_PATTERN)

    def section_name(self) -> str | None:
        """Consume an output section name, quoted or not."""
        return self._token(_SECTION)

    def number(self) -> str | None:
        """Consume a numeric literal with its suffix."""
        self.skip()
        match = _NUMBER.match(self.text, self.position)
        if not match or (match[0][0] == "$" and len(match[0]) < 2):
            return None
        self.position = match.end()
        return match[0]

    def _token(self, pattern: re.Pattern[str]) -> str | None:
        text = self.quoted()
        if text is not None:
            return text
        match = pattern.match(self.text, self.position)
        if not match:
            return None
        self.position = match.end()
        return match[0]

    def word(self) -> str | None:
        """The identifier that comes next, not consumed."""
        self.skip()
        match = _NAME.match(self.text, self.position)
        return match[0] if match else None

    def accept_word(self, word: str) -> bool:
        """Consume the identifier `word` if it comes next."""
        if self.word() == word:
            self.position += len(word)
            return True
        return False

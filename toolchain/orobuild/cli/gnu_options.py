"""GNU-style command lines: one parser, driven by a table of options.

`parse` turns words into one ordered sequence of frozen `Item`s, options and inputs together,
because for a linker the order is the meaning. It follows getopt_long_only(3): joined values
(`-Idir`), long words with one dash or two (`-Map=x`, `--Map x`), unique abbreviations, clusters
of letters (`-sx`), `@file` and `--`. It knows no option by itself, reads nothing but `@file`s,
and never drops a word: what the table does not know, or refuses, is a `UsageError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from orobuild.diagnostics import nearest
from orobuild.errors import UsageError
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

INPUT: Final = ""
_MAX_NESTING: Final = 64  # @file inside @file; libiberty stops at 2000, nobody writes three
_HELP_COLUMN: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row of a table of options.

    `names` are spelled as people type them. `-x` is a letter, `-word` and `--word` are words,
    which take one dash or two unless `two_dashes`. `takes`: `nothing`; a `value`, joined or in
    the next word; or `maybe` a value, joined only (`-O2`, `--build-id=sha1`). `key` is what
    readers of the result ask for; several rows may share it. `constant` is the value that the
    row stands for. `choices` maps the values that are allowed to None, or to the reason why one
    is refused. `refused` says why the whole option is, `instead` what to do about it. `ignored`
    says why an option that is accepted changes nothing. `joined_first`: a letter whose joined
    value wins over an abbreviated word (`-ldl` is never `--ld-generated-unwind-info`).
    """

    key: str
    names: tuple[str, ...]
    takes: Literal["nothing", "value", "maybe"] = "nothing"
    metavar: str = "VALUE"
    help: str = ""
    constant: str | None = None
    choices: Mapping[str, str | None] | None = None
    refused: str | None = None
    instead: str | None = None
    ignored: str | None = None
    two_dashes: bool = False
    joined_first: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """An option, or an input when `key` is INPUT; then `value` is its name.

    `word` is how the user wrote it, for messages.
    """

    key: str
    value: str | None
    word: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What was asked for, in order."""

    items: tuple[Item, ...]

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of `key`, in order."""
        return tuple(item.value or "" for item in self.items if item.key == key)

    def last(self, key: str, default: str | None = None) -> str | None:
        """The last value of `key`: a later option overrides an earlier one."""
        found = [item.value for item in self.items if item.key == key]
        return found[-1] if found else default

    def on(self, key: str) -> bool:
        """Whether the last option of `key` switched it on (its constant is not `no`)."""
        return any(item.key == key for item in self.items) and self.last(key) != "no"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs' names."""
        return self.all(INPUT)


def parse(words: Sequence[str], table: Sequence[Option], program: str) -> CommandLine:
    """Parse `words`, a command line without the program's name. Raises `UsageError`."""
    return CommandLine(tuple(_Parser(table, program).run(expand_response_files(words))))


def expand_response_files(words: Sequence[str]) -> list[str]:
    """`words` with each `@file` replaced by the words in it.

    A name that cannot be read stays as it is, as in libiberty's expandargv. Raises `UsageError`.
    """
    return list(_expand(words, 0))


def _expand(words: Sequence[str], depth: int) -> Iterator[str]:
    for word in words:
        if not word.startswith("@") or word == "@":
            yield word
            continue
        try:
            with open(word[1:], encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except OSError:
            yield word
            continue
        if depth == _MAX_NESTING:
            raise UsageError(f"'{word}' names response files without end")
        yield from _expand(split_words(text, word[1:]), depth + 1)


def split_words(text: str, path: str) -> list[str]:
    """The words of a response file: blanks separate, quotes group, a backslash takes the next
    character as it is, inside quotes too (libiberty, buildargv). Raises `UsageError`."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    characters = iter(text)
    for character in characters:
        if not quote and character in " \t\n\v\f\r":
            if word is not None:
                words.append("".join(word))
                word = None
            continue
        word = [] if word is None else word
        if character == "\\":
            word.append(next(characters, ""))
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            word.append(character)
    if quote:
        raise UsageError(f"{path}: a {quote} is never closed")
    if word is not None:
        words.append("".join(word))
    return words


class _Parser:
    def __init__(self, table: Sequence[Option], program: str) -> None:
        self.program = program
        self.letters: dict[str, Option] = {}
        self.words: dict[str, Option] = {}
        for option in table:
            for name in option.names:
                if len(name) == 2:
                    self.letters[name[1]] = option
                else:
                    self.words[name.lstrip("-")] = option
        self.rest: Iterator[str] = iter(())

    def run(self, words: Sequence[str]) -> Iterator[Item]:
        self.rest = iter(words)
        for word in self.rest:
            if word == "--":
                for name in self.rest:
                    yield Item(INPUT, name, name)
            elif word == "-" or not word.startswith("-"):
                yield Item(INPUT, word, word)
            elif word.startswith("--"):
                option = self._by_word(word[2:], word, dashes=2)
                if option is None:
                    raise self._unknown(word)
                yield self._long(option, word)
            else:
                yield from self._one_dash(word)

    def _one_dash(self, word: str) -> Iterator[Item]:
        letter = self.letters.get(word[1])
        if len(word) > 2 or letter is None:
            exact = self.words.get(word[1:].partition("=")[0])
            if exact is not None and not exact.two_dashes:
                yield self._long(exact, word)
                return
            if letter is None or not letter.joined_first:
                option = self._by_word(word[1:], word, dashes=1)
                if option is not None:
                    yield self._long(option, word)
                    return
        yield from self._cluster(word)

    def _cluster(self, word: str) -> Iterator[Item]:
        for position, character in enumerate(word[1:], 1):
            option = self.letters.get(character)
            # A word of several letters of which one is no option was not meant as letters.
            if option is None:
                raise self._unknown(word)
            joined = word[position + 1 :]
            if option.takes == "nothing":
                yield self._item(option, None, f"-{character}")
                continue
            value: str | None = joined
            if option.takes == "value" and not joined:
                value = self._next(word)
            yield self._item(option, value or None, word)
            return

    def _by_word(self, text: str, word: str, *, dashes: int) -> Option | None:
        """The option called `text`, or the only one that starts so."""
        name = text.partition("=")[0]
        exact = self.words.get(name)
        if exact is not None and (dashes == 2 or not exact.two_dashes):
            return exact
        near = {
            known: option
            for known, option in self.words.items()
            if known.startswith(name) and (dashes == 2 or not option.two_dashes)
        }
        meanings = {(option.key, option.constant) for option in near.values()}
        if len(meanings) > 1:
            names = ", ".join(f"--{known}" for known in sorted(near))
            raise UsageError(f"{self.program}: '{word}' is ambiguous", hint=f"it may be {names}")
        return next(iter(near.values()), None)

    def _long(self, option: Option, word: str) -> Item:
        _, equals, value = word.partition("=")
        if option.refused:
            return self._item(option, None, word)
        if option.takes == "nothing" and equals:
            raise UsageError(f"{self.program}: '{word.partition('=')[0]}' takes no value")
        if option.takes == "value" and not equals:
            value, equals = self._next(word), "="
        return self._item(option, value if equals else None, word)

    def _next(self, word: str) -> str:
        value = next(self.rest, None)
        if value is None:
            raise UsageError(
                f"{self.program}: '{word}' needs a value",
                hint=f"'{self.program} --help' shows what it takes",
            )
        return value

    def _item(self, option: Option, value: str | None, word: str) -> Item:
        if option.refused:
            raise UsageError(
                f"{self.program}: '{word}' is not supported: {option.refused}",
                hint=option.instead,
            )
        if option.choices is not None and value is not None:
            if value not in option.choices:
                near = nearest(value, option.choices)
                known = ", ".join(option.choices)
                raise UsageError(
                    f"{self.program}: '{word}': unknown value '{value}'",
                    hint=f"did you mean '{near}'?" if near else f"it takes one of {known}",
                )
            reason = option.choices[value]
            if reason:
                raise UsageError(
                    f"{self.program}: '{word}' is not supported: {reason}", hint=option.instead
                )
        return Item(option.key, option.constant if value is None else value, word)

    def _unknown(self, word: str) -> UsageError:
        name = word.partition("=")[0]
        spelled = {f"--{known}": known for known in self.words}
        spelled |= {f"-{known}": known for known in self.words}
        spelled |= {f"-{letter}": letter for letter in self.letters}
        near = nearest(name, spelled)
        return UsageError(
            f"{self.program}: unknown option '{word}'",
            hint=f"did you mean '{near}'?" if near else f"'{self.program} --help' lists them all",
        )


def help_text(usage: str, table: Sequence[Option], examples: str, epilogue: str = "") -> str:
    """`--help`: usage, examples, options, and why some do nothing or are refused."""
    parts = [usage, _indented(examples), "Options:\n" + _rows(table, _works, lambda o: o.help)]
    ignored = _rows(table, lambda o: bool(o.ignored), lambda o: o.ignored or "")
    refused = _rows(table, lambda o: bool(o.refused), lambda o: o.refused or "")
    if ignored:
        parts.append("Accepted, and without effect:\n" + ignored)
    if refused:
        parts.append("Refused:\n" + refused)
    if epilogue:
        parts.append(epilogue)
    return "\n\n".join(parts) + "\n"


def _works(option: Option) -> bool:
    return not option.refused and not option.ignored


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines())


def _rows(
    table: Sequence[Option], wanted: Callable[[Option], bool], text: Callable[[Option], str]
) -> str:
    lines = []
    for option in table:
        if not wanted(option):
            continue
        left = "  " + ", ".join(spelled(option, name) for name in option.names)
        right = text(option)
        if len(left) >= _HELP_COLUMN:
            lines.append(left)
            left = ""
        lines.append(f"{left:<{_HELP_COLUMN}}{right}".rstrip())
    return "\n".join(lines)


def spelled(option: Option, name: str) -> str:
    """`name` with its value, as `--help` shows it."""
    letter = len(name) == 2
    if option.takes == "nothing" or not option.metavar:
        return name
    if option.takes == "value":
        return f"{name} {option.metavar}" if letter else f"{name}={option.metavar}"
    return f"{name}[{option.metavar}]" if letter else f"{name}[={option.metavar}]"

"""BOOT.CFG: the menu that our loaders show, and what each of its entries loads.

Owns the text: `to_text` writes what the loaders read, `parse` reads what `to_text` or a person
wrote. The format is described in docs/images.md. Where the named files lie is not known here.
"""

from __future__ import annotations

import re
import zlib
from typing import Final, NoReturn

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.records import dataclass

VERSION: Final = 1
_MAX_TIMEOUT: Final = 3600
_CRC32: Final = re.compile(r"crc32=[0-9a-fA-F]{8}")


@dataclass(frozen=True, slots=True)
class BootFile:
    """A file as the menu names it: its path, and its size and CRC-32 where they are said."""

    path: str
    size: int | None = None
    crc32: int | None = None

    def statement(self) -> str:
        """`path size=… crc32=…`."""
        text = self.path
        if self.size is not None:
            text += f" size={self.size}"
        if self.crc32 is not None:
            text += f" crc32={self.crc32:08x}"
        return text


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An entry: its title, kernel, command line, and (file, string) of each module."""

    title: str
    kernel: BootFile
    command_line: str = ""
    modules: tuple[tuple[BootFile, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Menu:
    """The whole file; `timeout` in seconds. `sealed`: it ends in a checksum, which matched.

    A sealed file says so in its first line, so that one that was cut short is not taken for one
    that a person wrote without a checksum.
    """

    entries: tuple[MenuEntry, ...]
    default: int = 0
    timeout: int = 5
    sealed: bool = True


def check_text(text: str, what: str) -> str:
    """`text`, which must be one line of UTF-8. Raises `InputError`."""
    for character, name in (("\n", "a line feed"), ("\r", "a carriage return"), ("\0", "a NUL")):
        if character in text:
            raise InputError(error(f"{what} contains {name}"))
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise InputError(error(f"{what} cannot be written as UTF-8: {problem.reason}")) from None
    return text


def to_text(menu: Menu) -> bytes:
    """The file's bytes. Raises `InputError` for text that does not fit in a line."""
    if not menu.entries:
        raise InputError(error("there is no entry to boot"))
    if not 0 <= menu.default < len(menu.entries):
        message = f"the default entry is {menu.default}, there are {len(menu.entries)}"
        raise InputError(error(message, hint="entries are counted from 0"))
    if not 0 <= menu.timeout <= _MAX_TIMEOUT:
        raise InputError(error(f"the timeout is {menu.timeout} s, not 0 to {_MAX_TIMEOUT}"))
    lines = [
        f"orobuild-boot {VERSION} sealed",
        f"timeout {menu.timeout}",
        f"default {menu.default}",
    ]
    for entry in menu.entries:
        title = check_text(entry.title, "a title")
        if not title.strip():
            raise InputError(error("an entry has no title"))
        lines += [f"entry {title}", f"kernel {entry.kernel.statement()}"]
        if entry.command_line:
            line = check_text(entry.command_line, f"the command line of '{title}'")
            lines.append(f"cmdline {line}")
        for file, string in entry.modules:
            check_text(string, f"a module's string in '{title}'")
            lines.append(f"module {file.statement()}{f' {string}' if string else ''}")
    text = "".join(f"{line}\n" for line in lines).encode()
    return text + f"end crc32={zlib.crc32(text):08x}\n".encode()


class _Parser:
    def __init__(self, path: str) -> None:
        self.path, self.number, self.line = path, 0, ""

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        span = Span(self.path, self.number, 1, max(len(self.line), 1), self.line)
        raise InputError(error(message, span, hint=hint))

    def number_in(self, text: str, most: int) -> int:
        if not text.isascii() or not text.isdigit() or int(text) > most:
            self.fail(f"'{text}' is not a number from 0 to {most}")
        return int(text)

    def file(self, text: str) -> tuple[BootFile, str]:
        """A file and the text behind it; what is no size and no checksum begins the text."""
        path, _, rest = text.partition(" ")
        if not path.startswith("/"):
            self.fail("a file's path starts with '/'")
        size = crc32 = None
        while size is None or crc32 is None:
            word, _, behind = rest.partition(" ")
            if word.startswith("size="):
                size = self.number_in(word.removeprefix("size="), (1 << 32) - 1)
            elif word.startswith("crc32="):
                if not _CRC32.fullmatch(word):
                    self.fail(f"'{word}' is not crc32= and 8 hexadecimal digits")
                crc32 = int(word.removeprefix("crc32="), 16)
            else:
                break
            rest = behind
        return BootFile(path, size, crc32), rest


def parse(data: bytes, path: str) -> Menu:
    """The menu in a BOOT.CFG. Raises `InputError` with the line that is wrong."""
    parser = _Parser(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        message = f"byte {problem.start} is not UTF-8"
        raise InputError(error(message, Span(path))) from None
    entries: list[MenuEntry] = []
    open_entry: dict[str, object] = {}
    timeout, default, sealed, offset = 5, 0, False, 0
    version = ""

    def close() -> None:
        if not open_entry:
            return
        if "kernel" not in open_entry:
            parser.fail(f"the entry '{open_entry['title']}' has no kernel")
        entries.append(MenuEntry(**open_entry))  # type: ignore[arg-type]
        open_entry.clear()

    for raw in text.split("\n"):
        parser.number += 1
        parser.line = line = raw.removesuffix("\r")
        start, offset = offset, offset + len(raw.encode()) + 1
        word, _, rest = line.partition(" ")
        if not line.strip() or line.startswith("#"):
            continue
        if sealed:
            parser.fail("there is text behind 'end'")
        if not version:
            if word != "orobuild-boot" or rest not in (str(VERSION), f"{VERSION} sealed"):
                parser.fail(f"the first statement must be 'orobuild-boot {VERSION}'")
            version = rest
        elif word == "timeout":
            timeout = parser.number_in(rest, _MAX_TIMEOUT)
        elif word == "default":
            default = parser.number_in(rest, 0xFFFF)
        elif word == "entry":
            close()
            open_entry = {"title": rest, "modules": ()}
        elif word in ("kernel", "cmdline", "module") and not open_entry:
            parser.fail(f"'{word}' stands before the first 'entry'")
        elif word == "kernel":
            open_entry["kernel"], _ = parser.file(rest)
        elif word == "cmdline":
            open_entry["command_line"] = rest
        elif word == "module":
            open_entry["modules"] = (*open_entry["modules"], parser.file(rest))  # type: ignore[misc]
        elif word == "end":
            close()
            if rest != f"crc32={zlib.crc32(data[:start]):08x}":
                parser.fail("the menu does not match its checksum", "it was changed or damaged")
            sealed = True
        else:
            parser.fail(f"unknown statement '{word}'")
    close()
    if version.endswith(" sealed") and not sealed:
        parser.fail("the menu has lost its end", "it was cut short")
    if not entries:
        parser.fail("the menu has no entry")
    if default >= len(entries):
        parser.fail(f"the default entry is {default}, there are {len(entries)}")
    return Menu(tuple(entries), default, timeout, sealed)

"""Listings: source lines with the addresses and bytes that they became, as GNU as prints them.

Follows gas/listing.c of binutils 2.40 to the byte: pages, columns, continuation lines, the symbol
table. What a line is comes from `listing_entries`; here it is only laid out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.listing_entries import STANDARD_INPUT, Entries, Entry
from orobuild.assembler.record import use_place
from orobuild.assembler.section import Section
from orobuild.assembler.symbol import Kind, Linear, Symbol
from orobuild.assembler.value import Unresolvable, display, final_position
from orobuild.elf.constants import STT_SECTION
from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.assembler.record import Record
    from orobuild.assembler.symbol import Place

_WORD: Final = 4  # bytes that stand together
_MOST_BYTES: Final = 499  # of one line: MAX_BYTES characters
_TITLE_LOOKAHEAD: Final = 10
_DEBUGGING: Final = tuple(
    f".{word}"
    for word in "def val scl line endef ln type size dim tag stabs stabn".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a listing shows: the letters of `-a`, and the widths of its columns.

    `left` and `left_more` are words of 4 bytes on the first and on continuation lines, of which
    there are at most `continuations`; `right` is the width of the source in characters.
    `general` is the text of `g`, what ran and how. `joined`: the text that was assembled is made
    of several files, which its line markers tell apart.
    """

    letters: str = "hls"
    left: int = 1
    left_more: int = 1
    right: int = 100
    continuations: int = 4
    general: str = ""
    joined: bool = False


def render(
    record: Record, path: str, layout: Layout, read_source: Callable[[str], bytes | None]
) -> bytes:
    """The listing of an assembly whose first input was `path`.

    `read_source` gives the bytes of a source file, None when there is none.
    """
    return _Writer(record, path, layout, read_source).run()


class _Source:
    """A source file being shown: the next line to come out is `number` + 1."""

    def __init__(self, path: str, data: bytes | None) -> None:
        self.path = path
        self.lines = [] if data is None else data.decode("latin-1").split("\n")
        self.number = 0
        self.at_end = data is None

    def next(self, size: int) -> str:
        """The next line, at most `size` - 1 characters; the end of the file is marked."""
        index = self.number
        self.number += 1
        text = self.lines[index] if index < len(self.lines) else ""
        text = text.removesuffix("\r")[: size - 1]
        if index >= len(self.lines) - 1:
            self.at_end = True
            if len(text) + 2 < size - 1:
                text += "..."
        return text

    def line(self, number: int, size: int) -> str:
        """Line `number` once more."""
        return self.lines[number - 1][: size - 1] if number <= len(self.lines) else ""


class _Writer:
    def __init__(
        self,
        record: Record,
        path: str,
        layout: Layout,
        read_source: Callable[[str], bytes | None],
    ) -> None:
        self.record = record
        self.name = "" if path == STANDARD_INPUT else path
        self.layout = layout
        self.read_source = read_source
        self.sources: dict[str, _Source] = {}
        letters = layout.letters
        made = Entries(
            record,
            expansions="m" in letters,
            conditionals="c" in letters,
            compiled="h" in letters,
            logical=layout.joined,
        )
        self.entries = made.make()
        self.height = 60 if made.height is None else made.height
        self.width = 200 if made.width is None else made.width
        if "n" in letters:
            self.height = 0
        self.out: list[str] = []
        self.title = self.subtitle = ""
        self.on_page = self.page = 0
        self.eject = False
        self.at = 0
        self.in_debugging = False

    def run(self) -> bytes:
        """The whole listing."""
        letters = self.layout.letters
        if "g" in letters:
            self.out.append(self.layout.general)
        if "l" in letters:
            self.listing()
        if "s" in letters:
            self.symbols()
        return "".join(self.out).encode("latin-1", "replace")

    def source(self, path: str) -> _Source:
        """A file, opened when it is met first."""
        found = self.sources.get(path)
        if found is None:
            data = None if path == STANDARD_INPUT else self.read_source(path)
            found = self.sources[path] = _Source(path, data)
        return found

    def head(self, entry: Entry | None) -> None:
        """A page's head, where a page begins."""
        if not ((self.eject or self.on_page >= self.height) and self.height):
            return
        self.page += 1
        if entry is not None:
            subtitle = title = False
            for near in self.entries[self.at : self.at + _TITLE_LOOKAHEAD]:
                if near.edict == "subtitle" and not subtitle:
                    subtitle, self.subtitle = True, near.argument
                if near.edict == "title" and not title:
                    title, self.title = True, near.argument
        feed = "\f" if self.page > 1 else ""
        self.out.append(f"{feed}GAS LISTING {self.name} \t\t\tpage {self.page}\n")
        self.out.append(f"{self.title}\n{self.subtitle}\n")
        self.on_page = 3
        self.eject = False

    def emit(self, text: str, entry: Entry | None = None) -> None:
        """One line."""
        self.out.append(text)
        self.on_page += 1
        self.head(entry)

    def listing(self) -> None:
        """Every entry (listing_listing)."""
        self.eject = True
        size = min(self.layout.right, self.width)
        shown = 1
        debug_too = "d" not in self.layout.letters
        current: _Source | None = None
        for at, entry in enumerate(self.entries):
            self.at = at
            source = self.source(entry.path)
            line = entry.line
            edict = entry.edict
            waking = edict == "list" or (edict == "nolist-next" and shown == 0)
            if waking:
                line -= 1
            elif edict == "nolist":
                shown -= 1
            elif edict == "title":
                self.title = entry.argument
            elif edict == "subtitle":
                self.subtitle = entry.argument
            if shown <= 0:
                while source.number < line and not source.at_end:
                    source.next(size)
            if waking:
                line += 1
                shown += 1
            if shown > 0:
                if entry.source is not None and "h" in self.layout.letters:
                    current = self.source(entry.source[0])
                    self.high_level(current, entry, size)
                while source.number < line and not source.at_end:
                    text = source.next(size)
                    data = entry.data(self.record.contents) if source.number >= line else None
                    if debug_too or not self.is_debugging(entry, text):
                        self.line(entry, source.number, text, data)
                if entry.text is not None:
                    text = _latin(entry.text)
                    if debug_too or not self.is_debugging(entry, text):
                        self.line(entry, entry.line, text, entry.data(self.record.contents))
                if edict == "eject":
                    self.eject = True
            if edict == "nolist-next" and shown == 1:
                shown -= 1

    def is_debugging(self, entry: Entry, text: str) -> bool:
        """Whether a line is about debug information (debugging_pseudo)."""
        was, self.in_debugging = self.in_debugging, entry.debugging
        if entry.debugging:
            return True
        text = text.lstrip()
        if not text and was:
            following = self.entries[self.at + 1 : self.at + 2]
            self.in_debugging = bool(following) and following[0].debugging
            return self.in_debugging
        return text.startswith(_DEBUGGING)

    def line(
        self, entry: Entry, number: int, text: str, data: tuple[int | None, bytes] | None
    ) -> None:
        """One source line with its bytes, and continuation lines (print_lines)."""
        self.head(entry)
        address, made = data if data is not None else (None, b"")
        columns = (_WORD * 2 + 1) * self.layout.left
        if address is None:
            self.out.append(f"{number: 4d}     {' ' * columns}\t{text}\n")
            self.on_page += 1
            self.head(None)
            return
        made = made[:_MOST_BYTES]
        first = made[: _WORD * self.layout.left]
        self.emit(f"{number: 4d} {address:04x} {_words(first):<{columns}}\t{text}\n", entry)
        rest = made[len(first) :]
        for _ in range(self.layout.continuations):
            if not rest:
                break
            piece, rest = (
                rest[: _WORD * self.layout.left_more],
                rest[_WORD * self.layout.left_more :],
            )
            self.emit(f"{number: 4d}      {_words(piece)}\n", entry)

    def high_level(self, source: _Source, entry: Entry, size: int) -> None:
        """The lines of the compiler's source up to the one that the entry comes from."""
        assert entry.source is not None
        wanted = entry.source[1]
        if source.number > wanted > 0:
            text = source.line(wanted, size)
            self.emit(f"{wanted:4d}:{source.path:<13} **** {text}\n", entry)
            return
        while source.number < wanted and not source.at_end:
            text = source.next(size)
            self.emit(f"{source.number:4d}:{source.path:<13} **** {text}\n", entry)

    # -- symbols -----------------------------------------------------------------------------

    def symbols(self) -> None:
        """The symbols that the unit defines, then those that it only uses (list_symbol_table)."""
        self.eject = True
        self.head(None)
        defined = [line for symbol in self.record.symbols if (line := self.defined(symbol))]
        if self.record.file_symbol is not None:
            zero = "0" * self.digits
            defined.insert(0, f"{'*ABS*':>33}:{zero} {_latin(self.record.file_symbol)}\n")
        if defined:
            self.out.append("DEFINED SYMBOLS\n")
            self.on_page += 1
            for line in defined:
                self.emit(line)
        else:
            self.out.append("NO DEFINED SYMBOLS\n")
            self.on_page += 1
        self.emit("\n")
        undefined = [s for s in self.record.symbols if s.kind is Kind.UNDEFINED]
        self.emit("UNDEFINED SYMBOLS\n" if undefined else "NO UNDEFINED SYMBOLS\n")
        for symbol in undefined:
            self.emit(f"{_latin(display(symbol.name))}\n")

    @property
    def digits(self) -> int:
        """Hexadecimal digits of an address."""
        return self.record.options.bits // 4

    def defined(self, symbol: Symbol) -> str | None:
        """The line of a symbol, None for one without a value."""
        if symbol.type == STT_SECTION:
            return None
        try:
            base, value = final_position(symbol)
        except Unresolvable:
            return None
        if symbol.kind is Kind.COMMON:
            where = "*COM*"
            value = symbol.value
        elif isinstance(base, Section):
            where = base.name
        elif base is None:
            where = "*ABS*"
        else:
            return None
        shown = f"{value & ((1 << self.record.options.bits) - 1):0{self.digits}x}"
        name = _latin(display(symbol.name))
        in_structure = base is None and symbol.kind is Kind.ABSOLUTE and not symbol.redefinable
        if symbol.defined_at is None or symbol.kind is Kind.COMMON or in_structure:
            return f"{where:>33}:{shown} {name}\n"
        path, line = use_place(
            _named_place(symbol),
            in_repetitions="h" in self.layout.letters,
            logical=self.layout.joined,
        )
        return f"{_latin(path):>20}:{line:<5d}  {where}:{shown} {name}\n"


def _named_place(symbol: Symbol) -> Place:
    """Where a symbol is defined; of another name for an earlier label, where that one is."""
    place = symbol.defined_at
    assert place is not None
    value = symbol.equation
    if symbol.kind is Kind.EQUATE and isinstance(value, Linear) and value.sub is None:
        label = value.add
        if label is not None and label.kind is Kind.LABEL and label.defined_at is not None:
            return min(place, label.defined_at, key=lambda found: found[0])
    return place


def _latin(text: str) -> str:
    """`text` as the bytes of its encoding, one character each."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _words(data: bytes) -> str:
    """Hexadecimal digits; a blank follows every full word."""
    words = [data[i : i + _WORD] for i in range(0, len(data), _WORD)]
    return "".join(word.hex().upper() + (" " if len(word) == _WORD else "") for word in words)

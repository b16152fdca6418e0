"""The encoder: statements in, slots out, everything pending encoded in one batch per mode."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder import branches, shaping
from orobuild.assembler.encoder.mnemonics import PREFIX_BITS, PREFIX_ORDER, PREFIXES
from orobuild.assembler.encoder.operands import (
    AttParser,
    Immediate,
    Memory,
    Operand,
    parse_expression,
    split,
)
from orobuild.assembler.encoder.types import Branch, Dialect, Encoded, Fixup, FixupKind, Slot
from orobuild.diagnostics import Diagnostic, Span, error, warning
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from orobuild.assembler.encoder.operands import Value
    from orobuild.assembler.encoder.shaping import Statement
    from orobuild.assembler.encoder.template import Template
    from orobuild.assembler.encoder.types import Locate, Resolve
    from orobuild.assembler.expression import Expr

    Memo = MutableMapping[str, Template | str]

_HEAD: Final = re.compile(r"\s*([A-Za-z][\w.-]*(?:,p[nt]\b)?)\s*")


@dataclass(frozen=True, slots=True)
class _Pending:
    """A statement that waits for its template; `text` is None when it must not be remembered."""

    slot: Slot
    order: int
    statement: Statement
    locate: Locate
    text: str | None


class Encoder:
    """Encodes statements; see `types` for the contract.

    `memo` maps template keys to templates (or to the reason why there is none) and may be kept
    between runs by the caller: as long as it has every template of a file, neither keystone nor
    the decoder is imported.
    """

    def __init__(self, memo: Memo | None = None) -> None:
        self.memo: Memo = {} if memo is None else memo
        self._slots: dict[Dialect, dict[str, Slot]] = {}
        self._parsers: dict[Dialect, AttParser] = {}
        self._dialect: Dialect | None = None
        self._known: dict[str, Slot] = {}
        self._pending: list[_Pending] = []
        self._again: list[tuple[Slot, int, Locate]] = []
        self._problems: list[tuple[int, Diagnostic]] = []
        self._order = 0

    def submit(self, text: str, dialect: Dialect, resolve: Resolve, locate: Locate) -> Slot:
        """Hand over one statement; see `types` for the arguments."""
        if dialect is not self._dialect:
            self._dialect = dialect
            self._known = self._slots.setdefault(dialect, {})
        slot = self._known.get(text)
        self._order += 1
        if slot is not None:
            if slot.encoded is None:
                self._again.append((slot, self._order, locate))
            return slot
        slot = Slot()
        try:
            self._submit(slot, text, dialect, resolve, locate)
        except InputError as problem:
            self._problems += [(self._order, d) for d in problem.diagnostics]
        return slot

    def flush(self) -> list[Diagnostic]:
        """Encode everything pending; returns what was wrong since the last flush, in order."""
        failed: dict[int, _Pending] = {}
        while self._pending:
            pending, self._pending = self._pending, []
            self._fill_memo([item.statement for item in pending])
            for item in pending:
                self._finish(item)
                if item.slot.encoded is None and item.text is not None:
                    failed[id(item.slot)] = item
        for slot, order, locate in self._again:
            culprit = failed.get(id(slot))
            if culprit is not None:
                self._finish(replace(culprit, order=order, locate=locate))
        self._again.clear()
        for item in failed.values():
            assert item.text is not None
            self._slots[item.statement.dialect].pop(item.text, None)
        self._pending.clear()
        self._problems.sort(key=lambda problem: problem[0])
        found = [diagnostic for _, diagnostic in self._problems]
        self._problems.clear()
        return found

    def _submit(
        self, slot: Slot, text: str, dialect: Dialect, resolve: Resolve, locate: Locate
    ) -> None:
        options: tuple[str, ...] = ()
        lead = 0
        if text.lstrip()[:1] == "{":
            options, lead = _options(text, locate)
        prefixes, mnemonic, start, position = _head(text, dialect, locate, lead)
        if not mnemonic:
            slot.encoded = Encoded(bytes(_ordered(prefixes)))
            self._known[text] = slot
            return
        rest = text[position:].rstrip()
        if mnemonic[0] in "jclx" and self._submit_branch(
            slot, mnemonic, rest, position, dialect, prefixes, locate
        ):
            return
        operands: list[Operand] = []
        places: list[tuple[int, int]] = []
        if rest:
            parser = self._parsers.get(dialect)
            if parser is None:
                parser = self._parsers[dialect] = AttParser(dialect)
            for piece, offset in split(rest):
                operands.append(parser.parse(piece, position + offset, locate))
                places.append((position + offset, max(1, len(piece))))
        volatile = False
        for i, operand in enumerate(operands):
            if isinstance(operand, Immediate):
                if not isinstance(operand.value, int):
                    volatile = True
                    value = resolve(operand.value)
                    if value is not None:
                        operands[i] = Immediate(value)
            elif (
                isinstance(operand, Memory)
                and operand.displacement is not None
                and not isinstance(operand.displacement, int)
            ):
                volatile = True
                value = resolve(operand.displacement)
                if value is not None:
                    operands[i] = replace(operand, displacement=value)
        if self._submit_far(slot, mnemonic, operands, dialect, prefixes, places, locate):
            return
        statement = shaping.shape(
            text,
            dialect,
            prefixes,
            mnemonic,
            (start, len(mnemonic)),
            operands,
            places,
            locate,
            options,
        )
        item = _Pending(slot, self._order, statement, locate, None if volatile else text)
        if isinstance(self.memo.get(statement.key), tuple):
            self._finish(item)
        else:
            self._pending.append(item)
        if not volatile and (slot.encoded or (self._pending and self._pending[-1] is item)):
            self._known[text] = slot

    def _submit_branch(
        self,
        slot: Slot,
        mnemonic: str,
        rest: str,
        position: int,
        dialect: Dialect,
        prefixes: tuple[int, ...],
        locate: Locate,
    ) -> bool:
        """Whether the statement is a branch to a place in the program, which then is encoded."""
        if not rest or rest[0] in "*%$":
            return False
        order = tuple(_ordered(prefixes))
        forms = branches.forms(mnemonic, dialect, order)
        call = None if forms else branches.call_form(mnemonic, dialect, order)
        if forms is None and call is None:
            return False
        if rest[-1] == ")" and "%" in rest:
            return False
        value = parse_expression(rest, position, locate)
        target: Expr
        if isinstance(value, int):
            from orobuild.assembler.expression import Constant

            target = Constant(value)
        else:
            target = value
        if forms is not None:
            slot.encoded = Encoded(b"", (), Branch(target, *forms))
        elif call is not None:
            code, size = call
            fixup = Fixup(
                len(code), size, target, pc_relative=True, signed=True, kind=FixupKind.BRANCH
            )
            slot.encoded = Encoded(code + bytes(size), (fixup,))
        return True

    def _submit_far(
        self,
        slot: Slot,
        mnemonic: str,
        operands: list[Operand],
        dialect: Dialect,
        prefixes: tuple[int, ...],
        places: list[tuple[int, int]],
        locate: Locate,
    ) -> bool:
        """Whether the statement is a far branch to `$selector, $offset`, which is encoded then."""
        far = branches.far_form(mnemonic, dialect, tuple(_ordered(prefixes)))
        if far is None or len(operands) != 2:
            return False
        code, size = far
        fields = []
        for operand, width, place in zip(operands, (2, size), places, strict=True):
            if not isinstance(operand, Immediate):
                return False
            if isinstance(operand.value, int) and not -(1 << 8 * width - 1) <= operand.value < (
                1 << 8 * width
            ):
                message = f"{operand.value:#x} does not fit into {width * 8} bits"
                raise InputError(error(message, locate(*place)))
            fields.append((operand.value, width))
        body = code
        fixups = []
        for value, width in reversed(fields):
            if isinstance(value, int):
                body += (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            else:
                fixups.append(Fixup(len(body), width, value, pc_relative=False, signed=False))
                body += bytes(width)
        slot.encoded = Encoded(body, tuple(fixups))
        return True

    def _fill_memo(self, statements: list[Statement]) -> None:
        missing = {s.key: s for s in statements if s.key not in self.memo}
        if missing:
            from orobuild.assembler.encoder import compilation

            for key, result in compilation.compile_all(missing).items():
                self.memo[key] = result

    def _finish(self, item: _Pending) -> None:
        """Fill `item`'s slot from its template, or say why there is none."""
        statement = item.statement
        template = self.memo[statement.key]
        if isinstance(template, str):
            from orobuild.assembler.encoder import complaints

            self._problems.append(
                (item.order, complaints.explain(statement, template, item.locate))
            )
            return
        if template.exact and not statement.exact and shaping.can_be_exact(statement):
            statement = shaping.exactly(statement)
            again = replace(item, statement=statement)
            if isinstance(self.memo.get(statement.key), tuple):
                self._finish(again)
            else:
                self._pending.append(again)
            return
        code = bytearray(template.code)
        fixups = []
        for field in template.fields:
            value = statement.values[field.value]
            if isinstance(value, int):
                mask = (1 << 8 * field.size) - 1
                code[field.offset : field.offset + field.size] = (value & mask).to_bytes(
                    field.size, "little"
                )
            else:
                code[field.offset : field.offset + field.size] = bytes(field.size)
                kind = FixupKind.PLAIN
                if template.relaxable and field.displacement:
                    kind = _got_kind(value, statement.dialect.bits, template)
                fixups.append(
                    Fixup(field.offset, field.size, value, field.pc_relative, field.signed, kind)
                )
        lead = 0
        final = bytes(code)
        if statement.prefixes:
            final, lead = _with_prefixes(final, statement.prefixes)
            fixups = [replace(f, offset=f.offset + lead) for f in fixups]
        item.slot.encoded = Encoded(final, tuple(fixups))
        for message, index in statement.warnings:
            start, length = statement.places[index]
            self._problems.append((item.order, warning(message, item.locate(start, length))))


_OPTION: Final = re.compile(
    r"\s*\{\s*(disp8|disp16|disp32|load|store|vex|vex2|vex3|evex|rex|nooptimize)\s*\}",
    re.IGNORECASE,
)


def _options(text: str, locate: Locate) -> tuple[tuple[str, ...], int]:
    """The pseudo prefixes in braces and where the instruction after them starts."""
    found = []
    position = 0
    while match := _OPTION.match(text, position):
        found.append(match[1].lower())
        position = match.end()
    rest = text[position:].lstrip()
    if rest.startswith("{"):
        start = len(text) - len(rest)
        length = max(1, rest.find("}") + 1)
        raise InputError(
            error(
                f"unknown pseudo prefix '{rest[:length]}'",
                locate(start, length),
                hint="known are {disp8} {disp16} {disp32} {load} {store} {vex} {vex3} {evex} {rex}",
            )
        )
    return tuple(option for option in found if option != "nooptimize"), position


def _head(
    text: str, dialect: Dialect, locate: Locate, lead: int
) -> tuple[tuple[int, ...], str, int, int]:
    """(prefix bytes, mnemonic or "", its offset, the offset of the operands)."""
    prefixes: tuple[int, ...] = ()
    position = lead
    while True:
        match = _HEAD.match(text, position)
        if match is None:
            if prefixes and not text[position:].strip():
                return prefixes, "", position, position
            rest = text[position:].split(maxsplit=1)
            place = locate(position, len(rest[0]) if rest else 1)
            raise InputError(error("an instruction is expected here", place))
        mnemonic = match[1].lower()
        start = match.start(1)
        position = match.end()
        if position == match.end(1) and position < len(text) and text[position] not in "\t /":
            raise InputError(
                error(
                    f"invalid character '{text[position]}' in mnemonic",
                    locate(position, 1),
                    hint="a blank separates the mnemonic from its operands",
                )
            )
        prefix = PREFIXES.get(mnemonic)
        if prefix is None:
            return prefixes, mnemonic, start, position
        _check_prefix(mnemonic, prefix, prefixes, dialect, locate, start)
        if 0x40 <= prefix <= 0x4F and prefixes and 0x40 <= prefixes[-1] <= 0x4F:
            prefixes = (*prefixes[:-1], prefixes[-1] | prefix)
        else:
            prefixes = (*prefixes, prefix)


def _check_prefix(
    name: str,
    prefix: int,
    before: tuple[int, ...],
    dialect: Dialect,
    locate: Locate,
    start: int,
) -> None:
    modes = (64,) if name.startswith("rex") else PREFIX_BITS.get(name, (16, 32, 64))
    if dialect.bits not in modes:
        raise InputError(
            error(f"'{name}' means nothing in {dialect.bits}-bit code", locate(start, len(name)))
        )
    # xacquire and xrelease go with lock, so only prefixes of one group exclude each other.
    if any(PREFIX_ORDER[p] == PREFIX_ORDER[prefix] for p in before):
        raise InputError(error("two prefixes of the same group", locate(start, len(name))))


def _ordered(prefixes: tuple[int, ...] | bytes) -> list[int]:
    return sorted(prefixes, key=PREFIX_ORDER.__getitem__)


def _with_prefixes(code: bytes, prefixes: tuple[int, ...]) -> tuple[bytes, int]:
    """`code` with the user's prefixes merged in, in GNU as's order; and by how much it grew."""
    cut = 0
    rex = 0
    own: list[int] = []
    while cut < len(code) and code[cut] in PREFIX_ORDER:
        byte = code[cut]
        if 0x40 <= byte <= 0x4F:
            if not any(0x40 <= p <= 0x4F for p in prefixes):
                break
            rex = byte
            cut += 1
            break
        own.append(byte)
        cut += 1
    merged = list(own)
    for prefix in prefixes:
        if 0x40 <= prefix <= 0x4F:
            merged.append(prefix | rex)
        elif prefix not in own:
            merged.append(prefix)
    result = bytes(_ordered(tuple(merged))) + code[cut:]
    return result, len(result) - len(code)


def _got_kind(value: Value, bits: int, template: Template) -> FixupKind:
    from orobuild.assembler.expression import symbols

    assert not isinstance(value, int)
    wanted = "GOTPCREL" if bits == 64 else "GOT"
    if all(symbol.modifier != wanted for symbol in symbols(value)):
        return FixupKind.PLAIN
    return FixupKind.REX_GOTPCRELX if template.rex else FixupKind.GOTPCRELX


def span_of(path: str, line: int, text: str) -> Locate:
    """A `locate` for a statement that is a whole line; for tests and small tools."""

    def locate(start: int, length: int) -> Span:
        return Span(path, line, start + 1, length, text)

    return locate

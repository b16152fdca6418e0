"""The encoder: statements in, slots out, everything pending encoded in one batch per mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from orobuild.assembler.encoder import branches, prefix, recipe, shaping
from orobuild.assembler.encoder.operands import (
    AttParser,
    Immediate,
    Memory,
    Operand,
    parse_expression,
)
from orobuild.assembler.encoder.pieces import FAR, operand_texts
from orobuild.assembler.encoder.registers import find
from orobuild.assembler.encoder.types import (
    Branch,
    Dialect,
    Encoded,
    Fixup,
    FixupKind,
    Slot,
    symbolic,
)
from orobuild.diagnostics import Diagnostic, Span, error, warning
from orobuild.errors import InputError
from orobuild.patterns import pattern
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from orobuild.assembler.encoder.operands import Value
    from orobuild.assembler.encoder.optimization import Level
    from orobuild.assembler.encoder.recipe import Recipe
    from orobuild.assembler.encoder.shaping import Statement
    from orobuild.assembler.encoder.stencil import Stencils
    from orobuild.assembler.encoder.template import Template
    from orobuild.assembler.encoder.types import Locate, Raw, Resolve
    from orobuild.assembler.expression import Expr

    Memo = MutableMapping[str, Template | Recipe | str]

_BATCH: Final = 256
_BRANCH: Final = pattern(r"(j[a-z]+|callq?)[ \t]+([A-Za-z_.][\w.$]*)(?:@([A-Za-z]+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A statement that waits for its template; `text` is None when it must not be remembered."""

    slot: Slot
    order: int
    statement: Statement
    locate: Locate
    text: str | None
    numbers: tuple[str, list[int]] | None = None
    """What `recipe.Cutter` made of the text."""


class _State:
    """What belongs to one dialect: parser, cutter, finished texts, branch opcodes."""

    __slots__ = ("branches", "cutter", "dialect", "known", "parser", "stencils")

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.parser = AttParser(dialect)
        if dialect.intel:
            from orobuild.assembler.encoder import intel

            self.parser = intel.IntelParser(dialect)
        self.cutter = recipe.Cutter(dialect)
        self.known: dict[str, Slot] = {}
        self.stencils: Stencils | None = None
        self.branches: dict[str, tuple[bytes, bytes | None, int] | tuple[bytes, int] | None] = {}


class Encoder:
    """Encodes statements; see `types` for the contract.

    `memo` maps keys to templates and recipes (or to the reason why there is no template). Its
    keys are strings, its values tuples of plain values or strings, and it may be kept between
    runs by the caller: as long as it has everything that a file needs, neither keystone nor the
    decoder is imported. It says nothing about who made it: the caller must not hand over one
    that another version of this package has filled. `level` says what to optimise.
    """

    def __init__(self, memo: Memo | None = None, level: Level | None = None) -> None:
        self.level = level
        self.memo: Memo = {} if memo is None else memo
        self._state = _State(Dialect(64))
        self._states: dict[Dialect, _State] = {self._state.dialect: self._state}
        self._pending: list[_Pending] = []
        self._again: list[tuple[Slot, int, Locate]] = []
        self._problems: list[tuple[int, Diagnostic]] = []
        self._failed: dict[int, _Pending] = {}
        self._learning: set[str] = set()
        self._hopeless: set[str] = set()
        self._order = 0

    def _state_of(self, dialect: Dialect) -> _State:
        state = self._state
        if dialect is not state.dialect:
            state = self._states.get(dialect) or self._states.setdefault(dialect, _State(dialect))
            state.dialect = dialect
            self._state = state
        return state

    def submit(self, text: str, dialect: Dialect, resolve: Resolve, locate: Locate) -> Slot:
        """Hand over one statement; see `types` for the arguments."""
        state = self._state_of(dialect)
        slot = state.known.get(text)
        self._order += 1
        if slot is not None:
            if slot.raw is None:
                self._again.append((slot, self._order, locate))
            return slot
        slot = Slot()
        if text[:1] in "jc" and self._submit_plain_branch(slot, text, state):
            return slot
        relative = recipe.relative(text) if text.find("(%rip)") > 0 else None
        target: Expr | None = None
        if relative is not None:
            target = symbolic(relative[1], None, relative[2])
            numbers = state.cutter.cut(relative[0]) if resolve(target) is None else None
        else:
            numbers = state.cutter.cut(text)
        if numbers is not None:
            key = numbers[0]
            known = self.memo.get(key)
            if known is None and key in self._learning:
                # What the first statement of this kind waits for serves all others as well.
                self._settle()
                known = self.memo.get(key)
            if known is not None:
                values = numbers[1]
                code, fields, symbol = cast("Recipe", known)
                if fields:
                    patched = bytearray(code)
                    for token, offset, size in fields:
                        patched[offset : offset + size] = (values[token] & _MASKS[size]).to_bytes(
                            size, "little"
                        )
                    code = bytes(patched)
                if symbol >= 0 and target is not None:
                    fixup = Fixup(symbol, 4, target, pc_relative=True, signed=True)
                    slot.encoded = Encoded(code, (fixup,))
                    return slot
                slot.raw = code
                state.known[text] = slot
                return slot
        try:
            self._submit(slot, text, state, numbers, resolve, locate)
        except InputError as problem:
            self._problems += [(self._order, d) for d in problem.diagnostics]
        if len(self._pending) >= _BATCH:
            self._settle()  # so that later statements find its recipes
        return slot

    def cutter(self, dialect: Dialect) -> recipe.Cutter:
        """What cuts the texts of `dialect` at their numbers."""
        return self._state_of(dialect).cutter

    def plain_branch(self, text: str, dialect: Dialect) -> Raw:
        """The result of a branch to a symbol and nothing more; None for every other text."""
        slot = Slot()
        self._submit_plain_branch(slot, text, self._state_of(dialect))
        return slot.raw

    def learn(self, missing: dict[str, str], dialect: Dialect) -> None:
        """Put recipes for `missing`, texts by the keys they are cut to, into the memo.

        What has none is left out, and nothing is said about what is wrong. Nothing is learnt where
        instructions are optimised: what one may become depends on its very registers.
        """
        if self.level is not None:
            return
        state = self._state_of(dialect)
        if state.stencils is None:
            from orobuild.assembler.encoder.stencil import Stencils

            state.stencils = Stencils(Encoder(self.memo), dialect)
        state.stencils.learn(missing)

    def waiting(self) -> list[Statement]:
        """The statements that wait for an encoding."""
        return [item.statement for item in self._pending]

    def flush(self) -> list[Diagnostic]:
        """Encode everything pending; returns what was wrong since the last flush, in order."""
        self._settle()
        for slot, order, locate in self._again:
            culprit = self._failed.get(id(slot))
            if culprit is not None:
                self._finish(replace(culprit, order=order, locate=locate))
        self._again.clear()
        for item in self._failed.values():
            assert item.text is not None
            self._states[item.statement.dialect].known.pop(item.text, None)
        self._failed.clear()
        self._problems.sort(key=lambda problem: problem[0])
        found = [diagnostic for _, diagnostic in self._problems]
        self._problems.clear()
        return found

    def _settle(self) -> None:
        """Encode what is pending, keeping the diagnostics for `flush`."""
        while self._pending:
            pending, self._pending = self._pending, []
            self._fill_memo([item.statement for item in pending])
            for item in pending:
                if not self._finish(item) and item.text is not None:
                    self._failed[id(item.slot)] = item
        self._hopeless.update(key for key in self._learning if key not in self.memo)
        self._learning.clear()

    def _submit_plain_branch(self, slot: Slot, text: str, state: _State) -> bool:
        """Whether `text` is a branch to a symbol and nothing more, which then is encoded."""
        match = _BRANCH.fullmatch(text)
        if match is None:
            return False
        mnemonic, name, modifier = match.groups()
        if name == "." or (state.dialect.naked and find(name, state.dialect.bits)):
            return False
        if mnemonic in state.branches:
            forms = state.branches[mnemonic]
        else:
            forms = branches.forms(mnemonic, state.dialect, ())
            forms = forms or branches.call_form(mnemonic, state.dialect, ())
            state.branches[mnemonic] = forms
        if forms is None:
            return False
        modifier = modifier.upper() if modifier else None
        if len(forms) == 3:
            slot.raw = (name, modifier, *forms)
        else:
            code, size = forms
            kind = FixupKind.BRANCH.value
            slot.raw = [
                code + bytes(size),
                (len(code), size, name, modifier, 0, True, True, kind),
            ]
        state.known[text] = slot
        return True

    def _submit(
        self,
        slot: Slot,
        text: str,
        state: _State,
        numbers: tuple[str, list[int]] | None,
        resolve: Resolve,
        locate: Locate,
    ) -> None:
        dialect = state.dialect
        options: tuple[str, ...] = ()
        lead = 0
        if text.lstrip()[:1] == "{":
            options, lead = prefix.options(text, dialect.bits, locate)
        untouched = "nooptimize" in options or self.level is None
        options = tuple(option for option in options if option != "nooptimize")
        prefixes, mnemonic, start, position = prefix.head(text, dialect, locate, lead)
        if not mnemonic:
            slot.encoded = Encoded(bytes(prefix.ordered(prefixes)))
            state.known[text] = slot
            return
        if "." in mnemonic:
            mnemonic, chosen = prefix.suffixed(mnemonic)
            options = (*options, *chosen)
        rest = text[position:].rstrip()
        intel = dialect.intel
        if (
            mnemonic[0] in "jclx"
            and not intel
            and self._submit_branch(slot, mnemonic, rest, position, dialect, prefixes, locate)
        ):
            if options:
                _widen(slot, options, locate)
            return
        operands: list[Operand] = []
        places: list[tuple[int, int]] = []
        if rest:
            parser = state.parser
            for piece, offset in operand_texts(mnemonic, rest, dialect):
                operands.append(parser.parse(piece, position + offset, locate))
                places.append((position + offset, max(1, len(piece))))
        # What the text says by names may be another number the next time.
        volatile = any(map(_is_symbolic, operands))
        if intel:
            if volatile:
                numbers = None  # translation already puts values in the place of names
            translated = self._translate(
                slot, mnemonic, operands, places, state, prefixes, resolve, locate
            )
            if translated is None:
                _widen(slot, options, locate)
                return
            mnemonic = translated
        if mnemonic[0] in "cj" and not intel and len(operands) == 1:
            shaping.check_direct(mnemonic, operands[0], places[0], locate)
        for i, operand in enumerate(operands):
            if isinstance(operand, Immediate):
                if not isinstance(operand.value, int):
                    value = resolve(operand.value)
                    if value is not None:
                        operands[i] = Immediate(value)
                        numbers = None  # the text does not say this number
                    elif mnemonic in ("mov", "movq") and shaping.needs_64_bits(
                        operand.value, operands
                    ):
                        mnemonic = "movabs"
            elif (
                isinstance(operand, Memory)
                and operand.displacement is not None
                and not isinstance(operand.displacement, int)
            ):
                value = resolve(operand.displacement)
                if value is not None:
                    operands[i] = replace(operand, displacement=value)
                    numbers = None
        if self._submit_far(slot, mnemonic, operands, dialect, prefixes, places, locate):
            return
        if not untouched and operands and len(operands) < 4:
            from orobuild.assembler.encoder.optimization import optimized

            assert self.level is not None
            better = optimized(mnemonic, operands, options, prefixes, dialect.bits, self.level)
            if better[:2] != (mnemonic, operands) or better[3] != prefixes:
                mnemonic, operands, options, prefixes = better
                numbers = None  # they may mean something else in another statement
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
        memoable = None if volatile or statement.warnings else text
        item = _Pending(slot, self._order, statement, locate, memoable, numbers)
        if isinstance(self.memo.get(statement.key), tuple):
            self._finish(item)
        else:
            self._pending.append(item)
            if numbers is not None and numbers[0] not in self._hopeless:
                self._learning.add(numbers[0])
        if item.text is not None:
            state.known[text] = slot

    def _translate(
        self,
        slot: Slot,
        mnemonic: str,
        operands: list[Operand],
        places: list[tuple[int, int]],
        state: _State,
        prefixes: tuple[int, ...],
        resolve: Resolve,
        locate: Locate,
    ) -> str | None:
        """Put an Intel statement into AT&T's terms, in place; None when it was a branch."""
        from orobuild.assembler.encoder import translation
        from orobuild.assembler.encoder.template import NOT_REVERSED

        if len(operands) == 1 and (
            translation.is_place(operands[0]) or isinstance(operands[0], Immediate)
        ):
            operand = operands[0]
            assert isinstance(operand, Memory | Immediate)
            value = operand.displacement if isinstance(operand, Memory) else operand.value
            if value is not None and self._encode_branch(
                slot, mnemonic, value, state.dialect, prefixes, locate
            ):
                return None
        if mnemonic in ("call", "jmp") and any(
            isinstance(o, Memory) and o.size == 10 for o in operands
        ):
            raise InputError(error(f"'{mnemonic}' takes no 'tbyte ptr'", locate(*places[0])))
        for i, operand in enumerate(operands):
            if translation.is_place(operand) and not mnemonic.startswith("movabs"):
                assert isinstance(operand, Memory)
                assert operand.displacement is not None
                value = operand.displacement
                known = value if isinstance(value, int) else resolve(value)
                if known is not None:
                    operands[i] = Immediate(known)
                elif not isinstance(value, int) and not translation.is_address(value, resolve):
                    operands[i] = Immediate(value)
        mnemonic, operands[:] = translation.translate(
            mnemonic, operands, state.dialect.bits, locate(0, len(mnemonic))
        )
        far = mnemonic in FAR and all(isinstance(o, Immediate) for o in operands)
        if mnemonic.rstrip("wlq") not in NOT_REVERSED and not far:
            operands.reverse()
            places.reverse()
        return mnemonic

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
        order = tuple(prefix.ordered(prefixes))
        if rest[-1] == ")" and "%" in rest:
            return False
        if not (
            branches.forms(mnemonic, dialect, order) or branches.call_form(mnemonic, dialect, order)
        ):
            return False
        value = parse_expression(rest, position, locate)
        return self._encode_branch(slot, mnemonic, value, dialect, prefixes, locate)

    def _encode_branch(
        self,
        slot: Slot,
        mnemonic: str,
        value: Value,
        dialect: Dialect,
        prefixes: tuple[int, ...],
        locate: Locate,
    ) -> bool:
        """Whether `mnemonic` branches to a place in the program; then the slot is filled."""
        kept = branches.kept_prefixes(mnemonic, prefixes)
        order = tuple(prefix.ordered(kept))
        forms = branches.forms(mnemonic, dialect, order)
        call = None if forms else branches.call_form(mnemonic, dialect, order)
        if forms is None and call is None:
            return False
        if kept != prefixes:
            message = f"prefixes that '{mnemonic}' does not take are left out"
            self._problems.append((self._order, warning(message, locate(0, 1))))
        target: Expr
        if isinstance(value, int):
            from orobuild.assembler.expression import Constant

            target = Constant(value)
        else:
            target = value
        if forms is not None:
            slot.encoded = Encoded(b"", (), Branch(target, *forms))
        elif call is not None:
            slot.encoded = _called(*call, target)
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
        far = branches.far_form(mnemonic, dialect, tuple(prefix.ordered(prefixes)))
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

    def _finish(self, item: _Pending) -> bool:
        """Fill `item`'s slot from its template, or say why there is none and return False."""
        statement = item.statement
        template = cast("Template | str", self.memo[statement.key])
        if isinstance(template, str):
            from orobuild.assembler.encoder import complaints

            self._problems.append(
                (item.order, complaints.explain(statement, template, item.locate))
            )
            return False
        if template.exact and not statement.exact and shaping.can_be_exact(statement):
            statement = shaping.exactly(statement)
            again = replace(item, statement=statement)
            if isinstance(self.memo.get(statement.key), tuple):
                return self._finish(again)
            self._pending.append(again)
            return True
        code = bytearray(template.code)
        fixups = []
        for field in template.fields:
            value = statement.values[field.value]
            if isinstance(value, int):
                code[field.offset : field.offset + field.size] = (
                    value & _MASKS[field.size]
                ).to_bytes(field.size, "little")
            else:
                code[field.offset : field.offset + field.size] = bytes(field.size)
                kind = FixupKind.PLAIN
                relative = field.pc_relative or statement.dialect.bits == 32
                if template.relaxable and field.displacement and relative:
                    kind = _got_kind(value, statement.dialect.bits, template)
                signed = field.signed and not (field.displacement and 0x67 in statement.prefixes)
                fixups.append(
                    Fixup(field.offset, field.size, value, field.pc_relative, signed, kind)
                )
        lead = 0
        final = bytes(code)
        if statement.prefixes:
            final, lead = prefix.with_prefixes(final, statement.prefixes)
            fixups = [replace(f, offset=f.offset + lead) for f in fixups]
        item.slot.encoded = Encoded(final, tuple(fixups))
        for message, index in statement.warnings:
            start, length = statement.places[index] if index >= 0 else statement.mnemonic_place
            self._problems.append((item.order, warning(message, item.locate(start, length))))
        if item.numbers is not None:
            learnt = recipe.learn(statement, template, final, lead, *item.numbers)
            if learnt is not None:
                self.memo[item.numbers[0]] = learnt
        return True


def _is_symbolic(operand: Operand) -> bool:
    if isinstance(operand, Immediate):
        return not isinstance(operand.value, int)
    return isinstance(operand, Memory) and not isinstance(operand.displacement, int | None)


_MASKS: Final = {size: (1 << 8 * size) - 1 for size in (1, 2, 4, 8)}


def _widen(slot: Slot, options: tuple[str, ...], locate: Locate) -> None:
    """Leave a branch that was asked for with a wide displacement its near form only."""
    made = slot.encoded
    if made is None or made.branch is None or made.branch.near is None:
        return
    branch = made.branch
    wanted = next((n for word, n in (("disp16", 2), ("disp32", 4)) if word in options), 0)
    if wanted:
        if wanted != branch.near_size:
            message = f"the branch has {8 * branch.near_size} bits, not {8 * wanted}"
            raise InputError(error(message, locate(0, 1)))
        slot.encoded = replace(made, branch=replace(branch, short=b""))


def _called(code: bytes, size: int, target: Expr) -> Encoded:
    fixup = Fixup(len(code), size, target, pc_relative=True, signed=True, kind=FixupKind.BRANCH)
    return Encoded(code + bytes(size), (fixup,))


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

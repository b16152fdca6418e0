"""Stencils: one encoding that serves every register of a class.

`mov %rbx,8(%rsi)` and `mov %rdi,8(%rdx)` differ in two fields of three bits. A stencil is the
recipe of one statement with the places of its registers; others of its family are stamped from it.

What is proved once for a family: the encoder has encoded a statement of it, which was decoded back
and compared as every statement is; and for each register, flipping the bits of its field, and of no
other, changes that register in what the decoder sees, and nothing else. What is checked each time:
everything that was stamped is decoded, and must read like the family's statement with the registers
that were asked for. What does not goes the long way.

Which registers are of one class is a fact about GNU as, not about the processor: it encodes them
alike, but for their numbers. A register with a form or a prefix of its own is not in a class.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

from orobuild import iced
from orobuild.assembler.encoder.decoding import OPTIONS
from orobuild.assembler.encoder.recipe import Recipe, relative
from orobuild.diagnostics import Span
from orobuild.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orobuild.assembler.encoder.encoder import Encoder
    from orobuild.assembler.encoder.types import Dialect

CONDITION_ORDER: Final = (
    "o",
    "no",
    "b",
    "ae",
    "e",
    "ne",
    "be",
    "a",
    "s",
    "ns",
    "p",
    "np",
    "l",
    "ge",
    "le",
    "g",
)
_REGISTER: Final = pattern(r"(\(?%[a-z][a-z0-9]*)")
_WORD: Final = pattern(r"\b([a-z][a-z0-9]*)\b")
_FEW: Final = 3
"""Below this many statements, encoding them costs less than learning their family."""

_CLASSES: Final = (
    # Bases of addresses. %rsp and %r12 need a byte more, %rbp and %r13 a displacement ("+": there is one).
    "(rax (rcx (rdx (rbx (rsi (rdi",
    "(r8 (r9 (r10 (r11 (r14 (r15",
    "+(rax +(rcx +(rdx +(rbx +(rsi +(rdi +(rbp",
    "+(r8 +(r9 +(r10 +(r11 +(r14 +(r15 +(r13",
    "(eax (ecx (edx (ebx (esi (edi",
    "+(eax +(ecx +(edx +(ebx +(esi +(edi +(ebp",
    # With REX.W, a register's fourth bit is one more bit of the same code ("^").
    "^(rax ^(rcx ^(rdx ^(rbx ^(rsi ^(rdi ^(r8 ^(r9 ^(r10 ^(r11 ^(r14 ^(r15",
    "^+(rax ^+(rcx ^+(rdx ^+(rbx ^+(rsi ^+(rdi ^+(rbp ^+(r8 ^+(r9 ^+(r10 ^+(r11 ^+(r14 ^+(r15 ^+(r13",
    "^rcx ^rdx ^rbx ^rsp ^rbp ^rsi ^rdi ^=rax ^r8 ^r9 ^r10 ^r11 ^r12 ^r13 ^r14 ^r15",
    # Instructions with numbers can have short forms for the accumulator ("=": they have none).
    "rcx rdx rbx rsp rbp rsi rdi =rax",
    "r8 r9 r10 r11 r12 r13 r14 r15",
    "ecx edx ebx esp ebp esi edi =eax",
    "r8d r9d r10d r11d r12d r13d r14d r15d",
    "cx bx sp bp si di =ax",  # %dx is a port
    "r8w r9w r10w r11w r12w r13w r14w r15w",
    "dl bl =al",  # %cl counts
    "spl bpl sil dil",
    "r8b r9b r10b r11b r12b r13b r14b r15b",
    "ah ch dh bh",
    "mm0 mm1 mm2 mm3 mm4 mm5 mm6 mm7",
    *(
        " ".join(f"{letter}mm{n}" for n in range(first, first + 8))
        for letter in "xyz"
        for first in (0, 8, 16, 24)
    ),
)
# Mnemonics that differ in three or four bits, by their numbers. The suffix is written behind.
_MNEMONICS: Final = (
    "add or adc sbb and sub xor cmp",
    "rol ror rcl rcr shl shr - sar",
    "- - not neg mul - div idiv",
    *(" ".join(f"{stem}{condition}" for condition in CONDITION_ORDER) for stem in ("cmov", "set")),
)
_SUFFIXES: Final = ("", "b", "w", "l", "q")
_HEAD: Final = pattern(r"(=64 |=32 |=16 )([a-z]+)(?=[ \t])")
# Instructions with an operand of 64 bits that have no REX.W, or none in that place.
_DEFAULT_64: Final = pattern(r"=64 (?:push|pop|call|jmp|v|mov(?:msk|nt)|ret|l?ret|enter|leave)")
# What may have a short form for the accumulator: numbers that are no displacements, `xchg`.
_SHORT_FORMS: Final = pattern(r"[$]|\n[A-P](?!\()|xchg|\b(?:in|out)")
_DISPLACED: Final = pattern(r"\n[A-CE-P]$")


class _Member(NamedTuple):
    """A register, or a mnemonic, of class `group`, a letter.

    `number` is what tells it from the others, of `wide` classes with a fourth bit elsewhere; `name`
    is the decoder's.
    """

    group: str
    number: int
    name: str
    text: str
    wide: bool = False


@functools.cache
def _members() -> dict[str, _Member]:
    """Registers by how they are written, `%rax` and `(%rax`, with the marks of `_CLASSES`."""
    from orobuild.assembler.encoder.registers import REGISTERS

    members = {}
    for index, words in enumerate(_CLASSES):
        for word in words.split():
            name = word.lstrip("^+=(")
            text = word.replace(name, f"%{name}")
            wide = word[0] == "^"
            number = REGISTERS[name].number & (15 if wide else 7)
            members[text] = _Member(chr(ord("A") + index), number, name, text.lstrip("^+="), wide)
    return members


@functools.cache
def _mnemonics() -> dict[str, _Member]:
    """Mnemonics by how they are written."""
    members = {}
    for index, words in enumerate(_MNEMONICS):
        for suffix in _SUFFIXES if index < 3 else ("",):
            group = f"{index}{suffix}"
            for number, name in enumerate(words.split()):
                if name != "-":
                    members[name + suffix] = _Member(group, number, name, name + suffix)
    return members


@functools.cache
def _by_group() -> dict[str, list[_Member]]:
    """The members of each class."""
    groups: dict[str, list[_Member]] = {}
    for member in (*_members().values(), *_mnemonics().values()):
        groups.setdefault(member.group, []).append(member)
    return groups


def _registers(pieces: list[str], *, short_forms: bool, wide: bool) -> list[_Member | None]:
    """The registers that stand at the odd places of a key cut at registers; None for those
    that are in no class."""
    known = _members()
    found = []
    for i in range(1, len(pieces), 2):
        text = pieces[i]
        names = [text]
        if text[0] == "(":
            if _DISPLACED.search(pieces[i - 1]):
                names = ["+" + text, text]
        elif not short_forms:
            names = ["=" + text, text]
        if wide:
            names = [*("^" + name for name in names), *names]
        found.append(next((known[name] for name in names if name in known), None))
    return found


def _is_wide(key: str) -> bool:
    """Whether the statement has a REX prefix whatever its registers."""
    if _DEFAULT_64.match(key):
        return False
    return _WIDE.search(key) is not None


_WIDE: Final = pattern(r"=64 [a-z]+q[ \t]+[$]|(?<!\()%r(?:[a-ds][xip]|[0-9]+)\b(?![,)0-9]*\))")


class Stencil(NamedTuple):
    """`recipe` is that of the family's statement. For each register that may be another one:
    `numbers`, its own; `fields`, the bits of the code that hold it, and those that hold its fourth
    bit; `words`, where it stands in `reading`, what the decoder makes of the code, cut into words.
    """

    recipe: Recipe
    numbers: tuple[int, ...]
    fields: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    words: tuple[tuple[int, ...], ...]
    reading: list[str]

    def stamp(self, members: list[_Member]) -> tuple[bytes, str]:
        """The code for other registers, and what the decoder has to make of it."""
        code = self.recipe.code
        bits = 0
        reading = self.reading.copy()
        for member, number, (low, high), words in zip(
            members, self.numbers, self.fields, self.words, strict=True
        ):
            for word in words:
                reading[word] = member.name
            other = member.number ^ number
            if not other:
                continue
            if not member.wide:
                for shift in low:
                    bits ^= other << shift
                continue
            for shift in low:
                bits ^= (other & 7) << shift
            for shift in high:
                bits ^= (other >> 3) << shift
        if bits:
            size = len(code)
            code = (int.from_bytes(code, "little") ^ bits).to_bytes(size, "little")
        return code, "".join(reading)


class _Family(NamedTuple):
    """Statements that differ in registers of the same classes: (key, text, registers) each."""

    sample: str
    tokens: list[_Member]
    statements: list[tuple[str, str, list[_Member]]]


class Stencils:
    """The stencils of one dialect, made as they are needed.

    `encoder` is one that nobody else hands statements to: what it finds wrong is not told. What is
    learnt goes into its memo.
    """

    def __init__(self, encoder: Encoder, dialect: Dialect) -> None:
        self._encoder = encoder
        self._dialect = dialect
        self._known: dict[str, Stencil | None] = {}

    def learn(self, missing: Mapping[str, str]) -> None:
        """Put recipes for `missing`, texts by their keys, into the memo, where it can be done."""
        families: dict[str, _Family] = {}
        alone = []
        for key, text in missing.items():
            family = _join(families, key, text)
            if family is None:
                alone.append(text)
        for name, family in families.items():
            if name in self._known:
                continue
            if len(family.statements) < _FEW:
                alone += (text for _, text, _ in family.statements)
            else:
                self._submit(family.sample)
        for text in alone:
            self._submit(text)
        self._encoder.flush()
        stamped: list[tuple[str, Recipe, str]] = []
        for name, family in families.items():
            if name not in self._known:
                if len(family.statements) < _FEW:
                    continue
                self._known[name] = self._stencil(family)
            stencil = self._known[name]
            if stencil is None:
                for _, text, _ in family.statements:
                    self._submit(text)
                continue
            _, fields, symbol = stencil.recipe
            for key, _, members in family.statements:
                code, reading = stencil.stamp(members)
                stamped.append((key, Recipe(code, fields, symbol), reading))
        self._encoder.flush()
        if stamped:
            readings = _read((recipe.code for _, recipe, _ in stamped), self._dialect.bits)
            for (key, recipe, wanted), reading in zip(stamped, readings, strict=True):
                if reading == wanted:
                    self._encoder.memo[key] = recipe

    def _submit(self, text: str) -> None:
        self._encoder.submit(text, self._dialect, _unknown, _nowhere)

    def _stencil(self, family: _Family) -> Stencil | None:
        """What statements of the family can be stamped from; None if its registers are not found."""
        relation = relative(family.sample) if "(%rip)" in family.sample else None
        cutter = self._encoder.cutter(self._dialect)
        cut = cutter.cut(relation[0] if relation else family.sample)
        recipe = self._encoder.memo.get(cut[0]) if cut else None
        if not isinstance(recipe, Recipe):
            return None
        code = recipe.code
        (text,) = _read((code,), self._dialect.bits)
        if not text:
            return None
        reading = _WORD.split(text)
        fields = []
        words = []
        for member in family.tokens:
            others = _by_group()[member.group]
            other = next(
                o
                for o in others
                if o.number != member.number and o.number >> 3 == member.number >> 3
            )
            low, shown = _places(code, reading, member, other, self._dialect.bits, (0, 3))
            if not shown or shown != {i for i, word in enumerate(reading) if word == member.name}:
                return None
            high: tuple[int, ...] = ()
            if member.wide:
                other = next((o for o in others if o.number == member.number ^ 8), member)
                high, also = _places(code, reading, member, other, self._dialect.bits, (0, 1, 2))
                if also != shown:
                    high = ()  # stamps with the other registers will not read as they must
            fields.append((low, high))
            words.append(tuple(sorted(shown)))
        numbers = tuple(member.number for member in family.tokens)
        return Stencil(recipe, numbers, tuple(fields), tuple(words), reading)


def _join(families: dict[str, _Family], key: str, text: str) -> _Family | None:
    """The family of the statement, which becomes a member; None if there is no other in it."""
    if "%ss:" in key or "%ds:" in key:
        return None  # the base decides whether it needs the prefix
    pieces = _REGISTER.split(key)
    registers = _registers(
        pieces, short_forms=_SHORT_FORMS.search(key) is not None, wide=_is_wide(key)
    )
    members = [member for member in registers if member]
    for i, member in enumerate(registers):
        if member:
            pieces[2 * i + 1] = "\x01" + member.group
    head = _HEAD.match(key)
    mnemonic = _mnemonics().get(head[2]) if head else None
    if mnemonic is not None:
        members.append(mnemonic)
        pieces[0] = pieces[0].replace(mnemonic.text, "\x02" + mnemonic.group, 1)
    if not members:
        return None
    name = "".join(pieces)
    family = families.get(name)
    if family is None:
        sample = _sample(_REGISTER.split(text), registers)
        if sample is None:
            return None
        if mnemonic is not None:
            sample[1].append(mnemonic)
        family = families[name] = _Family(*sample, [])
    family.statements.append((key, text, members))
    return family


def _sample(pieces: list[str], registers: list[_Member | None]) -> tuple[str, list[_Member]] | None:
    """A text cut at its registers, put together with others of the same classes that are all
    different; these registers."""
    used = {pieces[2 * i + 1].lstrip("(%") for i, member in enumerate(registers) if member is None}
    members = []
    for i, member in enumerate(registers):
        if member is None:
            continue
        other = next((o for o in _by_group()[member.group] if o.name not in used), None)
        if other is None:
            return None
        used.add(other.name)
        members.append(other)
        pieces[2 * i + 1] = other.text
    return "".join(pieces), members


def _places(
    code: bytes,
    reading: list[str],
    member: _Member,
    other: _Member,
    bits: int,
    lowest: tuple[int, ...],
) -> tuple[tuple[int, ...], set[int]]:
    """The fields, by their lowest bit, whose change makes `member` `other`, and nothing else
    something else; the words of `reading` that change. `lowest` is where fields begin in bytes."""
    number = int.from_bytes(code, "little")
    flip = member.number ^ other.number
    if flip & 8 and member.wide:
        flip = 1
    size = len(code)
    wanted = {i for i, word in enumerate(reading) if word == member.name}
    places = []
    shown: set[int] = set()
    # Most fields are in the second or third byte.
    for byte in sorted(range(size), key=lambda byte: abs(byte - (1 if flip == 1 else 1.6))):
        for low in lowest:
            shift = 8 * byte + low
            changed_code = number ^ flip << shift
            if changed_code >> 8 * size:
                continue
            (text,) = _read((changed_code.to_bytes(size, "little"),), bits)
            changed = _WORD.split(text)
            if len(changed) != len(reading):
                continue
            differing = [i for i, word in enumerate(reading) if changed[i] != word]
            if differing and all(
                reading[i] == member.name and changed[i] == other.name for i in differing
            ):
                places.append(shift)
                shown.update(differing)
        if shown == wanted:
            break
    return tuple(places), shown


def _read(codes: Iterable[bytes], bits: int) -> list[str]:
    """What the decoder makes of each of `codes`; "" for what is not one instruction."""
    show = iced.FastFormatter().format
    texts = []
    for code in codes:
        instruction = iced.Decoder(bits, code, OPTIONS).decode()
        whole = instruction.len == len(code) and not instruction.is_invalid
        texts.append(show(instruction) if whole else "")
    return texts


def _unknown(_: object) -> None:
    """No symbol has a value."""


def _nowhere(start: int, length: int) -> Span:
    """A place in a statement that need not stand in any file."""
    return Span("", 1, start + 1, length)

"""What the instruction encoder takes and gives: the contract with the assembler's front end.

The front end owns labels, directives, macros, comments, `;` separators, sections and symbols.
It hands over one *statement* at a time: the text of one instruction with its prefixes and
operands, nothing else (no label, no comment, no newline). The encoder answers with bytes, the
fixups that symbolic operands leave behind, or a relaxable branch::

    encoder = Encoder()
    slot = encoder.submit("movl $foo, 8(%rbx)", Dialect(64), resolve, locate)
    problems = encoder.flush()          # encodes everything that is pending, in one batch
    slot.encoded                        # Encoded(code=b"\\xc7...", fixups=(Fixup(...),))

* `submit` is cheap and never raises for bad input. Whatever is wrong is a `Diagnostic` that
  `flush` returns, in the order of submission; the slot of such a statement keeps
  `encoded = None`. A slot may already be filled when `submit` returns (a memo hit), and equal
  statements may share one slot. Flush when a size is needed, and once at the end: flushing
  after every statement gives the same bytes, only slower.
* `resolve(expression)` gives the value of an expression as far as it is known *at this
  statement*, or None. GNU as picks the shorter immediate or displacement only for values it
  knows when it reads the statement, so this decides sizes. It is called during `submit` only,
  and never for a plain number.
* `locate(start, length)` gives the `Span` of a part of the statement's text (0-based offset
  into `text`). It is called only for errors and to parse symbolic expressions.
* `Here` in a fixup's or branch's expression is the address of the first byte of this statement.
* A prefix alone (`lock`, `rep`, `data16`, ...) is a statement; its bytes are the prefix.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from orobuild.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.assembler.expression import Expr
    from orobuild.diagnostics import Span

    Resolve = Callable[[Expr], int | None]
    Locate = Callable[[int, int], Span]


class Dialect(NamedTuple):
    """How statements are read; keep one instance per state of the source.

    `bits` is 16, 32 or 64 (`.code16` ...). `intel` is `.intel_syntax`; `naked` allows registers
    without `%` (`noprefix`, the default for Intel syntax in practice, or `-mnaked-reg`).
    `code16gcc` with `bits=16` is `.code16gcc`: stack operations default to 32 bits. `index_reg`
    allows `%eiz` and `%riz`, as `.allow_index_reg` does. A tuple, since it is a key for every instruction.
    """

    bits: int
    intel: bool = False
    naked: bool = False
    code16gcc: bool = False
    index_reg: bool = False

    @property
    def mode(self) -> int:
        """The width and the syntax in one number: `WIDTH` and `INTEL` take it apart."""
        return self.bits | (INTEL if self.intel else 0)


WIDTH = 0x7F
INTEL = 0x80


class FixupKind(enum.Enum):
    """Which family of relocations a fixup belongs to; `@` modifiers refine it further."""

    PLAIN = "plain"
    BRANCH = "branch"
    """The displacement of a `call` (or of a branch that is not relaxable): `R_X86_64_PLT32` in
    64-bit code when 4 bytes wide, as GNU as does, else a plain PC-relative relocation."""
    GOTPCRELX = "gotpcrelx"
    """A load through the GOT that the linker may rewrite, instruction without REX. Given only
    where the expression carries `@GOTPCREL` (or, in 32-bit code, `@GOT`: `R_386_GOT32X`)."""
    REX_GOTPCRELX = "rex_gotpcrelx"
    """The same with a REX prefix: `R_X86_64_REX_GOTPCRELX`."""


@dataclass(frozen=True, slots=True)
class Fixup:
    """A field of an instruction whose value is not known to the encoder.

    `offset` and `size` are bytes, from the first byte of the instruction. The field holds
    `value`, less the address of the *end of the instruction* when `pc_relative` (so a
    relocation's addend needs `offset - len(code)` added; the distance from the field to the end
    is 4 only when no immediate follows). `signed` says that the processor sign-extends the
    field: in 64-bit code `R_X86_64_32S` rather than `R_X86_64_32`.
    """

    offset: int
    size: int
    value: Expr
    pc_relative: bool
    signed: bool
    kind: FixupKind = FixupKind.PLAIN


@dataclass(frozen=True, slots=True)
class Branch:
    """A `jmp`, `jcc`, `loop` or `jrcxz` to `target`, whose size relaxation decides.

    `short` and `near` are the opcode bytes, prefixes included, of the two forms; `short` is empty
    where only the near form is wanted. The
    displacement from the end of the instruction follows them: 1 byte after `short`, `near_size`
    bytes (2 or 4) after `near`. `near` is None where the processor has no such form. A near
    form that becomes a relocation is of kind `FixupKind.BRANCH`.
    """

    target: Expr
    short: bytes
    near: bytes | None
    near_size: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """One encoded statement. `code` is empty when `branch` is set."""

    code: bytes
    fixups: tuple[Fixup, ...] = ()
    branch: Branch | None = None


PlainBranch: TypeAlias = "tuple[str, str | None, bytes, bytes | None, int]"
"""A relaxable branch to a symbol: its name and modifier, then `short`, `near` and `near_size`."""

PlainFixup: TypeAlias = "tuple[int, int, str, str | None, int, bool, bool, str]"
"""`offset` and `size`; the symbol, its modifier and what is added to it; `pc_relative`, `signed`;
`kind` by its value."""


class Slot:
    """Where the result of one statement appears, at the latest when `flush` returns.

    `raw` is the result in the cheapest form that holds it: the bytes of a statement without
    fixups, a plain branch, a list of the bytes and plain fixups, or an `Encoded`. The front end
    looks at it first: most statements are one of the first two. `encoded` is all of them as an
    `Encoded`; None while there is no result.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Raw = None) -> None:
        self.raw = raw

    @property
    def encoded(self) -> Encoded | None:
        """The result."""
        raw = self.raw
        if raw is None or isinstance(raw, Encoded):
            return raw
        if isinstance(raw, bytes):
            return Encoded(raw)
        if isinstance(raw, tuple):
            name, modifier, short, near, near_size = raw
            return Encoded(b"", (), Branch(symbolic(name, modifier, 0), short, near, near_size))
        code, *fixups = raw
        assert isinstance(code, bytes)
        made = Encoded(code, tuple(_fixup(*plain) for plain in fixups))
        self.raw = made
        return made

    @encoded.setter
    def encoded(self, encoded: Encoded | None) -> None:
        plain = encoded is not None and not encoded.fixups and encoded.branch is None
        self.raw = encoded.code if encoded is not None and plain else encoded


Raw: TypeAlias = "bytes | PlainBranch | list[bytes | PlainFixup] | Encoded | None"


def symbolic(name: str, modifier: str | None, addend: int) -> Expr:
    """The expression ``name@modifier + addend``."""
    from orobuild.assembler.expression import Binary, Constant, SymbolRef

    if not addend:
        return SymbolRef(name, modifier)
    operator = "+" if addend > 0 else "-"
    return Binary(operator, SymbolRef(name, modifier), Constant(abs(addend)))


def _fixup(
    offset: int, size: int, name: str, modifier: str | None, addend: int, pc_relative: bool,
    signed: bool, kind: str,
) -> Fixup:  # fmt: skip
    target = symbolic(name, modifier, addend)
    return Fixup(offset, size, target, pc_relative, signed, FixupKind(kind))


def plain(slot: Slot) -> bytes | PlainBranch | list[bytes | PlainFixup] | None:
    """The slot's result in values that can be kept in a file; None for what has no such form."""
    from orobuild.assembler.expression import Binary, Constant, SymbolRef

    raw = slot.raw
    if not isinstance(raw, Encoded):
        return raw
    if raw.branch is not None:
        return None
    kept: list[bytes | PlainFixup] = [raw.code]
    for fixup in raw.fixups:
        value, addend = fixup.value, 0
        if (
            isinstance(value, Binary)
            and value.operator in "+-"
            and isinstance(value.right, Constant)
        ):
            addend = value.right.value if value.operator == "+" else -value.right.value
            value = value.left
        if not isinstance(value, SymbolRef) or (addend == 0) != (value is fixup.value):
            return None
        kept.append(
            (
                fixup.offset, fixup.size, value.name, value.modifier, addend, fixup.pc_relative,
                fixup.signed, fixup.kind.value,
            )
        )  # fmt: skip
    return kept

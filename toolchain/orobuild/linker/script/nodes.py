"""The syntax tree of a linker script: frozen values, each with its place in the text.

Names follow the GNU ld manual ("Linker Scripts"). Nothing here evaluates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Number:
    """A literal. `fill` is its byte pattern when it is used as a fill (`=0x9090`)."""

    value: int
    span: Span
    fill: bytes | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """A symbol, or the location counter when `name` is `.`."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `~x`, `!x`, `+x`."""

    op: str
    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary operator; `span` is the operator's place."""

    op: str
    left: Expression
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Ternary:
    """`condition ? then : otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A builtin function. `name_arg` is its section, symbol or region; `args` are expressions."""

    function: str
    args: tuple[Expression, ...]
    span: Span
    name_arg: str | None = None


Expression: TypeAlias = Number | Name | Unary | Binary | Ternary | Call


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name op expression;` and its PROVIDE, PROVIDE_HIDDEN and HIDDEN forms.

    `op` is `=` or a compound operator without its `=` (`+`, `<<`).
    """

    name: str
    op: str
    expression: Expression
    kind: Literal["assign", "provide", "provide_hidden", "hidden"]
    span: Span


@dataclass(frozen=True, slots=True)
class Assert:
    """`ASSERT(expression, "message")`."""

    expression: Expression
    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Data:
    """`BYTE`, `SHORT`, `LONG`, `QUAD`, `SQUAD`: `size` bytes of an expression."""

    size: int
    expression: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    """`ASCIZ "text"`: bytes put into the section."""

    data: bytes
    span: Span


@dataclass(frozen=True, slots=True)
class Fill:
    """`FILL(expression)`: the pattern for gaps from here to the end of the section."""

    expression: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class SectionPattern:
    """One section name pattern of an input section description.

    `sort` lists the SORT keys from the outermost: `name`, `alignment`, `init_priority`, `none`.
    `with_flags` and `without_flags` are SHF_* masks from INPUT_SECTION_FLAGS.
    """

    pattern: str
    span: Span
    sort: tuple[str, ...] = ()
    exclude_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InputStatement:
    """`KEEP(file(sections…))`: which input sections go here.

    `sections` is empty for a bare file name (every section of the file). COMMON is the pattern
    `COMMON`.
    """

    file: str
    sections: tuple[SectionPattern, ...]
    span: Span
    keep: bool = False
    sort_files: bool = False
    exclude_files: tuple[str, ...] = ()
    with_flags: int = 0
    without_flags: int = 0


@dataclass(frozen=True, slots=True)
class Constructors:
    """`CONSTRUCTORS`: understood; ELF objects have none, so it places nothing."""

    span: Span


BodyStatement: TypeAlias = Assignment | Assert | Data | Text | Fill | InputStatement | Constructors


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSection:
    """An output section description.

    `phdrs` is None when no `:phdr` list is written (the previous section's list is inherited).
    `overlay` names the OVERLAY group's index, or None. `inserted`: by INSERT, into another script.
    """

    name: str
    span: Span
    body: tuple[BodyStatement, ...]
    address: Expression | None = None
    kind: str | None = None
    section_type: Expression | None = None
    readonly: bool = False
    at: Expression | None = None
    align: Expression | None = None
    subalign: Expression | None = None
    align_with_input: bool = False
    constraint: Literal["ONLY_IF_RO", "ONLY_IF_RW"] | None = None
    region: str | None = None
    lma_region: str | None = None
    phdrs: tuple[str, ...] | None = None
    phdr_spans: tuple[Span, ...] = ()
    fill: Expression | None = None
    overlay: int | None = None
    inserted: bool = False


Statement: TypeAlias = Assignment | Assert | OutputSection


@dataclass(frozen=True, slots=True)
class Phdr:
    """One line of PHDRS."""

    name: str
    type: Expression
    span: Span
    filehdr: bool = False
    phdrs: bool = False
    at: Expression | None = None
    flags: Expression | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """One line of MEMORY. `attributes` are the letters between the parentheses."""

    name: str
    attributes: str
    origin: Expression
    length: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file named by INPUT, GROUP or STARTUP; `library` for `-lname`."""

    name: str
    span: Span
    group: int | None = None
    as_needed: bool = False


@dataclass(frozen=True, slots=True)
class NoCrossRefs:
    """`NOCROSSREFS(a b…)`: no references among them; with `to`, none from the others to the first."""

    sections: tuple[str, ...]
    to: bool
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A parsed linker script. `statements` are in script order, INCLUDE already replaced."""

    path: str
    statements: tuple[Statement, ...] = ()
    has_sections: bool = False
    phdrs: tuple[Phdr, ...] = ()
    has_phdrs: bool = False
    regions: tuple[Region, ...] = ()
    region_aliases: tuple[tuple[str, str, Span], ...] = ()
    entry: Name | None = None
    output_format: str | None = None
    output_arch: str | None = None
    output: str | None = None
    inputs: tuple[InputFile, ...] = ()
    search_dirs: tuple[str, ...] = ()
    extern: tuple[str, ...] = ()
    no_cross_refs: tuple[NoCrossRefs, ...] = ()
    includes: tuple[str, ...] = field(default=())

    def input_statements(self) -> Iterator[InputStatement]:
        """The input section descriptions of all output sections, in order."""
        for statement in self.statements:
            if isinstance(statement, OutputSection):
                yield from (item for item in statement.body if isinstance(item, InputStatement))

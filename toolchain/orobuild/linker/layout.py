"""Layout: the address and size of every output section and the value of every script symbol.

The statements are walked in order, again and again, until nothing changes; a symbol used before
its assignment has the value of the previous walk. The rules for the location counter, load
addresses and memory regions are those of `lang_size_sections_1` in ld/ldlang.c, binutils 2.40.
Addresses are modulo 2**64. File offsets come later, in `segments`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, did_you_mean, error, warning
from orobuild.errors import InputError
from orobuild.linker.contents import Contents, Gap, Padding, Piece, Run, ScriptSymbol
from orobuild.linker.context import ScriptContext
from orobuild.linker.data_segment import has_relro_sections
from orobuild.linker.evaluation import (
    ABS,
    MASK,
    NotReadyError,
    Value,
    align,
    combine,
    evaluate,
    fail,
)
from orobuild.linker.homes import home_of_dot
from orobuild.linker.output import InputRun, OutputSection
from orobuild.linker.script import nodes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.inputs import Inputs
    from orobuild.linker.options import LinkOptions
    from orobuild.linker.placement import Placement
    from orobuild.linker.regions import MemoryUse, Region
    from orobuild.linker.script.nodes import Script
    from orobuild.linker.symbols import Symbols

_MAX_WALKS: Final = 40
_MAX_OUTPUT: Final = 1 << 40


class Layout(ScriptContext):
    """The walk over the statements."""

    def __init__(
        self,
        inputs: Inputs,
        symbols: Symbols,
        placement: Placement,
        script: Script,
        options: LinkOptions,
    ) -> None:
        super().__init__(inputs, symbols, placement, script, options)
        self.warnings: list[Diagnostic] = []
        self.errors: list[Diagnostic] = []
        self.contents: dict[int, Contents] = {}
        self.offset_of: NDArray[np.uint64] = np.zeros(len(inputs.names), "u8")
        self._final = False
        self._marking = True
        self._sizes = inputs.sections["size"].astype("i8")
        self._aligns = inputs.sections["align"].astype("i8")
        self._last_section: OutputSection | None = None
        self._dot_moved = False
        self._found_end = False

    # -- running -------------------------------------------------------------------------

    def run(self, headers_size: int) -> None:
        """Walk until stable. Raises `InputError` with everything that is wrong."""
        self.headers_size = headers_size
        self.data_segment.relro = self.data_segment.relro and has_relro_sections(
            self._script, self._placement, self._linked_names
        )
        self._regions.declare(self._placement.statements)
        self._force_types()
        self._align_thread_data()
        self._walk()
        self._remove_empty()
        self._marking = False
        self._settle()
        while self.data_segment.settle(self._placement.created):
            self._settle()
        self._final = True
        self._walk()
        self._record_offsets()
        self.errors += self._regions.overflows()
        if self.errors:
            raise InputError(self.errors)

    def _settle(self) -> None:
        """Walk until nothing changes."""
        previous: Any = None
        for _ in range(_MAX_WALKS):
            self._walk()
            state = self._state()
            if state == previous:
                break
            previous = state
        else:
            self._report_unstable()

    def _align_thread_data(self) -> None:
        """The TLS block is aligned as its most aligned section (bfd, _bfd_elf_tls_setup)."""
        thread = [s for s in self._placement.statements if isinstance(s, OutputSection) and s.tls]
        if thread:
            thread[0].align = max(output.align for output in thread)

    def _force_types(self) -> None:
        """`(TYPE = …)`."""
        for output in self._placement.outputs:
            node = output.declaration.section_type if output.declaration else None
            if node is not None:
                try:
                    output.forced_type = evaluate(node, self).value & 0xFFFFFFFF
                except NotReadyError as problem:
                    raise fail(problem.message, problem.span) from None

    def again(self) -> Layout:
        """A fresh layout of the same things, for another size of the headers."""
        for output in self._placement.outputs:
            output.removed = output.ignored = False
        return Layout(self._inputs, self._symbols, self._placement, self._script, self._options)

    def _state(self) -> Any:
        return (
            [(o.vma, o.lma, o.size, o.align, o.alloc) for o in self._placement.outputs],
            {name: (id(s.value.section), s.value.value) for name, s in self.values.items()},
        )

    def _report_unstable(self) -> None:
        before = {name: s.value.address for name, s in self.values.items()}
        sizes = [o.vma for o in self._placement.outputs]
        self._walk()
        moving = [s for n, s in self.values.items() if before.get(n) != s.value.address]
        if moving:
            named = ", ".join(f"'{s.name}'" for s in moving[:4])
            raise fail(
                f"the assignments do not settle: {named} change in every pass",
                moving[0].span or self._script.statements[0].span,
                hint="the value depends on itself, through an address or directly",
            )
        for output, vma in zip(self._placement.outputs, sizes, strict=True):
            if output.vma != vma and output.span:
                raise fail(f"the address of '{output.name}' does not settle", output.span)
        raise InputError(error("the layout does not settle", rule="linker-script"))

    def _walk(self) -> None:
        self.dot = 0
        self.current = ABS
        self._assigned = set(self._options.defsym)
        self._last_section = None
        self._dot_moved = False
        self._found_end = False
        self._regions.reset(self, final=self._final)
        for statement in self._placement.statements:
            self.current = ABS
            if isinstance(statement, OutputSection):
                self._section(statement)
            elif isinstance(statement, nodes.Assignment):
                self._assign_outside(statement)
            else:
                self._assert(statement)

    # -- memory regions --------------------------------------------------------------------

    def _not_ready(self, problem: NotReadyError) -> None:
        if not self._final:
            return
        if problem.name == "ASSERT":
            self.errors.append(error(problem.message, problem.span, rule="assert"))
            return
        hint = None
        if problem.name is not None:
            circular = problem.name in self._assigned_names()
            if circular:
                problem.message = f"circular assignment: '{problem.name}' depends on itself"
            else:
                hint = did_you_mean(problem.name, [*self.values, *self._symbols.names])
        self.errors.append(error(problem.message, problem.span, hint=hint, rule="linker-script"))

    def _assigned_names(self) -> set[str]:
        names = set()
        for statement in self._placement.statements:
            body = statement.items if isinstance(statement, OutputSection) else [statement]
            names |= {
                item.name
                for item in body
                if isinstance(item, nodes.Assignment) and item.kind == "assign"
            }
        return names

    def _evaluate(self, node: nodes.Expression) -> Value | None:
        try:
            return evaluate(node, self)
        except NotReadyError as problem:
            self._not_ready(problem)
            return None

    def _assert(self, statement: nodes.Assert) -> None:
        if not self._final:
            # Only for the names that it mentions; what it says counts once all is settled.
            with contextlib.suppress(NotReadyError, InputError):
                evaluate(statement.expression, self)
            return
        value = self._evaluate(statement.expression)
        if value is not None and not value.value:
            self.errors.append(
                error(f"assertion failed: {statement.message}", statement.span, rule="assert")
            )

    def _assign_outside(self, statement: nodes.Assignment) -> None:
        value = self._assigned_value(statement)
        if value is not None and statement.name == ".":
            self.dot = value.address
            self._dot_moved = True
        elif value is not None:
            self._define(statement, value)
        # Any assignment brings the default region to the location counter, not only one to `.`.
        self._regions.default.current = self.dot

    def _assigned_value(self, statement: nodes.Assignment) -> Value | None:
        if statement.kind in ("provide", "provide_hidden") and not self._is_provided(statement):
            return None
        self._read.clear()
        try:
            value = evaluate(statement.expression, self)
            if statement.op != "=":
                span = statement.span
                old = evaluate(nodes.Name(statement.name, span), self)
                value = combine(statement.op, old, value, self, span)
        except NotReadyError as problem:
            self._not_ready(problem)
            return None
        return value

    def _is_provided(self, statement: nodes.Assignment) -> bool:
        """PROVIDE defines a symbol that is referenced and that no object defines."""
        name = statement.name
        if self._symbols.is_defined(name):
            if statement.kind == "provide_hidden":
                self.hides.add(name)
            return False
        known = self.values.get(name)
        if known is not None and not known.provided:
            return False
        return name in self._symbols.numbers or name in self._wanted

    def _define(self, statement: nodes.Assignment, value: Value) -> None:
        section = value.section if value.section is not None else self.current
        home = None
        if value.from_dot and section is ABS:
            home = home_of_dot(self._placement, self._last_section, moved=self._dot_moved)
        # ldexp.c: a symbol takes type and visibility from the only one that its value comes from.
        source = self._read[0] if len(self._read) == 1 else None
        self.values[statement.name] = ScriptSymbol(
            statement.name,
            Value(section, value.value),
            statement.kind in ("hidden", "provide_hidden"),
            statement.span,
            home,
            source,
            statement.kind in ("provide", "provide_hidden"),
        )
        self._assigned.add(statement.name)
        self._found_end |= statement.name.lstrip("_") == "end"

    # -- output sections ---------------------------------------------------------------------

    def _section(self, output: OutputSection) -> None:
        output.after_end = self._found_end
        declaration = output.declaration
        region = self._regions.of(output)
        before_it = self.dot
        if declaration is not None and declaration.address is not None:
            self.current = ABS
            value = self._evaluate(declaration.address)
            if value is not None and output.exists:
                self.dot = value.address
        if not output.exists:
            self._walk_body_of_nothing(output)
            return
        start = region.current if declaration is None or declaration.address is None else self.dot
        if declaration is None and not output.alloc:
            start = 0
        boundary = self._declared_align(output)
        if declaration is None or declaration.address is None:
            boundary = output.align
        before = start
        start = align(start, boundary)
        delta = start - before
        output.vma = start
        self._body(output, start, declaration)
        if output.ignored:
            self.dot = before_it
            return
        self._load_address(output, region, boundary, delta)
        self.dot = output.vma
        self._last_section, self._dot_moved = output, False
        if output.size and (output.alloc or declaration is not None):
            self.dot = output.vma + (0 if output.is_tbss else output.size) & MASK
        if output.alloc or output.load:
            region.current, region.holder = self.dot, output
            self._advance_load_region(output)

    def _advance_load_region(self, output: OutputSection) -> None:
        load, declaration = self._regions.load_of(output), output.declaration
        if load is None or load is self._regions.of(output):
            return
        if output.load or (declaration is not None and declaration.align_with_input):
            load.current, load.holder = output.lma + output.size, output

    def _walk_body_of_nothing(self, output: OutputSection) -> None:
        """A description that holds no statement at all: it does not even exist."""
        for item in output.items:
            if isinstance(item, nodes.Assert):
                self._assert(item)

    def _declared_align(self, output: OutputSection) -> int:
        if output.declaration is None or output.declaration.align is None:
            return 1
        self.current = ABS
        value = self._evaluate(output.declaration.align)
        boundary = value.address if value else 1
        if boundary & (boundary - 1):
            assert output.span
            raise fail(
                f"the alignment {boundary} of '{output.name}' is not a power of two", output.span
            )
        output.align = max(output.align, boundary, 1)
        return max(boundary, 1)

    def _load_address(
        self, output: OutputSection, region: Region, boundary: int, delta: int
    ) -> None:
        declaration = output.declaration
        self.current = ABS
        output.lma = output.vma
        if declaration is not None and declaration.at is not None:
            value = self._evaluate(declaration.at)
            if value is not None:
                output.lma = value.address
        elif (load := self._regions.load_of(output)) is not None:
            output.lma = load.current
            if declaration is not None and declaration.align_with_input:
                output.lma += delta
            else:
                if load is not region:
                    boundary = self._declared_align(output)
                output.lma = align(output.lma, boundary)
        elif region.last is not None and output.alloc:
            last = region.last
            if output.size and output.vma + output.size <= last.vma:
                if last.vma != last.lma and self._final:
                    self.warnings.append(
                        warning(f"dot moved backwards before '{output.name}'", output.span)
                    )
            else:
                output.lma = align(output.vma + last.lma - last.vma & MASK, boundary)
        # ldlang.c: sections that keep the default relation of vma and lma set it for the next.
        tracked = (
            output.alloc
            and not output.never_load
            and not output.is_tbss
            and (
                output.size
                or (region.last is None and output.vma != output.lma)
                or (region.last is not None and output.vma >= region.last.vma)
            )
        )
        if tracked and self._regions.load_of(output) is None:
            region.last = output

    def _body(
        self, output: OutputSection, start: int, declaration: nodes.OutputSection | None
    ) -> None:
        self.dot = start
        contents = self.contents[output.index] = Contents()
        fill = self._fill(declaration.fill) if declaration and declaration.fill else b""
        subalign = 0
        if declaration and declaration.subalign:
            value = self._evaluate(declaration.subalign)
            subalign = value.address if value else 0
        for item in output.items:
            self.current = output
            if isinstance(item, InputRun):
                if item.rows:
                    self._place_run(output, contents, item, subalign, fill)
            elif isinstance(item, nodes.Assignment):
                self._assign_inside(output, contents, item, fill)
            elif isinstance(item, nodes.Data | nodes.Text):
                self._place_data(output, contents, item)
            elif isinstance(item, nodes.Fill):
                fill = self._fill(item.expression)
            elif isinstance(item, nodes.Assert):
                self._assert(item)
            if self.dot - start & MASK > _MAX_OUTPUT:
                raise fail(
                    f"section '{output.name}' would be larger than {_MAX_OUTPUT >> 30} GiB",
                    output.span or self._script.statements[0].span,
                )
        # Set once it is known: SIZEOF inside the section means the whole of it.
        output.size = self.dot - start & MASK

    def _place_run(
        self,
        output: OutputSection,
        contents: Contents,
        run: InputRun,
        subalign: int,
        fill: bytes,
    ) -> None:
        if subalign:
            output.align = max(output.align, subalign)
        cached = self._runs.get(id(run))
        if cached is None or (subalign and subalign != cached.boundary):
            rows = np.array(run.rows, "i8")
            aligns = np.full(len(rows), subalign) if subalign else self._aligns[rows]
            cached = self._runs[id(run)] = Run.of(rows, self._sizes[rows], aligns)
        cached.place(self.dot)
        cached.start = self.dot - output.vma
        contents.runs.append((run, cached.start, fill))
        self.dot = self.dot + cached.size & MASK

    def _place_data(
        self, output: OutputSection, contents: Contents, item: nodes.Data | nodes.Text
    ) -> None:
        data, size = b"", 0
        if isinstance(item, nodes.Text):
            data, size = item.data, len(item.data)
        else:
            size = item.size
            if self._final:
                self.current = ABS  # data is computed with addresses, unlike symbols beside it
                value = self._evaluate(item.expression)
                if value is not None:
                    data = (value.address & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        contents.pieces.append(Piece(self.dot - output.vma, size, item, data))
        self.dot = self.dot + size & MASK

    def _fill(self, node: nodes.Expression) -> bytes:
        """A fill pattern (ldexp.c, exp_get_fill): hex digits as written, else four bytes."""
        if isinstance(node, nodes.Number) and node.fill is not None:
            return node.fill
        value = self._evaluate(node)
        return (value.address & 0xFFFFFFFF).to_bytes(4, "big") if value else b""

    def _assign_inside(
        self, output: OutputSection, contents: Contents, item: nodes.Assignment, fill: bytes
    ) -> None:
        value = self._assigned_value(item)
        if value is None:
            return
        if item.name != ".":
            self._define(item, value)
            return
        if self._marking and not (value.value == 0 and _keeps_nothing(item)):
            output.keep = True
        if output.ignored:
            return
        section = value.section if value.section is not None else output
        target = value.value + section.vma & MASK
        if target < self.dot:
            raise fail(
                f"the location counter moves backwards in '{output.name}': "
                f"from {self.dot:#x} to {target:#x}",
                item.span,
                hint="inside a section, '. = n' counts from the section's start",
            )
        if target != self.dot:
            contents.gaps.append(Gap(self.dot - output.vma, target - self.dot, fill))
            kind = output.declaration.kind if output.declaration else None
            if kind != "INFO":
                output.alloc = True
            self.dot = target

    def _remove_empty(self) -> None:
        """ldlang.c, strip_excluded_output_sections: after the first walk."""
        for output in self._placement.outputs:
            empty = output.size == 0 and not output.keep and not self._options.relocatable
            if not output.exists or empty:
                output.removed = True
                output.ignored = not output.defines_symbols

    def _linked_names(self) -> frozenset[str]:
        """The names of the input sections that are linked."""
        names = self._inputs.names
        return frozenset(names[row] for row in np.flatnonzero(self._placement.output_of >= 0))

    def memory(self) -> tuple[MemoryUse, ...]:
        """What of every memory region is used."""
        return self._regions.uses()

    # -- results -----------------------------------------------------------------------------

    def _record_offsets(self) -> None:
        """Fill `offset_of` and turn what lies between input sections into gaps."""
        for output in self._placement.outputs:
            contents = self.contents.get(output.index)
            if contents is None:
                continue
            for run, start, fill in contents.runs:
                cached = self._runs[id(run)]
                offsets = cached.offsets + start
                self.offset_of[cached.rows] = offsets.astype("u8")
                ends = offsets + cached.sizes
                begins = np.concatenate([[start], ends[:-1]])
                gaps = np.flatnonzero(offsets > begins)
                if len(gaps):
                    begins = begins[gaps]
                    contents.padding.append(Padding(begins, offsets[gaps] - begins, fill))


def _keeps_nothing(item: nodes.Assignment) -> bool:
    """Whether `. = …` is one of the forms that do not keep an empty section (ldexp.c)."""
    node = item.expression
    if item.op != "=":
        return item.op == "+"
    if isinstance(node, nodes.Number):
        return node.value == 0
    if isinstance(node, nodes.Name):
        return node.name != "."
    if isinstance(node, nodes.Binary) and node.op == "+":
        return isinstance(node.left, nodes.Name) and node.left.name == "."
    return (
        isinstance(node, nodes.Call)
        and node.function == "ALIGN"
        and isinstance(node.args[0], nodes.Ternary)
    )

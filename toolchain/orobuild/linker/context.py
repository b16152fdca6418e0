"""What linker script expressions can ask of a link: symbols, sections, regions, sizes.

`ScriptContext` implements `evaluation.Context` over the state of a layout in progress. It answers;
`layout` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.diagnostics import did_you_mean
from orobuild.linker.contents import Run, ScriptSymbol
from orobuild.linker.data_segment import DataSegment
from orobuild.linker.evaluation import ABS, MASK, NotReadyError, Place, Value, fail
from orobuild.linker.inputs import ABSOLUTE, UNDEFINED
from orobuild.linker.output import InputRun, OutputSection
from orobuild.linker.regions import MemoryRegions
from orobuild.linker.symbols import Kind

if TYPE_CHECKING:
    from orobuild.diagnostics import Span
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.options import LinkOptions
    from orobuild.linker.placement import Placement
    from orobuild.linker.script import nodes
    from orobuild.linker.script.nodes import Script
    from orobuild.linker.symbols import Symbols


class ScriptContext:
    """Values by name. `dot` is the location counter, `current` the section it is in.

    `hides` are the symbols of objects that PROVIDE_HIDDEN names: they become local.
    """

    def __init__(
        self,
        inputs: Inputs,
        symbols: Symbols,
        placement: Placement,
        script: Script,
        options: LinkOptions,
    ) -> None:
        self._inputs = inputs
        self._symbols = symbols
        self._placement = placement
        self._script = script
        self._options = options
        self.dot = 0
        self.current: Place = ABS
        self.values: dict[str, ScriptSymbol] = {}
        self.headers_size = 0
        self.uses_headers_size = False
        self._assigned: set[str] = set()
        self._wanted: set[str] = set()
        self._read: list[str] = []  # the symbols that the expression at hand has read
        self.hides: set[str] = set()
        self._runs: dict[int, Run] = {}
        self._regions = MemoryRegions(script)
        self.data_segment = DataSegment(options.relro)
        for name, value in options.defsym.items():
            self.values[name] = ScriptSymbol(name, Value(ABS, value & MASK), False, None)

    def symbol(self, name: str, span: Span) -> Value:
        """The value of `name` as the script or an object defines it."""
        self._wanted.add(name)
        self._read.append(name)
        known = self.values.get(name)
        if known is not None:
            return self._as_seen(known.value)
        number = self._symbols.numbers.get(name)
        if number is None or self._symbols.kind[number] < Kind.WEAK:
            raise NotReadyError(f"undefined symbol '{name}' in an expression", span, name)
        return self._as_seen(self.object_symbol(self._symbols.row[number], span))

    def _as_seen(self, value: Value) -> Value:
        if value.section is ABS and self.current is not ABS:
            return Value(None, value.value)
        return Value(value.section, value.value)

    def object_symbol(self, row: int, span: Span) -> Value:
        """The value of a symbol table row in the current walk."""
        symbol = self._inputs.symbols[row]
        section, value = int(symbol["section"]), int(symbol["value"])
        if section in (ABSOLUTE, UNDEFINED):
            return Value(ABS, value)
        output = self._placement.output_section(section)
        if output is None:
            name = self._inputs.symbol_name(row)
            raise NotReadyError(
                f"'{name}' is in {self._inputs.section_label(section)}, which is discarded", span
            )
        return Value(output, self._offset_in(output, section) + value & MASK)

    def _offset_in(self, output: OutputSection, row: int) -> int:
        """The offset of an input section row, of this walk or, if not placed yet, the last."""
        rule = int(self._placement.rule_of[row])
        runs = [item for item in output.items if isinstance(item, InputRun)]
        if rule >= 0:
            runs = [self._placement.rules[rule].run]
        for run in runs:
            cached = self._runs.get(id(run))
            if cached is None:
                continue
            if cached.positions is None:
                cached.positions = {r: i for i, r in enumerate(run.rows)}
            position = cached.positions.get(row)
            if position is not None:
                return cached.start + int(cached.offsets[position])
        return 0

    def is_defined(self, name: str) -> bool:
        """DEFINED(): by an object, or by the script before this statement."""
        return name in self._assigned or self._symbols.is_defined(name)

    def section(self, name: str, span: Span) -> Place:
        """The output section called `name`."""
        output = self._placement.by_name(name)
        if output is None:
            raise fail(
                f"undefined section '{name}' in an expression",
                span,
                hint=did_you_mean(name, [o.name for o in self._placement.outputs]),
            )
        return output

    def query(self, function: str, name: str, span: Span) -> Value:
        """SIZEOF and the like; ldexp.c, fold_name."""
        if function == "SIZEOF_HEADERS":
            self.uses_headers_size = True
            return Value(None, self.headers_size)
        if function == "CONSTANT":
            options = self._options
            common = min(options.common_page_size, options.page_size)
            return Value(None, options.page_size if name == "MAXPAGESIZE" else common)
        if function in ("ORIGIN", "LENGTH"):
            region = self._regions.named(name)
            if region is None:
                raise fail(
                    f"undefined memory region '{name}' in an expression",
                    span,
                    hint=did_you_mean(name, self._regions.names()),
                )
            if function == "LENGTH":
                return Value(None, region.length)
            return self._address(region.origin)
        output = self._placement.by_name(name)
        if output is None:
            output = self.section(name, span)  # type: ignore[assignment]
        assert isinstance(output, OutputSection)
        if function == "SIZEOF":
            return Value(None, output.size)
        if function == "ALIGNOF":
            return Value(None, output.align)
        return Value(ABS, output.lma)

    def segment_function(self, call: nodes.Call, arguments: list[Value]) -> Value:
        """SEGMENT_START and DATA_SEGMENT_*."""
        segment = self.data_segment
        if call.function == "DATA_SEGMENT_ALIGN":
            first, second = (argument.address for argument in arguments)
            address = segment.start(self.dot, first, second)
            return Value(self.current, address - self.current.vma & MASK)
        if call.function == "DATA_SEGMENT_RELRO_END":
            address = segment.read_only_until(arguments[0].address, arguments[1].address)
            return Value(self.current, address - self.current.vma & MASK)
        if call.function == "DATA_SEGMENT_END":
            segment.end = arguments[0].address
            return arguments[0]
        # SEGMENT_START: an address, also in a section.
        start = self._options.segment_starts.get(call.name_arg or "")
        return self._address(arguments[0].address if start is None else start)

    def _address(self, address: int) -> Value:
        """An address that outside sections belongs to where the dot is (rel_from_abs of ldexp.c)."""
        section = self.current
        return Value(section, address - section.vma & MASK, section is ABS)

    # -- statements ------------------------------------------------------------------------

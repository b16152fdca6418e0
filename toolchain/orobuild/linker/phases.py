"""The link itself: the phases in the order data passes them, each handing values to the next.

inputs → symbols → [garbage collection] → GOT → placement → orphans → merging → layout →
segments → resolution → permission checks → image and map.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, Note, Severity, did_you_mean, error, warning
from orobuild.elf import constants as c
from orobuild.elf import reader
from orobuild.errors import InputError
from orobuild.linker import build_id, ifunc, orphans, permissions, placement, segments
from orobuild.linker import got as got_phase
from orobuild.linker.archives import expand
from orobuild.linker.checks import discarded_targets, overlaps, undefined_symbols
from orobuild.linker.code_symbols import CodeSymbols
from orobuild.linker.collection import collect_garbage
from orobuild.linker.contents import ScriptSymbol
from orobuild.linker.crossrefs import check_cross_references
from orobuild.linker.evaluation import ABS, Value
from orobuild.linker.flags import reset_flags, settle_flags
from orobuild.linker.frame_header import FrameHeader
from orobuild.linker.frames import FrameLink, edit_frames
from orobuild.linker.got import TABLE_SYMBOL
from orobuild.linker.image import Patches, flat_binary, write_elf
from orobuild.linker.input_relocations import live_relocations
from orobuild.linker.inputs import join_objects
from orobuild.linker.kept_sections import describe_kept_sections
from orobuild.linker.layout import Layout
from orobuild.linker.link_warnings import drop_warnings, spoken_warnings
from orobuild.linker.linkmap import LinkedImage, build_map
from orobuild.linker.merge import merge_sections
from orobuild.linker.position_independent import PositionIndependence
from orobuild.linker.properties import merge_properties
from orobuild.linker.relocatable import join_relocatable
from orobuild.linker.relocate import check_types
from orobuild.linker.resolution import Resolution, resolve_values
from orobuild.linker.script import nodes
from orobuild.linker.stack import stack_of
from orobuild.linker.symbols import Kind, resolve
from orobuild.linker.tables import select
from orobuild.linker.tls import relax_thread_accesses
from orobuild.linker.wrapping import wrap_references
from orobuild.records import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orobuild.linker.got import GlobalOffsetTable
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.options import LinkInput, LinkOptions
    from orobuild.linker.output import OutputSection
    from orobuild.linker.placement import Placement
    from orobuild.linker.script.nodes import Script
    from orobuild.linker.segments import FileLayout, Segment
    from orobuild.linker.session import ObjectCache
    from orobuild.linker.stack import Stack
    from orobuild.linker.symbols import Symbols

_MACHINES: Final = {"elf_x86_64": c.EM_X86_64, "elf_i386": c.EM_386}
_MAX_REFERRERS: Final = 4
_MAX_REPORTS: Final = 20
_MAX_LAYOUTS: Final = 20
# Without ENTRY and -e ld looks for this one (ldmain.c, entry_symbol_default).
_DEFAULT_ENTRY: Final = "start"


def link_objects(
    files: Sequence[LinkInput], script: Script, options: LinkOptions, cache: ObjectCache
) -> LinkedImage:
    """Link `files` by `script`. Raises `InputError` with every diagnostic that was found."""
    warnings: list[Diagnostic] = []
    binary = (options.output_format or script.output_format) == "binary"
    entry_name = options.entry or (script.entry.name if script.entry else None)
    required = [*script.extern, *options.undefined, *([entry_name] if entry_name else [])]
    objects = expand(files, required, cache, options.wrap)
    inputs = join_objects(objects, cache.names, _machine(script, options))
    cache.forget_unused()
    wrap_references(inputs, options.wrap)
    own = len(inputs.names)  # sections from here on are the linker's
    overridden = frozenset(_assigned_names(script)) | frozenset(options.defsym)
    symbols = resolve(
        inputs,
        required=required,
        overridden=overridden,
        allocate=not options.relocatable or options.define_common,
        first_counts=options.multiple_definitions,
        sort_common=options.sort_common,
    )
    merge_properties(inputs, symbols, options.properties)
    speaking = [] if options.relocatable else drop_warnings(inputs, symbols)
    candidates = placement.candidates(inputs, symbols.dropped, excluded=options.relocatable)
    candidates = _strip(inputs, candidates, options)
    usable = np.zeros(len(inputs.names), bool)
    usable[candidates] = True
    relocations = describe_kept_sections(inputs, symbols, live_relocations(inputs, usable))
    if options.relocatable:
        data, resolution = join_relocatable(
            inputs, symbols, script, options, candidates, relocations
        )
        return _finish(data, "elf", resolution, (), warnings, options)
    placed = placement.place(inputs, script, candidates, cache.decisions)
    if options.gc_sections:
        names = [*required, *_names_used(script), _DEFAULT_ENTRY]
        dead = collect_garbage(inputs, symbols, placed, relocations, names)
        relocations = relocations[~np.isin(relocations["section"], dead)]
    warnings += spoken_warnings(inputs, symbols, speaking, relocations)
    relocations, thread_changes = relax_thread_accesses(inputs, relocations)
    relocations, relaxations = got_phase.relax(
        inputs,
        symbols,
        relocations,
        _all_assigned(script) | frozenset(options.defsym),
        ifunc.indirect_rows(inputs, symbols),
        pie=options.pie,
        wanted=options.relax,
    )
    indirect = ifunc.build(inputs, symbols, relocations)
    got = got_phase.build(inputs, relocations, symbols, also=bool(indirect.rows))
    if len(indirect.relocations):
        relocations = np.concatenate([relocations, indirect.relocations])
    note = (
        build_id.add_note(inputs, symbols, options.build_id)
        if options.build_id and not binary
        else -1
    )
    pie = PositionIndependence(inputs, symbols, options) if options.pie and not binary else None
    frame_header = FrameHeader(inputs, symbols) if options.eh_frame_hdr and not binary else None
    made = [got.row, got.base_row, note, *indirect.rows, *(pie.rows if pie else ())]
    made += [frame_header.row] if frame_header else []
    code_symbols = CodeSymbols(inputs, symbols) if options.code_symbols else None
    made += [code_symbols.row] if code_symbols else []
    for row in sorted(made):
        if row >= 0:
            placement.place_one(inputs, placed, row)
    settle_flags(inputs, placed, text_read_only=not options.writable_text)
    warnings += orphans.place_orphans(
        inputs,
        placed,
        options.orphan_handling,
        binary=binary,
        referrers=_early_referrers(inputs, symbols, relocations),
        script_path=script.path,
    )
    reset_flags(placed)
    settle_flags(inputs, placed, text_read_only=not options.writable_text)
    live = placed.output_of >= 0
    relocations = select(relocations, live[relocations["section"]])
    links: list[FrameLink] = []
    if not binary:
        # With --oformat binary ld joins sections as they are: what it edits, it edits for ELF.
        relocations, links = edit_frames(inputs, symbols, placed, relocations)
        relocations = merge_sections(inputs, symbols, placed, relocations, cache.merging)
    if frame_header is not None and not frame_header.measure(placed):
        placed.leave_out({frame_header.row})
    if code_symbols is not None:
        code_symbols.measure(placed)
    layout = Layout(inputs, symbols, placed, script, options)
    files_layout: FileLayout | None = None
    stack = None if binary else stack_of(inputs, options)
    for _ in range(_MAX_LAYOUTS):
        if binary:
            layout.run(0)
        else:
            layout, declared = _lay_out(layout, placed, script, inputs, options, stack)
            files_layout = segments.assign_offsets(
                declared,
                _in_order(placed),
                inputs.ei_class,
                options.page_size if options.paged else 1,
            )
            _define_header_symbol(layout, symbols, files_layout)
        _define_table_symbol(layout, placed, got)
        _define_bounds(layout, placed, symbols, options)
        if pie is not None:
            pie.define(layout, placed)
        resolution = resolve_values(inputs, symbols, placed, layout)
        _set_got_addresses(resolution, got)
        if pie is None or pie.measure(resolution, relocations, got, indirect.quiet):
            break
        # The tables of a position-independent image grow with the addresses that it holds.
        layout = layout.again()
    warnings += layout.warnings
    warnings += stack.warnings if stack is not None and not script.has_phdrs else ()
    check_types(resolution, relocations)
    problems = discarded_targets(resolution, relocations)
    missing = undefined_symbols(resolution, relocations, options.ignored_symbols)
    if options.undefined_symbols == "error":
        problems = missing + problems
    elif options.undefined_symbols == "warn":
        warnings += [replace(found, severity=Severity.WARNING) for found in missing]
    _allow_undefined(resolution, options)
    if pie is not None:
        problems += pie.problems(resolution, relocations)
        warnings += pie.warnings
    problems += overlaps(placed) if options.check_sections else []
    problems += check_cross_references(resolution, relocations, script)
    late = tuple(content for content in (pie, frame_header, code_symbols) if content is not None)
    patches = Patches(relocations, thread_changes + relaxations, got, links, late)
    entry, complaint = _entry(resolution, script, options, entry_name, binary=binary)
    if complaint is not None:
        (problems if complaint.severity is Severity.ERROR else warnings).append(complaint)
    if problems:
        raise InputError(problems[:_MAX_REPORTS])
    if files_layout is None:
        if options.strict:
            _raise(permissions.check_permissions_flat(resolution, relocations))
        data = flat_binary(resolution, patches)
        return _finish(data, None, resolution, (), warnings, options)
    warnings += [*files_layout.warnings, *_writable_code(files_layout, options)]
    if options.strict:
        _raise(permissions.check_permissions(resolution, relocations, files_layout.segments))
    emitted = relocations[relocations["section"] < own] if options.emit_relocations else None
    data = write_elf(resolution, patches, files_layout, entry, options, emitted)
    if note >= 0 and resolution.live[note]:
        data = build_id.stamp(data, placed, layout, note, options.build_id)
    return _finish(data, "elf", resolution, files_layout.segments, warnings, options)


def _writable_code(files: FileLayout, options: LinkOptions) -> list[Diagnostic]:
    if not options.warn_rwx_segments:
        return []
    wanted = c.PF_R | c.PF_W | c.PF_X
    return [
        warning(
            f"segment '{segment.name}' is readable, writable and executable (RWX)",
            segment.node.span if segment.node else None,
            hint="begin a new page before the first writable section, or give it its own segment",
            rule="rwx-segment",
        )
        for segment in files.segments
        if segment.p_type == c.PT_LOAD and segment.p_flags & wanted == wanted
    ]


def _raise(problems: list[Diagnostic]) -> None:
    if problems:
        raise InputError(problems)


def _finish(
    data: bytes,
    kind: str | None,
    resolution: Resolution,
    used: tuple[Segment, ...],
    warnings: list[Diagnostic],
    options: LinkOptions,
) -> LinkedImage:
    if options.fatal_warnings and warnings:
        raise InputError(
            [
                Diagnostic(Severity.ERROR, w.message, w.span, w.hint, w.rule, w.notes)
                for w in warnings
            ]
        )
    elf = reader.read(data, "output") if kind == "elf" else None
    return LinkedImage(data, elf, tuple(warnings), lambda: build_map(resolution, used), resolution)


def _machine(script: Script, options: LinkOptions) -> int | None:
    if options.emulation is not None:
        return _MACHINES[options.emulation]
    if script.output_format in ("elf32-i386", "elf_i386"):
        return c.EM_386
    if script.output_format in ("elf64-x86-64", "elf64-x86_64", "elf_x86_64"):
        return c.EM_X86_64
    return None


def _all_assigned(script: Script) -> frozenset[str]:
    """Every name that the script can define, PROVIDE included."""
    found = set()
    for statement in script.statements:
        body = statement.body if isinstance(statement, nodes.OutputSection) else (statement,)
        found |= {item.name for item in body if isinstance(item, nodes.Assignment)}
    return frozenset(found)


def _assigned_names(script: Script) -> list[str]:
    names = []
    for statement in script.statements:
        body = statement.body if isinstance(statement, nodes.OutputSection) else (statement,)
        names += [
            item.name
            for item in body
            if isinstance(item, nodes.Assignment) and item.kind in ("assign", "hidden")
        ]
    return names


def _names_used(script: Script) -> list[str]:
    """The symbols that the script's expressions read."""
    found: list[str] = []
    pending: list[object] = list(script.statements)
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.Name):
            found.append(node.name)
        elif isinstance(node, nodes.OutputSection):
            pending += [*node.body, node.address, node.at, node.align]
        elif isinstance(node, nodes.Assignment | nodes.Assert | nodes.Data | nodes.Fill):
            pending.append(node.expression)
        elif isinstance(node, nodes.Unary):
            pending.append(node.operand)
        elif isinstance(node, nodes.Binary):
            pending += [node.left, node.right]
        elif isinstance(node, nodes.Ternary):
            pending += [node.condition, node.then, node.otherwise]
        elif isinstance(node, nodes.Call):
            pending += node.args
    return found


def _strip(inputs: Inputs, rows: NDArray[np.int64], options: LinkOptions) -> NDArray[np.int64]:
    if options.strip == "none":
        return rows
    # Few names, many sections: each name with each sh_flags is judged once.
    kinds = inputs.sections[["name", "flags"]][rows]
    distinct, inverse = np.unique(kinds, return_inverse=True)
    keep = []
    for number, flags in distinct.tolist():
        name = inputs.strings.text[number]
        keep.append(
            name == ".comment"
            or not orphans.is_carried(name, flags)
            or (options.strip == "debug" and name == ".oro.code")
        )
    kept: NDArray[np.int64] = rows[np.array(keep, bool)[inverse]]
    return kept


def _early_referrers(inputs: Inputs, symbols: Symbols, relocations: NDArray[Any]) -> Any:
    """A function from a section row to notes on who refers to it, before any layout."""
    table = inputs.symbols

    def notes(row: int) -> list[Note]:
        meaning = symbols.meaning()
        target = np.where(meaning >= 0, table["section"][np.maximum(meaning, 0)], -1)
        alloc = (inputs.sections["flags"][relocations["section"]] & np.uint64(c.SHF_ALLOC)) != 0
        hits = np.flatnonzero(
            (target[relocations["symbol"]] == row) & (relocations["section"] != row) & alloc
        )
        found = []
        for index in hits[:_MAX_REFERRERS].tolist():
            entry = relocations[index]
            section = int(entry["section"])
            owner = inputs.objects[inputs.sections["object"][section]].label
            place = f"{owner}:({inputs.names[section]}+{int(entry['offset']):#x})"
            found.append(Note(f"{place} refers to {_what(inputs, int(entry['symbol']))}"))
        return found

    return notes


def _what(inputs: Inputs, row: int) -> str:
    is_section = int(inputs.symbols["info"][row]) & 0xF == c.STT_SECTION
    return "it" if is_section else f"'{inputs.symbol_name(row)}' in it"


def _in_order(placed: Placement) -> list[OutputSection]:
    order = [s for s in placed.statements if not isinstance(s, nodes.Assignment | nodes.Assert)]
    return list(dict.fromkeys(order))


def _lay_out(
    layout: Layout,
    placed: Placement,
    script: Script,
    inputs: Inputs,
    options: LinkOptions,
    stack: Stack | None,
) -> tuple[Layout, list[Segment]]:
    """Run the layout and decide the segments; SIZEOF_HEADERS depends on how many there are."""
    ordered = _in_order(placed)
    if script.has_phdrs:
        layout.run(segments.headers_size(inputs.ei_class, len(script.phdrs)))
        layout.current = ABS
        return layout, segments.declared_segments(script, ordered, layout)
    count = 2 + (stack is not None)
    for attempt in itertools.count():
        size = segments.headers_size(inputs.ei_class, count)
        layout.run(size)
        derived = segments.derived_segments(
            ordered,
            size,
            options,
            wanted=layout.uses_headers_size,
            stack=stack,
            relro=layout.data_segment.relocated(),
        )
        # At first any change is followed, later only growth (ldelf.c, ldelf_map_segments), so
        # that this ends; spare room before the first section does no harm.
        if len(derived) == count or (attempt > 3 and len(derived) < count):
            break
        count = len(derived)
        layout = layout.again()
    return layout, derived


def _define_bounds(
    layout: Layout, placed: Placement, symbols: Symbols, options: LinkOptions
) -> None:
    """__start_NAME and __stop_NAME of output sections whose names are C identifiers."""
    for number in np.flatnonzero(symbols.kind <= Kind.UNDEFINED).tolist():
        name = symbols.names[number]
        if name in layout.values:
            continue
        prefix = next((p for p in ("__start_", "__stop_") if name.startswith(p)), None)
        section = name[len(prefix) :] if prefix else ""
        output = placed.by_name(section) if section.isidentifier() else None
        if output is not None and output.exists and not output.removed:
            offset = output.size if prefix == "__stop_" else 0
            layout.values[name] = ScriptSymbol(name, Value(output, offset), False, None)
            if symbols.visibility[number] == c.STV_DEFAULT:
                symbols.visibility[number] = options.bounds_visibility


def _allow_undefined(resolution: Resolution, options: LinkOptions) -> None:
    """Undefined symbols that are not refused are 0."""
    symbols = resolution.symbols
    ignored = [
        number
        for number in resolution.undefined
        if options.undefined_symbols != "error" or symbols.names[number] in options.ignored_symbols
    ]
    rows = np.isin(symbols.of_row, ignored)
    resolution.symbol_live[rows] = True
    resolution.symbol_weak_undefined[rows] = True


def _define_header_symbol(layout: Layout, symbols: Symbols, files: FileLayout) -> None:
    """__ehdr_start is where the ELF header is in memory, if it is (ld/ldelf.c)."""
    number = symbols.numbers.get("__ehdr_start")
    carrier = next((s for s in files.segments if s.p_type == c.PT_LOAD and s.filehdr), None)
    if number is None or symbols.row[number] >= 0 or carrier is None or carrier.header is None:
        return
    if "__ehdr_start" not in layout.values:
        value = Value(ABS, carrier.header.p_vaddr)
        home = carrier.sections[0] if carrier.sections else None
        layout.values["__ehdr_start"] = ScriptSymbol("__ehdr_start", value, True, None, home)


def _define_table_symbol(layout: Layout, placed: Placement, got: GlobalOffsetTable) -> None:
    """_GLOBAL_OFFSET_TABLE_ is local to the image, as in GNU ld's."""
    output = placed.output_section(got.base_row) if got.base_row >= 0 else None
    if output is not None:
        value = Value(output, int(layout.offset_of[got.base_row]))
        layout.values[TABLE_SYMBOL] = ScriptSymbol(
            TABLE_SYMBOL, value, True, None, st_type=c.STT_OBJECT
        )


def _set_got_addresses(resolution: Resolution, got: GlobalOffsetTable) -> None:
    if got.row >= 0 and resolution.live[got.row]:
        got.address = got.base = int(resolution.section_address[got.row])
    if got.base_row >= 0 and resolution.live[got.base_row]:
        got.base = int(resolution.section_address[got.base_row])
    tls = [o for o in resolution.placement.outputs if o.tls and not o.removed]
    if tls:
        end = max(o.vma + o.size for o in tls)
        align = max(o.align for o in tls)
        got.thread_end = -(-end // align) * align
        got.thread_start = min(o.vma for o in tls)


def _entry(
    resolution: Resolution,
    script: Script,
    options: LinkOptions,
    name: str | None,
    *,
    binary: bool,
) -> tuple[int, Diagnostic | None]:
    """The entry address (ldlang.c, lang_end)."""
    if name is not None:
        found = resolution.global_value(name)
        if found is not None:
            return found[0], None
        try:
            return int(name, 0), None
        except ValueError:
            pass
        span = script.entry.span if script.entry and not options.entry else None
        known = [
            n
            for i, n in enumerate(resolution.symbols.names)
            if resolution.symbols.kind[i] >= Kind.WEAK
        ]
        hint = did_you_mean(name, [*known, *resolution.layout.values])
        if binary:
            return 0, None
        message = f"the entry symbol '{name}' is not defined"
        make = error if options.strict else warning
        return _first_code(resolution), make(message, span, hint=hint, rule="entry")
    found = resolution.global_value(_DEFAULT_ENTRY)
    if found is not None:
        return found[0], None
    if binary:
        return 0, None
    if not options.strict:
        return _first_code(resolution), None
    likely = "_start" if resolution.global_value("_start") is not None else "symbol"
    return _first_code(resolution), warning(
        "no entry symbol: execution would start at the beginning of .text",
        hint=f"write ENTRY({likely}) in the script",
        rule="entry",
    )


def _first_code(resolution: Resolution) -> int:
    text = resolution.placement.by_name(".text")
    return text.vma if text is not None and not text.removed else 0


__all__ = ["link_objects"]

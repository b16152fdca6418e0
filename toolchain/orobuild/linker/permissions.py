"""Permissions as a promise: the segment's flags must admit what the script puts into it.

Code in a segment without PF_X, writable data in one without PF_W, allocated sections in no
segment, references to sections that are not in memory, and branches to bytes that are not
executable are errors here. GNU ld and lld link all of them without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from orobuild.diagnostics import Diagnostic, Note, Span, error
from orobuild.elf import constants as c
from orobuild.elf.descriptions import relocation_type, section_flags, segment_flags
from orobuild.linker.relocate import place_name
from orobuild.linker.tables import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orobuild.linker.output import OutputSection
    from orobuild.linker.resolution import Resolution
    from orobuild.linker.segments import Segment

_MAX_REPORTS: Final = 10
_MAX_NAMES: Final = 4


def referrers(resolution: Resolution, relocations: NDArray[Any], row: int) -> list[Note]:
    """Notes on who refers to section `row` from other sections, the first few."""
    targets = resolution.target_section[relocations["symbol"]]
    allocated = (
        resolution.inputs.sections["flags"][relocations["section"]] & np.uint64(c.SHF_ALLOC)
    ) != 0
    rows = np.flatnonzero((targets == row) & (relocations["section"] != row) & allocated)
    notes = [
        Note(describe_reference(resolution, relocations[i])) for i in rows[:_MAX_NAMES].tolist()
    ]
    if len(rows) > _MAX_NAMES:
        notes.append(Note(f"and {len(rows) - _MAX_NAMES} more references"))
    return notes


def describe_reference(resolution: Resolution, entry: Any) -> str:
    """`reached from a.o:(.text+0x4) in timer: R_X86_64_PLT32 to _oro_isr_common`."""
    kind = relocation_type(resolution.inputs.e_machine, int(entry["type"]))
    name = resolution.target_name(entry)
    return f"reached from {place_name(resolution, entry)}: {kind} to {name}"


def check_permissions(
    resolution: Resolution, relocations: NDArray[Any], segments: tuple[Segment, ...]
) -> list[Diagnostic]:
    """Every breach of the promise. Empty when the image may exist."""
    problems: list[Diagnostic] = []
    loads = [s for s in segments if s.p_type == c.PT_LOAD]
    segment_of: dict[int, Segment] = {}
    for segment in loads:
        for output in segment.sections:
            segment_of[output.index] = segment
    for output in resolution.placement.outputs:
        if output.removed or not output.alloc:
            continue
        home = segment_of.get(output.index)
        if home is None:
            problems.append(_homeless(output, loads))
            continue
        problems += _check_section(resolution, relocations, output, home)
    problems += _unallocated_targets(resolution, relocations)
    problems += _branches(resolution, relocations, segment_of)
    return problems[:_MAX_REPORTS]


def check_permissions_flat(resolution: Resolution, relocations: NDArray[Any]) -> list[Diagnostic]:
    """The part of the promise that holds without segments: for a flat binary."""
    return _unallocated_targets(resolution, relocations)[:_MAX_REPORTS]


def _homeless(output: OutputSection, loads: list[Segment]) -> Diagnostic:
    names = ", ".join(f":{segment.name}" for segment in loads)
    return error(
        f"allocated section '{output.name}' is in no loadable segment: it would not be in memory",
        output.span,
        hint=f"write one of {names} after its '}}'" if names else None,
        rule="strict-segment",
    )


def _check_section(
    resolution: Resolution,
    relocations: NDArray[Any],
    output: OutputSection,
    segment: Segment,
) -> list[Diagnostic]:
    inputs, placement = resolution.inputs, resolution.placement
    p_flags = segment.p_flags
    rows = np.flatnonzero(placement.output_of == output.index)
    flags = inputs.sections["flags"][rows]
    missing = np.zeros(len(rows), bool)
    if not p_flags & c.PF_X:
        missing |= (flags & np.uint64(c.SHF_EXECINSTR)) != 0
    if not p_flags & c.PF_W:
        missing |= (flags & np.uint64(c.SHF_WRITE)) != 0
    missing &= inputs.sections["size"][rows] != 0
    return [
        _forbidden(resolution, relocations, int(row), output, segment)
        for row in rows[missing][:_MAX_REPORTS]
    ]


def _forbidden(
    resolution: Resolution,
    relocations: NDArray[Any],
    row: int,
    output: OutputSection,
    segment: Segment,
) -> Diagnostic:
    inputs = resolution.inputs
    flags = int(inputs.sections["flags"][row])
    owner = inputs.objects[inputs.sections["object"][row]].label
    executable = bool(flags & c.SHF_EXECINSTR) and not segment.p_flags & c.PF_X
    what, lacks = ("code", "executable") if executable else ("writable data", "writable")
    rule_number = int(resolution.placement.rule_of[row])
    rule = resolution.placement.rules[rule_number].statement if rule_number >= 0 else None
    span = rule.span if rule else Span(owner)
    notes = []
    if rule:
        notes.append(Note(f"the section comes from {owner}", Span(owner)))
    names = resolution.symbols_of(row)
    if names:
        more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
        listed = ", ".join(f"'{name}'" for name in names[:_MAX_NAMES])
        notes.append(Note(f"it defines {listed}{more}"))
    notes += referrers(resolution, relocations, row)
    if segment.node is not None:
        notes.append(Note(f"segment '{segment.name}' is declared here", segment.node.span))
    return error(
        f"{what} section '{inputs.names[row]}' (flags \"{section_flags(flags)}\") of {owner} is "
        f"placed in '{output.name}', segment '{segment.name}' with flags "
        f"{segment_flags(segment.p_flags)}: not {lacks}",
        span,
        hint=_better_place(resolution, inputs.names[row], executable=executable),
        rule="strict-segment",
        notes=notes,
    )


def _better_place(resolution: Resolution, name: str, *, executable: bool) -> str | None:
    for output in resolution.placement.outputs:
        fits = output.code if executable else output.alloc and not output.readonly
        if fits and not output.removed and output.name in (".text", ".data"):
            return f"place it where it belongs: `*({name})` inside '{output.name}'"
    return None


def _unallocated_targets(resolution: Resolution, relocations: NDArray[Any]) -> list[Diagnostic]:
    """References from memory to sections that are not in memory (GNU ld links `jmp 0`)."""
    inputs = resolution.inputs
    flags = inputs.sections["flags"]
    alloc = np.uint64(c.SHF_ALLOC)
    targets = resolution.target_section[relocations["symbol"]]
    wrong = (
        (targets >= 0)
        & ((flags[np.maximum(targets, 0)] & alloc) == 0)
        & ((flags[relocations["section"]] & alloc) != 0)
        & resolution.live[np.maximum(targets, 0)]
    )
    reports = []
    for row in dict.fromkeys(targets[wrong].tolist()):
        notes = referrers(resolution, relocations, row)
        names = ", ".join(f"'{n}'" for n in resolution.symbols_of(row)[:_MAX_NAMES])
        if names:
            notes.append(Note(f"it defines {names}"))
        owner = inputs.objects[inputs.sections["object"][row]].label
        reports.append(
            error(
                f"code or data in memory refers to section '{inputs.names[row]}', which is not "
                "allocated: it has no address at run time",
                Span(owner),
                hint=f'declare it with flags: `.section {inputs.names[row]}, "ax", @progbits`',
                rule="strict-segment",
                notes=notes,
            )
        )
    return reports


def _branches(
    resolution: Resolution, relocations: NDArray[Any], segment_of: dict[int, Segment]
) -> list[Diagnostic]:
    """Calls and jumps whose target lies in a segment without PF_X."""
    inputs = resolution.inputs
    targets = resolution.target_section[relocations["symbol"]]
    outputs = resolution.placement.output_of[np.maximum(targets, 0)]
    forbidden = [i for i, segment in segment_of.items() if not segment.p_flags & c.PF_X]
    code = inputs.sections["flags"][relocations["section"]] & np.uint64(c.SHF_EXECINSTR)
    flags = inputs.sections["flags"][np.maximum(targets, 0)] & np.uint64(c.SHF_EXECINSTR)
    suspects = np.flatnonzero(
        (targets >= 0) & np.isin(outputs, forbidden) & (code != 0) & (flags == 0)
    )
    suspects = suspects[_are_branches(resolution, relocations[suspects])]
    reports: list[Diagnostic] = []
    seen: set[int] = set()
    for index in suspects.tolist():
        entry = relocations[index]
        target = int(targets[index])
        if target in seen:
            continue
        seen.add(target)
        segment = segment_of[int(outputs[index])]
        owner = inputs.objects[inputs.sections["object"][target]].label
        name = resolution.target_name(entry)
        reports.append(
            error(
                f"a branch goes to '{name}' in section '{inputs.names[target]}' "
                f'(flags "{section_flags(int(inputs.sections["flags"][target]))}") of {owner}, '
                f"which is in segment '{segment.name}' with flags {segment_flags(segment.p_flags)}: not executable",
                Span(owner),
                hint="put the code into .text: write `.text` or `.section .text` before it",
                rule="strict-branch",
                notes=referrers(resolution, relocations, target),
            )
        )
    return reports


def _are_branches(resolution: Resolution, entries: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each relocated field is the displacement of a call, jmp or jcc.

    Compilers and assemblers use PLT32 for branches only. For PC-relative fields the opcode
    before the field decides: a ModRM byte of a RIP-relative operand is never 0xe8, 0xe9 or 0x8x.
    """
    inputs = resolution.inputs
    kinds = entries["type"]
    certain: NDArray[np.bool_]
    if inputs.e_machine == c.EM_386:
        certain = kinds == c.R_386_PLT32
        possible = (kinds == c.R_386_PC32) | (kinds == c.R_386_PC16)
    else:
        certain = kinds == c.R_X86_64_PLT32
        possible = (kinds == c.R_X86_64_PC32) | (kinds == c.R_X86_64_PC16)
    section, offset = entries["section"], entries["offset"].astype("i8")
    possible &= (offset >= 2) & (inputs.sections["type"][section] != c.SHT_NOBITS)
    if not possible.any():
        return certain
    data, starts = inputs.joined(distinct(section[possible]))
    at = np.where(possible, starts[section] + offset, 2)
    last, before = data[at - 1], data[at - 2]
    opcode = (last == 0xE8) | (last == 0xE9) | ((before == 0x0F) & (last & 0xF0 == 0x80))
    branches: NDArray[np.bool_] = certain | (possible & opcode)
    return branches

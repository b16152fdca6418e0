"""Flags of output sections: derived from what the script and the inputs put into them.

The rules are those of lang_add_section and map_input_to_output_sections in ld/ldlang.c, binutils
2.40, down to the order in which output sections come into being.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from orobuild.elf import constants as c
from orobuild.linker.output import InputRun, OutputSection
from orobuild.linker.script import nodes

if TYPE_CHECKING:
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.placement import Placement

# SHF_MASKOS and SHF_MASKPROC but for SHF_EXCLUDE: the first input section's are the output's.
_OTHER: Final = 0x7FF00000


def settle_flags(inputs: Inputs, placement: Placement, *, text_read_only: bool = True) -> None:
    """Derive each output section's flags, type and entry size from what it holds.

    `text_read_only`: `.text` is not writable, whatever it holds (not so with -N and -r).
    """
    placement.created.clear()
    by_name: dict[str, OutputSection] = {}
    for output in placement.outputs:
        by_name.setdefault(output.name, output)

    def create(output: OutputSection) -> None:
        if not output.exists:
            output.exists = True
            placement.created.append(output)

    def mention(node: nodes.Expression) -> None:
        # ldlang.c, exp_init_os: an expression about a section brings it into being.
        for name in _sections_named(node):
            if name in by_name:
                create(by_name[name])

    for statement in placement.statements:
        if isinstance(statement, nodes.Assignment):
            mention(statement.expression)
        if not isinstance(statement, OutputSection):
            continue
        output = statement
        kind = output.declaration.kind if output.declaration else None
        for item in output.items:
            if isinstance(item, InputRun):
                if item.rows:
                    create(output)
                    join_run(inputs, output, item, kind)
            elif isinstance(item, nodes.Data | nodes.Text):
                if isinstance(item, nodes.Data):
                    mention(item.expression)
                if not output.exists:
                    output.readonly = True
                create(output)
                _join_data(output, kind)
            elif isinstance(item, nodes.Fill):
                create(output)
            elif isinstance(item, nodes.Assignment):
                create(output)
                output.defines_symbols |= item.name != "."
                mention(item.expression)
        if output.declaration and output.declaration.readonly:
            output.readonly = True
    _join_linker_sections(inputs, placement)
    text = by_name.get(".text")
    if text is not None and text_read_only:
        text.readonly = True  # ld/ldlang.c, lang_process


# Sections that ld makes for every link, whether they get any content or not; a rule that takes
# one gives its output section the flags and, but for .iplt, the alignment of a word
# (bfd/elfxx-x86.c, _bfd_x86_elf_link_setup_gnu_properties).
_MADE_BY_LD: Final = (
    (".got", c.SHF_WRITE),
    (".got.plt", c.SHF_WRITE),
    (".igot.plt", c.SHF_WRITE),
    (".iplt", c.SHF_EXECINSTR),
    (".rela.got", 0),
    (".rela.iplt", 0),
)


def _join_linker_sections(inputs: Inputs, placement: Placement) -> None:
    word = 8 if inputs.ei_class == c.ELFCLASS64 else 4
    for name, sh_flags in _MADE_BY_LD:
        own = name if word == 8 else name.replace(".rela", ".rel")
        number, _ = placement.choose(own, 0, 0)
        output = placement.rules[number].output if number >= 0 else None
        if output is None or not output.exists:
            continue
        output.readonly &= not sh_flags & c.SHF_WRITE
        if sh_flags & c.SHF_EXECINSTR:
            output.code = True
        else:
            output.align = max(output.align, word)


def reset_flags(placement: Placement) -> None:
    """Forget the flags that were derived: more sections have joined."""
    for output in placement.outputs:
        output.alloc = output.load = output.contents = output.code = False
        output.merge = output.strings = output.tls = False
        output.readonly = output.has_input = output.exists = False
        output.entsize = output.input_type = output.other_flags = 0
        output.align = 1


def _sections_named(node: nodes.Expression) -> list[str]:
    """The output sections that ADDR and LOADADDR in an expression name."""
    if isinstance(node, nodes.Call):
        if node.function in ("ADDR", "LOADADDR") and node.name_arg:
            return [node.name_arg]
        return [name for argument in node.args for name in _sections_named(argument)]
    if isinstance(node, nodes.Unary):
        return _sections_named(node.operand)
    if isinstance(node, nodes.Binary):
        return _sections_named(node.left) + _sections_named(node.right)
    if isinstance(node, nodes.Ternary):
        parts = (node.condition, node.then, node.otherwise)
        return [name for part in parts for name in _sections_named(part)]
    return []


def _join_data(output: OutputSection, kind: str | None) -> None:
    if kind == "NOLOAD":
        output.never_load = output.alloc = True
        return
    output.contents = True
    if kind != "INFO":
        output.alloc = output.load = True


def join_run(inputs: Inputs, output: OutputSection, run: InputRun, kind: str | None) -> None:
    """lang_add_section of ldlang.c, for all input sections of a run."""
    output.keep |= run.rule is not None and run.rule.keep
    rows = np.array(run.rows, "i8")
    columns = [inputs.sections[column][rows] for column in ("flags", "type", "entsize")]
    # Neighbours are mostly of a kind, so the places where the kind changes are few.
    changes = np.ones(len(rows), bool)
    changes[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    kinds = zip(*(column[changes].tolist() for column in columns), strict=True)
    for sh_flags, sh_type, entsize in dict.fromkeys(kinds):
        _join_flags(output, sh_flags, sh_type, entsize, kind)
    # SUBALIGN changes where input sections start, not what the output section asks for.
    output.align = max(output.align, int(inputs.sections["align"][rows].max()))


def join_section(inputs: Inputs, output: OutputSection, row: int) -> None:
    """Add one input section's flags to its output section's."""
    section = inputs.sections[row]
    output.exists = True
    output.align = max(output.align, int(section["align"]))
    _join_flags(output, int(section["flags"]), int(section["type"]), int(section["entsize"]), None)


def _join_flags(
    output: OutputSection, sh_flags: int, sh_type: int, entsize: int, kind: str | None
) -> None:
    alloc = bool(sh_flags & c.SHF_ALLOC) and kind != "INFO"
    contents = sh_type != c.SHT_NOBITS
    load = bool(sh_flags & c.SHF_ALLOC) and contents
    readonly = not sh_flags & c.SHF_WRITE
    if kind == "NOLOAD":
        load = contents = False
        output.never_load = True
    merge = bool(sh_flags & c.SHF_MERGE)
    strings = bool(sh_flags & c.SHF_STRINGS)
    # The first input section decides, later ones can only take the flag away.
    output.readonly = readonly and (output.readonly or not output.has_input)
    if output.has_input:
        if (output.merge, output.strings) != (merge, strings) or (
            merge and output.entsize != entsize
        ):
            output.merge = output.strings = merge = strings = False
    else:
        output.has_input = True
        output.input_type = sh_type
        output.other_flags = sh_flags & _OTHER
        if merge:
            output.entsize = entsize
    output.alloc |= alloc
    output.load |= load
    output.contents |= contents
    output.code |= bool(sh_flags & c.SHF_EXECINSTR)
    output.merge |= merge
    output.strings |= strings
    output.tls |= bool(sh_flags & c.SHF_TLS)

"""Where GNU ld puts sections that no rule places: beside their like.

The rules are those of ldelf_place_orphan (ld/ldelf.c) and of lang_output_section_find_by_flags,
lang_insert_orphan and insert_os_after (ld/ldlang.c) of binutils 2.40.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from orobuild.elf import constants as c
from orobuild.linker.flags import join_section
from orobuild.linker.output import InputRun, OutputSection
from orobuild.linker.script import nodes

if TYPE_CHECKING:
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.placement import Placement


class _Flags(NamedTuple):
    """The SEC_* flags that decide."""

    contents: bool
    alloc: bool
    load: bool
    readonly: bool
    code: bool
    tls: bool


_NO_FLAGS: Final = _Flags(False, False, False, False, False, False)


@dataclass(slots=True)
class _Hold:
    """A place for orphans of one kind: after `after`, then after the last one put there."""

    after: OutputSection | None = None
    last: OutputSection | None = None


class OrphanPlacer:
    """Places orphans one by one, in input order."""

    def __init__(self, inputs: Inputs, placement: Placement) -> None:
        self._inputs = inputs
        self._placement = placement
        self._holds: dict[str, _Hold] = {}
        self._alone: set[int] = set()

    def place(self, row: int, *, alone: bool = False) -> OutputSection:
        """Put section `row` into an output section, made for it if need be.

        `alone` sections share their output section with no other.
        """
        name = self._inputs.names[row]
        flags = self._flags_of(row)
        output = self._same_name(".bss" if name == "COMMON" else name, flags)
        if output is None or alone:
            output = self._insert(row, name, flags)
        run = output.items[-1] if output.items else None
        if isinstance(run, InputRun) and run.rule is None:
            run.rows.append(row)
        else:
            output.items.append(InputRun([row], None))
        if alone:
            self._alone.add(output.index)
        self._placement.output_of[row] = output.index
        join_section(self._inputs, output, row)
        return output

    def _flags_of(self, row: int) -> _Flags:
        section = self._inputs.sections[row]
        sh_flags = int(section["flags"])
        contents = int(section["type"]) != c.SHT_NOBITS
        alloc = bool(sh_flags & c.SHF_ALLOC)
        return _Flags(
            contents,
            alloc,
            alloc and contents,
            not sh_flags & c.SHF_WRITE,
            bool(sh_flags & c.SHF_EXECINSTR),
            bool(sh_flags & c.SHF_TLS),
        )

    def _same_name(self, name: str, flags: _Flags) -> OutputSection | None:
        unused = None
        for output in self._outputs():
            if output.name != name or output.index in self._alone:
                continue
            if not output.exists:
                unused = unused or output
            elif _flags(output) == _NO_FLAGS or (
                (output.alloc, output.load) == (flags.alloc, flags.load)
            ):
                return output
        return unused

    def _outputs(self) -> list[OutputSection]:
        return [s for s in self._placement.statements if isinstance(s, OutputSection)]

    def _insert(self, row: int, name: str, flags: _Flags) -> OutputSection:
        placement = self._placement
        output = OutputSection(name, len(placement.outputs), None)
        sh_type = int(self._inputs.sections["type"][row])
        kind = _kind(name, sh_type, flags)
        if kind == ".comment" and not any(o.name == kind for o in self._outputs()):
            placement.statements.append(output)
        else:
            hold = self._holds.setdefault(kind, _Hold())
            if hold.after is None:
                by_name = [o for o in self._outputs() if o.name == kind]
                hold.after = by_name[0] if by_name else None
            after = hold.after or self._by_flags(flags, sh_type)
            previous = hold.last
            if kind == ".interp" and sh_type == c.SHT_NOTE:
                previous = self._note_before(int(self._inputs.sections["align"][row]))
            if previous is not None:
                position = placement.statements.index(previous) + 1
            else:
                position = self._position_after(after)
            placement.statements.insert(position, output)
            hold.last = output
            if after is not None and flags.alloc:
                output.phdrs = after.phdrs
                output.like = after
        placement.outputs.append(output)
        return output

    def _note_before(self, align: int) -> OutputSection | None:
        """Notes stand in the order of their alignments, largest first, so that one PT_NOTE can
        cover all that are alike."""
        notes = [
            output
            for output in self._outputs()
            if output.exists and output.alloc and output.type_so_far == c.SHT_NOTE
        ]
        return next((note for note in reversed(notes) if note.align >= align), None)

    def _by_flags(self, flags: _Flags, sh_type: int) -> OutputSection | None:
        """The last output section with the same flags, or with flags that may precede these."""
        outputs = self._outputs()
        alike = [o for o in outputs if not o.exists or o.type_so_far == sh_type]
        return _last_fitting(alike, flags) or _last_fitting(outputs, flags)

    def _position_after(self, after: OutputSection | None) -> int:
        """After a section and the symbols behind it, before the next one's `. = …`."""
        statements = self._placement.statements
        start = statements.index(after) + 1 if after is not None else 0
        ignore_first = after is None
        assign: int | None = None
        for position in range(start, len(statements)):
            statement = statements[position]
            if isinstance(statement, OutputSection):
                if assign is not None and (statement.alloc or not statement.has_input):
                    return assign
                return position
            if isinstance(statement, nodes.Assignment) and statement.name == ".":
                if assign is None and not ignore_first:
                    assign = position
                ignore_first = False
        return len(statements)


def _last_fitting(outputs: list[OutputSection], flags: _Flags) -> OutputSection | None:
    exact = [o for o in outputs if _flags(o) == flags]
    if exact:
        return exact[-1]
    if flags.tls and flags.alloc:
        # Beside other thread-local sections, else after the loaded ones.
        block = [o for o in outputs if o.exists and o.tls] or [o for o in outputs if o.load]
        return block[-1] if block else None
    if flags.code and flags.alloc:
        ignored: dict[str, bool] = {"readonly": False}  # writable code
    elif flags.readonly and flags.alloc:
        ignored = {"code": False}  # .rodata can go after .text
    elif flags.contents and flags.alloc:
        ignored = {"code": False, "readonly": False}  # .data goes after .rodata
    elif flags.alloc:
        found = [o for o in outputs if _flags(o).alloc]  # .bss goes after anything
        return found[-1] if found else None
    else:
        return outputs[-1] if outputs else None
    found = [o for o in outputs if _flags(o)._replace(**ignored) == flags._replace(**ignored)]
    return found[-1] if found else None


def _flags(output: OutputSection) -> _Flags:
    if not output.exists:
        return _NO_FLAGS
    return _Flags(
        output.contents, output.alloc, output.load, output.readonly, output.code, output.tls
    )


def _kind(name: str, sh_type: int, flags: _Flags) -> str:
    """The section that an orphan belongs behind."""
    if not flags.alloc:
        return ".comment"
    if flags.load and (sh_type == c.SHT_NOTE or name.startswith(".note")):
        return ".interp"
    if not (flags.load or flags.contents or flags.tls):
        return ".bss"
    if flags.tls:
        return ".tdata"
    if not flags.readonly:
        return ".data"
    return ".text" if flags.code else ".rodata"

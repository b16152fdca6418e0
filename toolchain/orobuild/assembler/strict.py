"""Strict mode: what GNU as guesses and orobuild refuses.

The rules, each named in its diagnostics:

* `strict-section`: code or data before any section directive. GNU as would put it in `.text`,
  whatever the author had in mind.
* `strict-executable`: an instruction in a section without SHF_EXECINSTR. It would be linked, and
  the machine would fault when it gets there.
* `strict-flags`: a custom section without a flags string. GNU as would not even allocate it.
* `strict-attributes`: a well-known section with flags that contradict its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.assembler.encoder.types import FixupKind
from orobuild.assembler.fragment import BranchTail
from orobuild.assembler.section import defaults
from orobuild.assembler.value import display
from orobuild.diagnostics import Note, error, nearest
from orobuild.elf import constants as c
from orobuild.elf.descriptions import section_flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.assembler.operands import Operands
    from orobuild.assembler.section import Section
    from orobuild.assembler.symbol import Place, Symbol
    from orobuild.assembler.unit import Unit

_PERMISSIONS: Final = c.SHF_ALLOC | c.SHF_WRITE | c.SHF_EXECINSTR | c.SHF_TLS
_MAX_NOTES: Final = 8


def _letters(sh_flags: int) -> str:
    """Section flags in the order that people write them: "aw", "ax"."""
    return section_flags(sh_flags).replace("wa", "aw")


class Strict:
    """The strict rules' view of one unit."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.told = False
        self.last_label: dict[Section, str] = {}
        self.misplaced: dict[tuple[Section, str | None], Place] = {}

    def accepts(self, section: Section) -> bool:
        """Whether instructions may go into `section` without a further look."""
        return section.is_code and self.unit.chosen_section

    def label(self, name: str) -> None:
        """A label is defined at the current place."""
        if not name.startswith(".L"):
            self.last_label[self.unit.section] = name

    def instruction(self, start: int) -> None:
        """An instruction is about to be emitted."""
        unit = self.unit
        if not unit.chosen_section:
            self._no_section(start, "instruction")
        elif not unit.section.is_code:
            key = unit.section, self.last_label.get(unit.section)
            self.misplaced.setdefault(key, unit.place)

    def data(self) -> None:
        """Data is about to be emitted."""
        if not self.unit.chosen_section:
            self._no_section(0, "data")

    def _no_section(self, start: int, what: str) -> None:
        """Report once per file that there is no section yet."""
        if self.told:
            return
        self.told = True
        unit = self.unit
        label = self.last_label.get(unit.section)
        where = f" of '{label}'" if label else ""
        unit.report(
            error(
                f"{what}{where} before any section directive: nothing says where it belongs",
                unit.span(start),
                rule="strict-section",
                hint="put '.section .text' (or the section that you mean) above it",
            )
        )

    def request(self, name: str, flags: int | None, operands: Operands) -> int | None:
        """A `.section` line with `flags`, None for no flags string; the flags to go on with.

        What is refused is reported, and reading goes on in that section all the same, so that
        the code in it is judged where its author meant it to be.
        """
        unit = self.unit
        known = defaults(name, unit.bits)
        if flags is None:
            if known is None and not any(s.name == name for s in unit.sections.values()):
                self._no_flags(name, operands)
            return None
        if known is None:
            return flags
        given, usual = flags & _PERMISSIONS, known.sh_flags & _PERMISSIONS
        if not usual:
            # Notes may be allocated, and .note.GNU-stack says "x" on purpose.
            if not given & (c.SHF_WRITE | c.SHF_EXECINSTR) or name == ".note.GNU-stack":
                return flags
        elif given == usual:
            return flags
        self._contradiction(name, given, usual, operands)
        return (flags & ~_PERMISSIONS) | usual

    def _no_flags(self, name: str, operands: Operands) -> None:
        lines = [f'write .section {name},"ax",@progbits for code, "aw" for data, "a" for constants']
        similar = nearest(name, (".text", ".data", ".bss", ".rodata"))
        if similar:
            lines.append(f"or did you mean '{similar}'?")
        self.unit.report(
            error(
                f"section '{name}' has no flags: it would not be allocated, so nothing in it would "
                "be in memory",
                operands.span(operands.text.find(name), len(name)),
                rule="strict-flags",
                hint="\n".join(lines),
            )
        )

    def _contradiction(self, name: str, given: int, usual: int, operands: Operands) -> None:
        at = operands.text.find('"', operands.text.find(name) + len(name) + 1)
        self.unit.report(
            error(
                f"section '{name}' with flags \"{_letters(given)}\" contradicts its name, which "
                f'means "{_letters(usual)}"',
                operands.span(max(0, at), len(_letters(given)) + 2),
                rule="strict-attributes",
                hint=f'write "{_letters(usual)}", or choose a name of your own for the section',
            )
        )

    def finish(self) -> None:
        """Report the instructions in sections that are not executable; streams are settled."""
        if not self.misplaced:
            return
        branches = list(self._branches())
        for (section, label), place in self.misplaced.items():
            span = self.unit.span_at(place)
            of = f" of '{label}'" if label else ""
            flags = _letters(section.sh_flags)
            shown = f'flags "{flags}"' if flags else "no flags"
            self.unit.report(
                error(
                    f"instruction{of} in section '{section.name}' ({shown}), which is not executable",
                    span,
                    rule="strict-executable",
                    hint=f"put '.section .text' above {f'{label!r}' if label else 'it'}, or give the "
                    "section the flag 'x'",
                    notes=self._notes(section, label, branches),
                ),
                place,
            )

    def _notes(
        self, section: Section, label: str | None, branches: list[tuple[Symbol, Place, str]]
    ) -> list[Note]:
        notes = []
        if section.defined_at:
            notes.append(
                Note(f"'{section.name}' was chosen here", self.unit.span_at(section.defined_at))
            )
        for symbol, place, how in branches:
            if symbol.section is section and self._owner(symbol) == label:
                text = f"'{display(symbol.name)}' {how} from here"
                notes.append(Note(text, self.unit.span_at(place)))
            if len(notes) >= _MAX_NOTES:
                break
        return notes

    def _owner(self, symbol: Symbol) -> str | None:
        """The label that a symbol belongs to: itself, or for a local label the last one before."""
        return symbol.name if not symbol.temporary else None

    def _branches(self) -> Iterator[tuple[Symbol, Place, str]]:
        """Every symbolic branch, call and address in the file, with what it does."""
        found: list[tuple[int, Symbol, Place, str]] = []
        for section in self.unit.sections.values():
            for stream in section.streams.values():
                for fragment in stream.fragments:
                    tail = fragment.tail
                    if isinstance(tail, BranchTail) and tail.target.add is not None:
                        found.append((tail.place[0], tail.target.add, tail.place, "is reached"))
            for fix in section.fixes:
                if fix.value.add is not None:
                    how = "is called" if fix.kind is FixupKind.BRANCH else "is referred to"
                    found.append((fix.place[0], fix.value.add, fix.place, how))
        for _, symbol, place, how in sorted(found, key=lambda item: item[0]):
            yield symbol, place, how

"""PT_GNU_STACK: whether the stack may be executed, and how large it is to be.

Decided from the `.note.GNU-stack` sections of all objects (bfd/elflink.c,
bfd_elf_size_dynamic_sections of binutils 2.40): an object that says nothing may need an executable
stack, which is what GNU ld then grants, with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Diagnostic, Span, warning
from orobuild.elf import constants as c

if TYPE_CHECKING:
    from orobuild.linker.inputs import Inputs
    from orobuild.linker.options import LinkOptions

_NOTE: Final = ".note.GNU-stack"


@dataclass(frozen=True, slots=True)
class Stack:
    """`flags` are the p_flags of PT_GNU_STACK, `size` its p_memsz in bytes."""

    flags: int
    size: int
    warnings: tuple[Diagnostic, ...] = ()


def stack_of(inputs: Inputs, options: LinkOptions) -> Stack | None:
    """The stack that the objects and `options` ask for; None if nobody says anything."""
    plain = c.PF_R | c.PF_W
    size = options.stack_size
    if options.executable_stack is not None:
        return Stack(plain | (c.PF_X if options.executable_stack else 0), size)
    notes = inputs.rows_called(_NOTE).tolist()
    if not notes and not size:
        return None
    wanting = [row for row in notes if int(inputs.sections["flags"][row]) & c.SHF_EXECINSTR]
    saying = {int(inputs.sections["object"][row]) for row in notes}
    silent = [item for number, item in enumerate(inputs.objects) if number not in saying]
    if not wanting and not silent:
        return Stack(plain, size)
    warnings: list[Diagnostic] = []
    if options.warn_executable_stack:
        if wanting:
            warnings.append(
                _warning(inputs.owner(wanting[0]).label, "asks for an executable stack")
            )
        else:
            warnings.append(
                _warning(silent[0].label, f"has no {_NOTE} section, so the stack is executable")
            )
    return Stack(plain | c.PF_X, size, tuple(warnings))


def _warning(label: str, what: str) -> Diagnostic:
    return warning(
        f"the object {what}",
        Span(label),
        rule="executable-stack",
        hint='in assembly: .section .note.GNU-stack,"",@progbits; or link with -z noexecstack',
    )

"""`oro boot`: what was booted: the kernel's own words, and whether memory holds this ELF file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orobuild.debug.inspector.view import none_left
from orobuild.elf.build_id import build_id
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.debug.inspector.view import View
    from orobuild.lint.program.segments import Segment

_SHOWN: Final = 8  # elements of an array
_DEPTH: Final = 4


def boot(view: View, words: Sequence[str]) -> str:
    """The file, its segments compared with memory, and the configured expressions."""
    none_left(words, "oro boot")
    program = view.program
    if program is None:
        raise UsageError("GDB has no kernel's file: 'file KERNEL.elf' names it")
    identity = build_id(program.elf)
    lines = [f"{view.style('file', 'label')} {program.elf.path}"]
    if identity is not None:
        lines.append(f"{view.style('build-id', 'label')} {identity.hex()}")
    lines.append(f"{view.style('entry', 'label')} {view.place(program.elf.header.e_entry)}")
    lines += (_compared(view, segment) for segment in program.loads)
    for expression in view.structures.boot:
        lines += _tree(view, expression, view.target.evaluate(expression, depth=_DEPTH), "")
    return "".join(f"{line}\n" for line in lines)


def _compared(view: View, segment: Segment) -> str:
    program = view.program
    assert program is not None
    size = segment.header.p_filesz
    label = f"{segment}"
    if segment.header.p_flags & 2:
        return f"  {label}: written to, not compared"
    expected = bytes(program.read(segment.start, size))
    found = view.target.memory(segment.start, size)
    if not found:
        return f"  {label}: {view.style('not mapped', 'dim')}"
    at = next((i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), None)
    if at is not None:
        place = view.place(segment.start + at)
        return f"  {label}: {view.bad('differs from the file')} at {place}: another build, or overwritten"
    if len(found) < size:
        return f"  {label}: {view.bad(f'mapped for {len(found):#x} of {size:#x} bytes')}"
    return f"  {label}: {view.good('as in the file')}"


def _tree(view: View, name: str, value: dict[str, Any], indent: str) -> Iterator[str]:
    from orobuild.debug.inspector.lists import text

    label = view.style(name, "label")
    if value["kind"] == "struct" and value["members"]:
        yield f"{indent}{label}"
        for member, inner in value["members"].items():
            yield from _tree(view, member, inner, f"{indent}  ")
    elif value["kind"] == "array" and value["items"]:
        filled = [item for item in value["items"] if not _is_zero(item)]
        yield f"{indent}{label} {len(filled)} of {value['count']}"
        for at, item in enumerate(filled[:_SHOWN]):
            yield from _tree(view, f"[{at}]", item, f"{indent}  ")
    else:
        yield f"{indent}{label} {text(view, value)}"


def _is_zero(value: dict[str, Any]) -> bool:
    if value["kind"] == "struct":
        return all(_is_zero(member) for member in value["members"].values())
    if value["kind"] == "array":
        return all(_is_zero(item) for item in value["items"])
    return not value.get("value") and not value.get("text")

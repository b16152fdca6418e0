"""A `Translation` as people read it, and as a JSON object (docs/tt.md says what its keys mean)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orobuild.debug.translation import agreement, flags, next_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orobuild.debug.location_text import Role
    from orobuild.debug.page_tables import Mapping
    from orobuild.debug.translation import Translation
    from orobuild.lint.program import Program

_LABEL: Final = 10
_UNITS: Final = {1 << 12: "4 KiB", 1 << 21: "2 MiB", 1 << 30: "1 GiB"}


def text(
    program: Program | None,
    translation: Translation,
    style: Callable[[str, Role], str],
    *,
    emulator: int | None = None,
) -> str:
    """Several lines. `emulator` is the physical address by the emulator's own translation."""
    return "".join(f"{line}\n" for line in _lines(program, translation, style, emulator))


def _lines(
    program: Program | None,
    found: Translation,
    style: Callable[[str, Role], str],
    emulator: int | None,
) -> Iterator[str]:
    def row(label: str, value: str) -> str:
        return f"  {style(f'{label:<{_LABEL}}', 'label')} {value}"

    name = program.symbols.name(found.address) if program is not None else None
    yield style(f"{found.address:#x}", "head") + (f"  {name}" if name else "")
    for step in found.steps:
        place = f"[{step.index:>3}] at {step.table + 8 * step.index:#x}"
        if not step.present:
            what = "not present" if step.readable else "outside the memory that was read"
            yield row(step.name, f"{place}: {step.entry:#018x}  {style(what, 'bad')}")
            continue
        names = " ".join(flag for flag, _ in flags(step))
        to = "page" if step.maps else "table"
        yield row(step.name, f"{place}: {step.entry:#018x}  {to} {next_address(step):#x}  {names}")
    mapping = found.mapping
    if mapping is None:
        yield row("physical", style(found.reason, "bad"))
    else:
        physical = mapping.translate(found.address)
        yield row("physical", f"{physical:#x} in a page of {_UNITS[mapping.size]}")
        if found.rights is not None:
            yield row("kernel", style(found.rights.kernel, "code"))
            yield row("ring 3", style(found.rights.user, "code"))
            for note in found.rights.notes:
                yield row("", style(note, "dim"))
    yield from _opinions(program, found, style, emulator, row)
    meanings = dict(flag for step in found.steps for flag in flags(step))
    if meanings:
        words = ", ".join(f"{flag} {meaning}" for flag, meaning in meanings.items())
        yield row("flags", style(words, "dim"))


def _opinions(
    program: Program | None,
    found: Translation,
    style: Callable[[str, Role], str],
    emulator: int | None,
    row: Callable[[str, str], str],
) -> Iterator[str]:
    opinion = agreement(program, found) if program is not None else None
    if opinion is not None:
        agrees, sentence = opinion
        word = style("agrees", "good") if agrees else style("disagrees", "bad")
        yield row("image", f"{word}: {sentence}")
    if emulator is not None:
        same = emulator == found.physical
        word = style("agrees", "good") if same else style("disagrees", "bad")
        yield row("emulator", f"{word}: {emulator:#x}")


def of_page(program: Program | None, mapping: Mapping, physical: int) -> str:
    """One virtual address of a physical one, in a line."""
    address = mapping.virtual + physical - mapping.physical
    name = program.symbols.name(address) if program is not None else None
    mode = "user" if mapping.user else "kernel"
    rights = "r" + ("w" if mapping.writable else "-") + ("x" if mapping.executable else "-")
    size = _UNITS[mapping.size]
    return f"{address:#018x}  {rights}  {mode:<6}  {size}  {name or ''}".rstrip()


def as_object(
    program: Program | None, found: Translation, emulator: int | None = None
) -> dict[str, Any]:
    """The translation as values that JSON knows; addresses are strings, as `0x…`."""
    opinion = agreement(program, found) if program is not None else None
    return {
        "address": hex(found.address),
        "name": program.symbols.name(found.address) if program is not None else None,
        "levels": [
            {
                "name": step.name,
                "table": hex(step.table),
                "index": step.index,
                "entry": hex(step.entry),
                "flags": [flag for flag, _ in flags(step)],
            }
            for step in found.steps
        ],
        "physical": None if found.physical is None else hex(found.physical),
        "size": None if found.mapping is None else found.mapping.size,
        "kernel": None if found.rights is None else found.rights.kernel,
        "user": None if found.rights is None else found.rights.user,
        "notes": list(found.rights.notes) if found.rights is not None else [],
        "reason": found.reason or None,
        "image": opinion and {"agrees": opinion[0], "text": opinion[1]},
        "emulator": None if emulator is None else hex(emulator),
    }

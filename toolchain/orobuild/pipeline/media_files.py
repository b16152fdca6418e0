"""The ELF files in bootable media: what `orolint kernel.img` checks.

Finds them by the structures that `image` reads, in every format that it knows, its own media and
other people's alike. A file that lies in a medium twice (an ISO and the volume inside it) is given once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.diagnostics import Span, error
from orobuild.elf.reader import is_elf
from orobuild.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orobuild.image.examination import Part
    from orobuild.image.extents import Extents

_SMALLEST: Final = 512  # bytes: a sector


def elf_files(medium: Extents, path: str) -> dict[str, bytes] | None:
    """The ELF files in a medium by name, `disk.img(OROBUILD/K0.ELF)`; None for what is no medium.

    Raises `InputError` for one that is damaged, or that holds none.
    """
    from orobuild.image import efi
    from orobuild.image.examination import examine

    if medium.size < _SMALLEST or is_elf(medium.read(0, 4)):
        return None
    inside: list[tuple[str, bytes]] = []
    if medium.read(0, 2) == b"MZ":
        # Boot sectors may begin so too.
        try:
            files = efi.files_in(medium.to_bytes(), path)
        except InputError:
            return None
        inside += [(name, data) for name, data in files.items() if is_elf(data[:4])]
        if not inside:
            return None
    else:
        part = examine(medium, path)
        if not part.parts and not part.complaints:
            return None
        complaint = _complaint(part)
        inside += _elf_parts(part)
        if complaint is not None and inside:
            raise InputError(error(complaint, Span(path), rule="file"))
        why = "" if complaint is None else f": {complaint}"
    if not inside:
        raise InputError(
            error(
                f"this is no ELF file, and no medium with one in it{why}",
                Span(path),
                hint="'orobuild image inspect' shows what is in it",
                rule="file",
            )
        )
    found: dict[str, bytes] = {}
    for name, data in inside:
        if data not in found.values():
            found[f"{path}({name.lstrip('/')})"] = data
    return found


def _complaint(part: Part) -> str | None:
    """What is wrong with a medium's structures, if anything is."""
    for inner in part.walk():
        if inner.complaints and not is_elf(inner.contents.read(0, 4)):
            where = "" if inner is part else f"{inner.name}: "
            return where + inner.complaints[0]
    return None


def _elf_parts(part: Part) -> Iterator[tuple[str, bytes]]:
    for inner in part.parts:
        if is_elf(inner.contents.read(0, 4)):
            yield inner.name, inner.contents.to_bytes()
        else:
            yield from _elf_parts(inner)

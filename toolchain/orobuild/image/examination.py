"""What is in a file: container, disk, partitions, files, ELF sections, as a tree of parts.

Owns the way from any medium to its parts, for `inspect` and `diff`. Other people's media are read
as far as their structures are known here; what is damaged is told and not read further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.elf import constants as c
from orobuild.elf import reader as elf_reader
from orobuild.elf.descriptions import segment_flags
from orobuild.errors import InputError
from orobuild.image import boot_config, boot_volume, containers, gpt, partition
from orobuild.image.extents import Extents
from orobuild.image.fat_reader import is_fat, read_volume
from orobuild.image.iso_reader import is_iso, read_iso
from orobuild.image.partition import SECTOR_SIZE, TABLE_OFFSET
from orobuild.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orobuild.image.boot_volume import Boot
    from orobuild.image.fat_reader import FatVolume

CONTENTS: Final = "disk"
"""The name of the part that a container holds."""

_PLATFORMS: Final = {0: "BIOS", 0xEF: "UEFI"}


@dataclass(frozen=True)
class Part:
    """A named piece of a medium.

    `contents` are its bytes; `offset` is where they start in the parent, None where they are
    scattered or packed. `facts` are for people. `complaints` say what is wrong with the part.
    """

    name: str
    contents: Extents
    offset: int | None = 0
    facts: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    def walk(self) -> Iterator[Part]:
        """This part and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


def examine(file: Extents, path: str) -> Part:
    """The parts of a medium or an ELF file; `path` is its name.

    Raises `InputError` if the outermost structure is damaged, or of no kind that is known here.
    """
    kind, disk = containers.unwrap(file, path)
    if kind != "raw":
        inner = _disk(CONTENTS, disk, None)
        facts = (f"{kind.upper()}, a disk of {disk.size} bytes",)
        return Part(path, file, 0, facts, (), (inner,))
    return _disk(path, file, 0)


def boot_of(file: Extents, path: str) -> Boot | None:
    """What a medium's boot volume starts, None if it has no such volume.

    Raises `InputError` if the medium, the volume or a file that the menu names is damaged.
    """
    _, disk = containers.unwrap(file, path)
    candidates = [disk]
    if gpt.has_table(disk):
        table = gpt.read(disk, path).table
        candidates = [disk.section(p.offset, p.size) for p in table.partitions]
    elif (table_mbr := partition.unpack(disk.read(0, SECTOR_SIZE))) and not is_fat(disk):
        candidates = [
            disk.section(p.first * SECTOR_SIZE, p.count * SECTOR_SIZE) for p in table_mbr.partitions
        ]
    for contents in candidates:
        if is_fat(contents):
            volume = read_volume(contents, path)
            if boot_volume.has_menu(volume):
                return boot_volume.read(volume, path)
    return None


def _disk(name: str, disk: Extents, offset: int | None) -> Part:
    """A medium without container."""
    if elf_reader.is_elf(disk.read(0, 4)):
        return _elf(name, disk, offset)
    if disk.read(0, 2) == b"MZ":
        return Part(name, disk, offset, ("EFI executable",))
    facts: list[str] = []
    complaints: list[str] = []
    parts: list[Part] = []
    if is_iso(disk):
        _add_iso(disk, facts, complaints, parts)
    if gpt.has_table(disk):
        _add_gpt(disk, facts, complaints, parts)
    elif not parts and is_fat(disk):
        return _volume(name, disk, offset)
    elif not parts:
        table = partition.unpack(disk.read(0, SECTOR_SIZE))
        if table is not None:
            _add_mbr(disk, table, facts, complaints, parts)
    if not facts:
        facts.append("data of no kind that is known here")
    parts.sort(key=lambda part: part.offset or 0)
    known = [(p.offset, p.contents.size) for p in parts if p.offset is not None]
    rest = _rest(disk, known)
    return Part(name, disk, offset, tuple(facts), tuple(complaints), (*parts, *rest))


def _rest(medium: Extents, known: Iterable[tuple[int, int]]) -> tuple[Part, ...]:
    """What lies in none of the `known` ranges, if anything does."""
    gaps, at = [], 0
    for start, size in sorted(known):
        if start > at:
            gaps.append((at, start - at))
        at = max(at, start + size)
    gaps.append((at, medium.size - at))
    parts = [
        piece
        for start, size in gaps
        if size > 0
        for piece in medium.section(start, size).placed(start)
    ]
    contents = Extents.collect(medium.size, parts)
    if not any(True for _ in contents.blocks(4096)):
        return ()
    return (Part("between the parts", contents, None),)


def _add_iso(disk: Extents, facts: list[str], complaints: list[str], parts: list[Part]) -> None:
    try:
        iso = read_iso(disk, "")
    except InputError as problem:
        complaints.append(problem.diagnostics[0].message)
        return
    facts.append(f"ISO 9660 '{iso.label}'")
    facts += [
        f"El Torito: {_PLATFORMS.get(image.platform, hex(image.platform))} starts byte "
        f"{image.offset:#x}"
        for image in iso.boot_images
    ]
    first = min((f.offset for f in iso.files), default=0x8000)
    parts.append(Part("descriptors", disk.section(0x8000, max(first - 0x8000, 2048)), 0x8000))
    for file in iso.files:
        contents = disk.section(file.offset, file.size)
        made = _file(f"/{file.path}", contents)
        parts.append(replace(made, offset=file.offset))


def _add_gpt(disk: Extents, facts: list[str], complaints: list[str], parts: list[Part]) -> None:
    parts.append(Part("boot record", disk.section(0, TABLE_OFFSET), 0))
    head = gpt.FIRST_USABLE * SECTOR_SIZE - TABLE_OFFSET
    parts.append(Part("partition table", disk.section(TABLE_OFFSET, head), TABLE_OFFSET))
    try:
        reading = gpt.read(disk, "")
    except InputError as problem:
        complaints.append(problem.diagnostics[0].message)
        return
    complaints += reading.complaints
    facts.append(f"GPT, disk {reading.table.guid}")
    taken = {part.offset for part in parts}
    for number, entry in enumerate(reading.table.partitions, 1):
        contents = disk.section(entry.offset, entry.size)
        kind = gpt.TYPE_NAMES.get(entry.type, str(entry.type))
        name = f"partition {number} ({entry.name or kind})"
        if entry.offset in taken:
            facts.append(f"{name}: the file at byte {entry.offset:#x}")
            continue  # an ISO's file: told once
        made = _volume(name, contents, entry.offset) if is_fat(contents) else None
        found = made or Part(name, contents, entry.offset)
        parts.append(replace(found, facts=(kind, *found.facts)))
    tail = gpt.BACKUP_SECTORS * SECTOR_SIZE
    if disk.size > tail:
        parts.append(Part("backup table", disk.section(disk.size - tail, tail), disk.size - tail))


def _add_mbr(
    disk: Extents,
    table: partition.PartitionTable,
    facts: list[str],
    complaints: list[str],
    parts: list[Part],
) -> None:
    facts.append(f"MBR, disk signature {table.signature:08x}")
    parts.append(Part("boot record", disk.section(0, SECTOR_SIZE), 0))
    for number, entry in enumerate(table.partitions, 1):
        at, size = entry.first * SECTOR_SIZE, entry.count * SECTOR_SIZE
        contents = disk.section(at, size)
        name = f"partition {number}"
        if contents.size < size:
            complaints.append(f"{name} lies outside the disk")
        made = _volume(name, contents, at) if is_fat(contents) else None
        found = made or Part(name, contents, at)
        active = ", active" if entry.active else ""
        parts.append(replace(found, facts=(f"type {entry.type:02x}{active}", *found.facts)))


def _volume(name: str, contents: Extents, offset: int | None) -> Part:
    try:
        volume = read_volume(contents, "")
    except InputError as problem:
        return Part(name, contents, offset, ("FAT",), (problem.diagnostics[0].message,))
    free = f"{volume.clusters} clusters of {volume.cluster_size} bytes, {volume.free_clusters} free"
    facts = [f"FAT{volume.kind} '{volume.label}', serial {volume.serial:08x}, {free}"]
    complaints: list[str] = [] if volume.tables_agree else ["the two allocation tables differ"]
    parts: list[Part] = []
    known: list[tuple[int, int]] = []
    for file in volume.files:
        pieces = (
            (position, piece)
            for position, (at, size) in _positions(file.runs)
            for position, piece in contents.section(at, size).placed(position)
        )
        made = _file(f"/{file.path}", Extents.collect(file.size, pieces))
        single = file.runs[0][0] if len(file.runs) == 1 else None
        parts.append(replace(made, offset=single))
        known += file.runs
    if boot_volume.has_menu(volume):
        menu_facts, problems = _menu(volume)
        facts += menu_facts
        complaints += problems
    rest = tuple(replace(p, name="tables and directories") for p in _rest(contents, known))
    return Part(name, contents, offset, tuple(facts), tuple(complaints), (*parts, *rest))


def _positions(runs: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each run of a file, with its position in the file."""
    position = 0
    for run in runs:
        yield position, run
        position += run[1]


def _menu(volume: FatVolume) -> tuple[list[str], list[str]]:
    """What the boot menu says, and what of it is not so."""
    found = volume.find(boot_volume.CONFIG_PATH)
    try:
        menu = boot_config.parse(volume.data(found) if found else b"", boot_volume.CONFIG_PATH)
    except InputError as problem:
        return [], [problem.diagnostics[0].message]
    facts = [f"boot menu: {len(menu.entries)} entries, timeout {menu.timeout} s"]
    if not menu.sealed:
        facts.append("the menu was written by hand: it has no checksum")
    for number, entry in enumerate(menu.entries):
        first = " (default)" if number == menu.default else ""
        facts.append(f"entry {number}{first}: {entry.title}: {entry.kernel.path}")
        if entry.command_line:
            facts.append(f"    command line: {entry.command_line}")
        facts += [
            f"    module: {file.path}{f' ({text})' if text else ''}" for file, text in entry.modules
        ]
    try:
        boot_volume.read(volume, "")
    except InputError as problem:
        diagnostic = problem.diagnostics[0]
        place = diagnostic.span.path.lstrip(":") if diagnostic.span else ""
        return facts, [f"{place}: {diagnostic.message}"]
    return facts, []


def _file(name: str, contents: Extents) -> Part:
    """A file on a volume, taken apart if it is an ELF file or a volume itself."""
    if elf_reader.is_elf(contents.read(0, 4)):
        return _elf(name, contents, 0)
    if is_fat(contents):
        return _volume(name, contents, 0)
    return Part(name, contents)


def _elf(name: str, contents: Extents, offset: int | None) -> Part:
    data = contents.to_bytes()
    try:
        elf = elf_reader.read(data, name)
    except InputError as problem:
        return Part(name, contents, offset, ("ELF",), (problem.diagnostics[0].message,))
    facts = [f"ELF, entry {elf.header.e_entry:#x}"]
    facts += [
        f"segment {segment_flags(s.p_flags):<4} {s.p_vaddr:#x} at physical {s.p_paddr:#x}, "
        f"{s.p_filesz} bytes in the file, {s.p_memsz} in memory"
        for s in elf.segments
        if s.p_type == c.PT_LOAD
    ]
    parts: list[Part] = []
    known: list[tuple[int, int]] = []
    for section in elf.sections:
        if section.sh_type in (c.SHT_NULL, c.SHT_NOBITS) or not section.sh_size:
            continue
        parts.append(
            Part(
                section.name or f"section {len(parts)}",
                contents.section(section.sh_offset, section.sh_size),
                section.sh_offset,
            )
        )
        known.append((section.sh_offset, section.sh_size))
    rest = tuple(replace(p, name="headers") for p in _rest(contents, known))
    return Part(name, contents, offset, tuple(facts), (), (*parts, *rest))

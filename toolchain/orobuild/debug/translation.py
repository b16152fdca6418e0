"""A virtual or physical address as one processor sees it: every level of the page tables, in words.

Source: Intel SDM Vol. 3A §4.5 (entries), §4.6 (access rights), §4.9 (memory types).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orobuild.debug.page_tables import ADDRESS, NX, find, mappings, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from orobuild.debug.page_tables import Entry, Mapping, Step
    from orobuild.lint.program import Program

CR0_WP, CR0_PG = 1 << 16, 1 << 31
CR4_LA57, CR4_PCIDE, CR4_SMEP, CR4_SMAP, CR4_PKE = 1 << 12, 1 << 17, 1 << 20, 1 << 21, 1 << 22
EFER_NXE: Final = 1 << 11

# (bit, name, meaning), the same at every level
_FLAGS: Final = (
    (0, "P", "present"),
    (1, "R/W", "may be written"),
    (2, "U/S", "for ring 3 too"),
    (3, "PWT", "write-through"),
    (4, "PCD", "cache disabled"),
    (5, "A", "accessed"),
)
_OF_PAGES: Final = ((6, "D", "dirty"), (8, "G", "global"))
_NX_FLAG: Final = (63, "XD", "never executed")
_LARGE, _PAT_SMALL, _PAT_LARGE = 7, 7, 12
_RESET_PAT: Final = ("WB", "WT", "UC-", "UC", "WB", "WT", "UC-", "UC")  # IA32_PAT after reset


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The registers that decide how a processor translates."""

    cr0: int
    cr3: int
    cr4: int
    efer: int

    @property
    def levels(self) -> int:
        """4 or 5."""
        return 5 if self.cr4 & CR4_LA57 else 4


@dataclass(frozen=True, slots=True)
class Rights:
    """What rings may do with a page, with the control registers taken into account.

    `kernel` and `user` are `rwx` with `-` for what faults; `notes` say which register decides.
    """

    kernel: str
    user: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Translation:
    """A virtual address, walked. `mapping` is None where no page is; then `reason` says why."""

    address: int
    steps: tuple[Step, ...]
    mapping: Mapping | None
    rights: Rights | None
    reason: str

    @property
    def physical(self) -> int | None:
        """The physical address, or None."""
        return None if self.mapping is None else self.mapping.translate(self.address)


def translate(read: Callable[[int, int], bytes], address: int, control: Control) -> Translation:
    """Walk one virtual address. `read` gives physical memory."""
    bits = 12 + 9 * control.levels
    if not control.cr0 & CR0_PG:
        return Translation(address, (), None, None, "paging is off (CR0.PG is clear)")
    sign = address >> (bits - 1)
    if sign not in (0, (1 << (64 - bits + 1)) - 1):
        reason = f"not canonical: with {control.levels} levels bits {bits - 1} to 63 must be equal"
        return Translation(address, (), None, None, reason)
    steps = walk(read, address, control.cr3, cr4=control.cr4)
    mapping = find(read, address, control.cr3, cr4=control.cr4, efer=control.efer)
    if mapping is None:
        last = steps[-1]
        what = "is not present" if last.readable else "lies outside the memory that was read"
        return Translation(address, steps, None, None, f"the {last.name} {what}")
    return Translation(address, steps, mapping, rights(mapping, control), "")


def rights(mapping: Mapping, control: Control) -> Rights:
    """What the kernel and ring 3 may do with a page (SDM §4.6.1)."""
    notes = []
    kernel_writes = mapping.writable or not control.cr0 & CR0_WP
    if kernel_writes and not mapping.writable:
        notes.append("CR0.WP is clear: the kernel writes read-only pages")
    kernel_reads, kernel_executes = True, mapping.executable
    if not control.efer & EFER_NXE:
        notes.append("EFER.NXE is clear: every page may be executed")
    if mapping.user:
        if control.cr4 & CR4_SMAP:
            kernel_reads = kernel_writes = False
            notes.append("SMAP: the kernel touches pages of ring 3 only between stac and clac")
        if control.cr4 & CR4_SMEP:
            kernel_executes = False
            notes.append("SMEP: the kernel never executes pages of ring 3")
    if control.cr4 & CR4_PKE and mapping.user and mapping.key:
        notes.append(f"protection key {mapping.key}: PKRU may forbid more")
    kernel = _letters(kernel_reads, kernel_writes, kernel_executes)
    user = _letters(
        mapping.user, mapping.user and mapping.writable, mapping.user and mapping.executable
    )
    return Rights(kernel, user, tuple(notes))


def _letters(read: bool, write: bool, execute: bool) -> str:
    return "".join(
        letter if on else "-" for letter, on in (("r", read), ("w", write), ("x", execute))
    )


def virtual_addresses(
    read: Callable[[int, int], bytes], physical: int, control: Control
) -> tuple[Mapping, ...]:
    """Every page that maps a physical address, in ascending order of its virtual address."""
    return tuple(
        mapping
        for mapping in mappings(read, control.cr3, cr4=control.cr4, efer=control.efer)
        if mapping.physical <= physical < mapping.physical + mapping.size
    )


def flags(step: Entry) -> tuple[tuple[str, str], ...]:
    """(name, meaning) of every flag that is set in an entry, the memory type among them."""
    entry = step.entry
    if not step.present:
        return ()
    table = _FLAGS + (_OF_PAGES if step.maps else ())
    found = [(name, meaning) for bit, name, meaning in table if entry >> bit & 1]
    if step.maps:
        if step.name != "pte":
            found.append(("PS", "maps a page itself"))
        pat = entry >> (_PAT_SMALL if step.name == "pte" else _PAT_LARGE) & 1
        index = pat << 2 | entry >> 3 & 3
        found.append(
            (f"PAT{index}", f"memory type {_RESET_PAT[index]} unless IA32_PAT was changed")
        )
        if key := entry >> 59 & 0xF:
            found.append((f"PK{key}", "protection key"))
    if entry & NX:
        found.append((_NX_FLAG[1], _NX_FLAG[2]))
    return tuple(found)


def next_address(step: Step) -> int:
    """The physical address in an entry: of the next table, or of the page."""
    return step.entry & ADDRESS & (-step.size if step.maps else -1)


def agreement(program: Program, translation: Translation) -> tuple[bool, str] | None:
    """Whether the page is what the image asks for there, and a sentence; None outside the image."""
    segment = program.segment_at(translation.address)
    if segment is None:
        return None
    section = program.section_at(translation.address)
    what = f"{section.name} in {segment}" if section else str(segment)
    mapping = translation.mapping
    if mapping is None:
        return False, f"the image has {what} there, which is not mapped"
    wanted = segment.header.p_paddr + translation.address - segment.start
    mapped = "R" + "W" * mapping.writable + "E" * mapping.executable
    flags_of = segment.flags.replace(" ", "")
    if mapped != flags_of:
        return False, f"the image asks for {flags_of}, the page is mapped {mapped}: {what}"
    if wanted != translation.physical:
        return True, f"{what}, loaded elsewhere than its p_paddr, {wanted:#x}"
    return True, f"{what}"

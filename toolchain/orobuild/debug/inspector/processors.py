"""`oro cpu` and `oro cr`. Intel SDM Vol. 3A §2.5 (control registers), §2.3 (RFLAGS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orobuild.debug.inspector import lists
from orobuild.debug.inspector.view import none_left

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orobuild.debug.inspector.view import View

_RFLAGS: Final = (
    (0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"), (10, "DF"),
    (11, "OF"), (14, "NT"), (16, "RF"), (17, "VM"), (18, "AC"), (19, "VIF"), (20, "VIP"), (21, "ID"),
)  # fmt: skip
_CR0: Final = (
    (0, "PE", "protected mode"), (1, "MP", "wait obeys TS"), (2, "EM", "no x87"),
    (3, "TS", "vector registers trap: task switched"), (4, "ET", ""), (5, "NE", "x87 errors are #MF"),
    (16, "WP", "the kernel obeys read-only pages"), (18, "AM", "alignment checks in ring 3"),
    (29, "NW", "not write-through"), (30, "CD", "caches off"), (31, "PG", "paging"),
)  # fmt: skip
_CR4: Final = (
    (0, "VME", "virtual-8086 extensions"), (1, "PVI", "virtual interrupts"),
    (2, "TSD", "rdtsc in ring 0 only"), (3, "DE", "debugging extensions"),
    (4, "PSE", "large pages of 32-bit paging"), (5, "PAE", "64-bit page table entries"),
    (6, "MCE", "machine checks"), (7, "PGE", "global pages"), (8, "PCE", "rdpmc in every ring"),
    (9, "OSFXSR", "SSE"), (10, "OSXMMEXCPT", "SSE errors are #XM"),
    (11, "UMIP", "sgdt, sidt, sldt, str, smsw in ring 0 only"), (12, "LA57", "five levels of tables"),
    (13, "VMXE", "VMX"), (14, "SMXE", "SMX"), (16, "FSGSBASE", "wrgsbase in every ring"),
    (17, "PCIDE", "process-context identifiers"), (18, "OSXSAVE", "xsave"), (19, "KL", "key locker"),
    (20, "SMEP", "the kernel never executes pages of ring 3"),
    (21, "SMAP", "the kernel touches pages of ring 3 only with AC set"),
    (22, "PKE", "protection keys of user pages"), (23, "CET", "control-flow enforcement"),
    (24, "PKS", "protection keys of kernel pages"), (25, "UINTR", "user interrupts"),
)  # fmt: skip
_EFER: Final = (
    (0, "SCE", "syscall"), (8, "LME", "long mode enabled"), (10, "LMA", "long mode active"),
    (11, "NXE", "pages may be never executed"), (12, "SVME", "SVM"), (13, "LMSLE", "segment limits"),
    (14, "FFXSR", "fast fxsave"), (15, "TCE", "translation cache extension"),
)  # fmt: skip


def cpu(view: View, words: Sequence[str]) -> str:
    """Every processor in a line, the selected one marked, and the kernel's own word on them."""
    none_left(words, "oro cpu")
    rows = []
    for processor in view.target.processors:
        registers = processor.registers
        rip = registers.get("rip", 0)
        code = processor.segments.get("cs")
        linear = rip + code.base if code and processor.mode == "real mode" else rip
        mark = "*" if processor.index == view.target.selected else " "
        gs = processor.segments["gs"].base if "gs" in processor.segments else 0
        rows.append(
            (
                f"{mark}{processor.index}", processor.mode, str(processor.ring), f"{linear:#x}",
                view.name(linear), "halted" if processor.halted else "",
                "IF" if registers.get("rflags", 0) >> 9 & 1 else "-", f"{registers.get('cr3', 0):#x}",
                view.name(gs) or f"{gs:#x}",
            )
        )  # fmt: skip
    titles = ("cpu", "mode", "ring", "rip", "", "", "IF", "CR3", "GS.base")
    lines = list(view.columns(titles, rows))
    if "cpu" in view.structures.tables and view.target.processor.mode == "64-bit":
        lines += ["", *lists.table(view, "cpu")]
    return "".join(f"{line}\n" for line in lines)


def cr(view: View, words: Sequence[str]) -> str:
    """Control registers, EFER and RFLAGS, each bit that is set with its meaning."""
    none_left(words, "oro cr")
    registers = view.target.processor.registers
    lines = [*_bits(view, "CR0", registers.get("cr0", 0), _CR0)]
    cr2, cr3 = registers.get("cr2", 0), registers.get("cr3", 0)
    lines.append(f"{view.style('CR2', 'label')}   {view.place(cr2)}  of the last page fault")
    pcid = f", PCID {cr3 & 0xFFF:#x}" if registers.get("cr4", 0) >> 17 & 1 else ""
    tables = cr3 & 0x000FFFFFFFFFF000
    lines.append(f"{view.style('CR3', 'label')}   {cr3:#x}  page tables at {tables:#x}{pcid}")
    lines += _bits(view, "CR4", registers.get("cr4", 0), _CR4)
    if "cr8" in registers:
        lines.append(
            f"{view.style('CR8', 'label')}   {registers['cr8']:#x}  priority of the processor"
        )
    lines += _bits(view, "EFER", registers.get("efer", 0), _EFER)
    flags = registers.get("rflags", 0)
    names = " ".join(name for bit, name in _RFLAGS if flags >> bit & 1)
    lines.append(
        f"{view.style('RFLAGS', 'label')} {flags:#x}  IOPL {flags >> 12 & 3}  {names}".rstrip()
    )
    return "".join(f"{line}\n" for line in lines)


def efer(view: View, value: int) -> list[str]:
    """EFER, bit by bit."""
    return list(_bits(view, "EFER", value, _EFER))


def _bits(
    view: View, name: str, value: int, table: Sequence[tuple[int, str, str]]
) -> Iterator[str]:
    known = sum(1 << bit for bit, _, _ in table)
    names = " ".join(flag for bit, flag, _ in table if value >> bit & 1)
    odd = f"  and unknown bits {value & ~known:#x}" if value & ~known else ""
    yield f"{view.style(f'{name:<6}', 'label')} {value:#x}  {view.style(names, 'head')}{odd}"
    for bit, flag, meaning in table:
        if value >> bit & 1 and meaning:
            yield f"       {flag:<10} {view.style(meaning, 'dim')}"

"""The kernel's bytes changed in seeded ways, and the rule that is meant to find each."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from orobuild.elf import reader
from orobuild.elf.constants import EHDR_SIZE, PHDR_SIZE, SHDR_SIZE
from orobuild.lint.program import Program
from orobuild.project import load

ROOT = Path(__file__).parents[2]
CONFIG = load(ROOT).lint  # as the kernel's own builds are checked
BOOT, TEXT, RODATA, DATA = range(4)
CLD, SWAPGS = b"\xfc", b"\x0f\x01\xf8"


class Image:
    """The kernel's bytes, to be changed by address, symbol or header."""

    def __init__(self, data: bytes) -> None:
        self.elf = reader.read(data, "oro.elf")
        self.data = bytearray(data)
        self.symbols = Program(self.elf, CONFIG).symbols.by_name

    def segment(self, index: int, **values: int) -> None:
        at = self.elf.header.e_phoff + index * PHDR_SIZE[2]
        fields = dict(zip(_PHDR, struct.unpack_from("<IIQQQQQQ", self.data, at), strict=True))
        struct.pack_into("<IIQQQQQQ", self.data, at, *{**fields, **values}.values())

    def section(self, name: str, **values: int) -> None:
        section = self.elf.section(name)
        assert section is not None
        at = self.elf.header.e_shoff + section.index * SHDR_SIZE[2]
        fields = dict(zip(_SHDR, struct.unpack_from("<IIQQQQIIQQ", self.data, at), strict=True))
        struct.pack_into("<IIQQQQIIQQ", self.data, at, *{**fields, **values}.values())

    def entry(self, address: int) -> None:
        struct.pack_into("<Q", self.data, 24, address)
        assert EHDR_SIZE[2] == 64

    def offset(self, address: int) -> int:
        for s in self.elf.segments:
            if s.p_type == 1 and s.p_vaddr <= address < s.p_vaddr + s.p_filesz:
                return address - s.p_vaddr + s.p_offset
        raise AssertionError(f"{address:#x} is not in the file")

    def write(self, symbol: str, offset: int, expected: bytes, new: bytes) -> None:
        at = self.offset(self.symbols[symbol].address + offset)
        assert self.data[at : at + len(expected)] == expected, self.data[at : at + 16].hex()
        self.data[at : at + len(new)] = new

    def replace(self, symbol: str, old: bytes, new: bytes) -> None:
        """Change the first `old` behind a symbol."""
        at = self.data.index(old, self.offset(self.symbols[symbol].address))
        assert len(old) == len(new)
        self.data[at : at + len(old)] = new

    def blank(self, symbol: str, behind: bytes, skip: int, size: int) -> None:
        """Make `size` bytes, `skip` after the first `behind`, a no-operation of one or two bytes."""
        at = self.data.index(behind, self.offset(self.symbols[symbol].address)) + skip
        self.data[at : at + size] = {1: b"\x90", 2: b"\x66\x90"}[size]

    def begin(self, symbol: str, code: bytes) -> None:
        """Make a function run `code` and then loop for ever."""
        at = self.offset(self.symbols[symbol].address)
        self.data[at : at + len(code) + 2] = code + b"\xeb\xfe"

    def jump(self, symbol: str, target: int) -> None:
        """Make the first instruction of a function a `jmp` to an address."""
        start = self.symbols[symbol].address
        distance = (target - start - 5 + (1 << 31)) % (1 << 32) - (1 << 31)
        at = self.offset(start)
        self.data[at : at + 5] = b"\xe9" + struct.pack("<i", distance)

    def start(self, segment: int) -> int:
        return self.elf.segments[segment].p_vaddr


_PHDR = ("p_type", "p_flags", "p_offset", "p_vaddr", "p_paddr", "p_filesz", "p_memsz", "p_align")
_SHDR = (
    *("sh_name", "sh_type", "sh_flags", "sh_addr", "sh_offset"),
    *("sh_size", "sh_link", "sh_info", "sh_addralign", "sh_entsize"),
)
_NO_TEXT = {"SEG004", "SEG015", "SEG017"}


@dataclass(frozen=True)
class Mutation:
    name: str
    rule: str
    change: object
    others: set[str] = field(default_factory=set)  # what follows from the same defect


def in_table(image: Image, vector: int, handler: int) -> None:
    at = image.offset(image.symbols["_oro_isr_handlers_novec"].address + 8 * vector)
    struct.pack_into("<Q", image.data, at, handler)


def common(kind: str) -> str:
    return f"_oro_isr_common_{kind}"


def stub(vector: int) -> str:
    return f"_oro_isr_handler_{vector}_novec"


BYTES = [
    Mutation("text writable", "SEG002", lambda k: k.segment(TEXT, p_flags=7)),
    Mutation("data executable", "SEG002", lambda k: k.segment(DATA, p_flags=7), {"SEG006"}),
    Mutation("text not executable", "SEG005", lambda k: k.segment(TEXT, p_flags=4), _NO_TEXT),
    Mutation("rodata executable", "SEG006", lambda k: k.segment(RODATA, p_flags=5)),
    Mutation("boot segment executable", "SEG006", lambda k: k.segment(BOOT, p_flags=5)),
    Mutation("data read-only", "SEG007", lambda k: k.segment(DATA, p_flags=4)),
    Mutation(
        "text section writable", "SEG003", lambda k: k.section(".text", sh_flags=7), {"SEG007"}
    ),
    Mutation("text section without x", "SEG006", lambda k: k.section(".text", sh_flags=2)),
    Mutation("rodata section with x", "SEG005", lambda k: k.section(".rodata", sh_flags=6)),
    Mutation("rodata section writable", "SEG007", lambda k: k.section(".rodata", sh_flags=3)),
    Mutation("entry in rodata", "SEG004", lambda k: k.entry(k.start(RODATA))),
    Mutation("entry nowhere", "SEG004", lambda k: k.entry(0x1234)),
    Mutation(
        "multiboot entry in data",
        "SEG004",
        lambda k: k.write(
            "multiboot2_header",
            24,
            struct.pack("<I", (k.elf.header.e_entry) & 0x7FFFFFFF),
            struct.pack("<I", k.start(DATA) & 0x7FFFFFFF),
        ),
    ),
    Mutation(
        "two segments in one page",
        "SEG008",
        lambda k: k.segment(DATA, p_vaddr=k.start(RODATA) + k.elf.segments[RODATA].p_memsz),
        {"SEG011", "SEG012"},
    ),
    Mutation(
        "segments overlap",
        "SEG009",
        lambda k: k.segment(BOOT, p_memsz=k.start(TEXT) - k.start(BOOT) + 1),
        {"SEG010"},
    ),
    Mutation(
        "load addresses overlap",
        "SEG010",
        lambda k: k.segment(DATA, p_paddr=k.elf.segments[RODATA].p_paddr),
    ),
    Mutation("segment misaligned", "SEG011", lambda k: k.segment(DATA, p_align=0x3000)),
    Mutation(
        "segment too short",
        "SEG012",
        lambda k: k.segment(DATA, p_memsz=k.elf.segments[DATA].p_filesz),
    ),
    Mutation("handler jumps to rodata", "SEG001", lambda k: k.jump(stub(32), k.start(RODATA))),
    Mutation("handler jumps to data", "SEG001", lambda k: k.jump(stub(40), k.start(DATA))),
    Mutation(
        "entry code jumps to rodata", "SEG001", lambda k: k.jump("kernel_main", k.start(RODATA))
    ),
    Mutation("unresolved call", "SEG014", lambda k: k.jump("kernel_main", 0)),
    Mutation("vector in rodata", "SEG015", lambda k: in_table(k, 32, k.start(RODATA))),
    Mutation("vector nowhere", "SEG015", lambda k: in_table(k, 32, 0x1000)),
    Mutation("vector without handler", "IDT003", lambda k: in_table(k, 77, 0)),
    Mutation(
        "two vectors swapped",
        "IDT001",
        lambda k: (
            in_table(k, 40, k.symbols[stub(41)].address),
            in_table(k, 41, k.symbols[stub(40)].address),
        ),
    ),
    Mutation(
        "stub pushes another vector",
        "IDT001",
        lambda k: k.write(stub(33), 0, b"\x6a\x00\x6a\x21", b"\x6a\x00\x6a\x20"),
    ),
    Mutation(
        "stub without synthetic error code",
        "IDT002",
        lambda k: k.write(stub(33), 0, b"\x6a\x00", b"\x66\x90"),
        {"IDT005", "IDT006"},
    ),
    Mutation("cld lost in bytes", "IDT004", lambda k: k.replace(common("novec"), CLD, b"\x90")),
    Mutation(
        "std for cld", "IDT004", lambda k: k.replace(common("novec"), CLD, b"\xfd"), {"FLG005"}
    ),
    Mutation(
        "cld lost on exceptions", "IDT004", lambda k: k.replace(common("exc_vec"), CLD, b"\x90")
    ),
    Mutation("cld lost on IST", "IDT004", lambda k: k.replace(common("ist_novec"), CLD, b"\x90")),
    Mutation(
        "swapgs lost with vectors saved",
        "IDT005",
        lambda k: k.replace(common("vec"), SWAPGS, b"\x0f\x1f\x00"),
    ),
    Mutation(
        "swapgs lost on exceptions with vectors saved",
        "IDT005",
        lambda k: k.replace(common("exc_vec"), SWAPGS, b"\x0f\x1f\x00"),
    ),
    Mutation(
        "swapgs lost on IST with vectors saved",
        "IDT005",
        lambda k: k.replace(common("ist_vec"), SWAPGS, b"\x0f\x1f\x00"),
    ),
    Mutation(
        "common code jumps to rodata", "SEG001", lambda k: k.jump(common("novec"), k.start(RODATA))
    ),
    Mutation("common code jumps to 0", "SEG014", lambda k: k.jump(common("novec"), 0)),
    Mutation(
        "IST code jumps to boot", "SEG001", lambda k: k.jump(common("ist_vec"), k.start(BOOT))
    ),
    Mutation(
        "store below rsp", "FLG001", lambda k: k.begin("kernel_main", b"\x48\x89\x44\x24\xf8")
    ),
    Mutation("SSE in the kernel", "FLG002", lambda k: k.begin("kernel_main", b"\x0f\x28\xc1")),
    Mutation("x87 in the kernel", "FLG002", lambda k: k.begin("kernel_main", b"\xd9\xe8")),
    Mutation(
        "vector 0 leads to stub 1", "IDT001", lambda k: in_table(k, 0, k.symbols[stub(1)].address)
    ),
    Mutation("vector 0 missing", "IDT003", lambda k: in_table(k, 0, 0)),
    Mutation("vector 14 in boot", "SEG015", lambda k: in_table(k, 14, k.start(BOOT))),
    Mutation("vector 255 in data", "SEG015", lambda k: in_table(k, 255, k.start(DATA))),
    Mutation("entry in data", "SEG004", lambda k: k.entry(k.start(DATA))),
    Mutation("entry in boot", "SEG004", lambda k: k.entry(k.start(BOOT))),
    Mutation("rodata rwx", "SEG002", lambda k: k.segment(RODATA, p_flags=7), {"SEG006"}),
    Mutation(
        "data section writable and executable",
        "SEG003",
        lambda k: k.section(".data", sh_flags=7),
        {"SEG005"},
    ),
    Mutation(
        "rodata loaded over text",
        "SEG010",
        lambda k: k.segment(RODATA, p_paddr=k.elf.segments[TEXT].p_paddr),
    ),
    Mutation("function must not return", "STATE001", lambda k: k.begin("run_context", b"\xc3")),
    Mutation(
        "clac lost",
        "FLG004",
        lambda k: k.replace("_oro_user_copy", b"\x0f\x01\xca", b"\x0f\x1f\x00"),
    ),
    Mutation("std without cld", "FLG005", lambda k: k.begin("kernel_main", b"\xfd\xc3")),
    Mutation(
        "error code left for iretq",
        "IDT007",
        lambda k: k.replace("_oro_resume_user", b"\x48\x83\xc4\x10", b"\x48\x83\xc4\x08"),
    ),
    Mutation(
        "one word too many dropped for iretq",
        "IDT007",
        lambda k: k.replace("_oro_resume_kernel", b"\x48\x83\xc4\x10", b"\x48\x83\xc4\x18"),
    ),
    Mutation(
        "two registers popped in the wrong order",
        "IDT008",
        lambda k: k.replace("_oro_resume_user", b"\x41\x5f\x41\x5e", b"\x41\x5e\x41\x5f"),
    ),
    Mutation(
        "a register not restored after a system call",
        "IDT008",
        lambda k: k.replace(
            "_oro_resume_syscall", b"\x4c\x8b\x74\x24\x08", b"\x0f\x1f\x44\x00\x00"
        ),
    ),
    Mutation(
        "flags for sysret from another slot",
        "IDT009",
        lambda k: k.replace(
            "_oro_resume_syscall", b"\x4c\x8b\x9c\x24\x98\0", b"\x4c\x8b\x9c\x24\xa0\0"
        ),
    ),
    Mutation(
        "return address not tested",
        "IDT010",
        lambda k: k.blank("_oro_resume_syscall", b"\x48\xc1\xea\x2f", 4, 2),
    ),
    Mutation(
        "return address of a quick call not tested",
        "IDT010",
        lambda k: k.blank("_oro_syscall_entry", b"\x48\xc1\xea\x2f", 4, 2),
    ),
    Mutation(
        "rdi not cleared for sysret",
        "IDT011",
        lambda k: k.replace("_oro_resume_syscall", b"\x31\xff", b"\x66\x90"),
    ),
    Mutation(
        "r10 not cleared after a quick call",
        "IDT011",
        lambda k: k.replace("_oro_syscall_entry", b"\x45\x31\xd2", b"\x0f\x1f\x00"),
    ),
    Mutation(
        "stack not aligned on IST",
        "IDT012",
        lambda k: k.replace(common("ist_novec"), b"\x6a\0", b"\x66\x90"),
    ),
    Mutation(
        "stack of a quick call not aligned",
        "IDT012",
        lambda k: (
            k.replace("_oro_syscall_entry", b"\x51\x41\x53\x55", b"\x51\x41\x53\x90"),
            k.replace("_oro_syscall_entry", b"\x5d\x41\x5b\x59", b"\x90\x41\x5b\x59"),
        ),
        {"IDT008"},
    ),
    Mutation(
        "idle loop without hlt",
        "IDT013",
        lambda k: k.replace("_oro_idle", b"\xfb\xf4", b"\xfb\x90"),
    ),
    Mutation(
        "NMI trusts the saved CS",
        "IDT014",
        lambda k: k.replace(common("ist_novec"), b"\x0f\x32", b"\x66\x90"),
        {"IDT005"},
    ),
    Mutation(
        "swapgs lost on the way to ring 3",
        "IDT005",
        lambda k: k.replace("_oro_resume_user", SWAPGS, b"\x0f\x1f\x00"),
    ),
    Mutation(
        "swapgs lost where syscall arrives",
        "IDT005",
        lambda k: k.replace("_oro_syscall_entry", SWAPGS, b"\x0f\x1f\x00"),
    ),
    Mutation(
        "system call saves rcx for r11",
        "IDT006",
        lambda k: k.replace("into_the_funnel", b"\x4c\x89\x9c\x24\x98", b"\x48\x89\x8c\x24\x98"),
    ),
    Mutation(
        "STAR without RPL 3",
        "HW003",
        lambda k: k.replace("descriptors_load", b"\x08\0\x1b\0", b"\x08\0\x18\0"),
    ),
    Mutation(
        "EFER not written in the trampoline",
        "AP002",
        lambda k: k.replace("_oro_smp_trampoline_start", b"\x0f\x30", b"\x66\x90"),
    ),
    Mutation(
        "CR4 not written at entry",
        "AP002",
        lambda k: k.replace("enter_long_mode", b"\x0f\x22\xe0", b"\x0f\x1f\xc0"),
    ),
    Mutation(
        "a late function refers to the boot segment",
        "SEG019",
        lambda k: k.begin(
            "syscall_entry", b"\x48\xc7\xc0" + struct.pack("<I", k.start(BOOT) + 0x160 & 0xFFFFFFFF)
        ),
    ),
    Mutation(
        "trampoline filled in where it is linked",
        "AP005",
        lambda k: k.begin(
            "syscall_entry",
            b"\x48\x89\x05"
            + struct.pack(
                "<i",
                k.symbols["_oro_smp_trampoline_start"].address
                - k.symbols["syscall_entry"].address
                - 7,
            ),
        ),
    ),
    Mutation(
        "trampoline's GDT outside its page",
        "AP003",
        lambda k: k.replace("_oro_smp_trampoline_start", b"\x02\x0f", b"\x02\x1f"),
    ),
]

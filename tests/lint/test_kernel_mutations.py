"""The kernel is clean, and each seeded way of breaking it is found by the rule meant for it."""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orobuild.elf import reader
from orobuild.elf.constants import EHDR_SIZE, PHDR_SIZE, SHDR_SIZE
from orobuild.lint import check_image
from orobuild.lint.program import Program
from orobuild.pipeline.build import Request, build
from orobuild.project import load

CONFIG = load(Path(__file__).parents[2]).lint  # as the kernel's own builds are checked
BOOT, TEXT, RODATA, DATA = range(4)
CLD, SWAPGS = b"\xfc", b"\x0f\x01\xf8"


def findings(data: bytes) -> set[str]:
    return {str(f.rule) for f in check_image(reader.read(data, "oro.elf"), config=CONFIG)}


@pytest.fixture(scope="module")
def project(root, tmp_path_factory):
    """A copy of the kernel's project that builds no disk image, with a cache of its own."""
    folder = tmp_path_factory.mktemp("kernel")
    for tree in ("asm", "kernel", "linker_scripts"):
        shutil.copytree(root / tree, folder / tree)
    text = (root / "pyproject.toml").read_text() + "\n[tool.orobuild.image]\ndisk = false\n"
    (folder / "pyproject.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def kernel(project, profile):
    return build(load(project), Request(profile=profile)).kernel.read_bytes()


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


@dataclass
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
    Mutation("std for cld", "IDT004", lambda k: k.replace(common("novec"), CLD, b"\xfd")),
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
]


@pytest.mark.parametrize("mutation", BYTES, ids=lambda m: m.name.replace(" ", "-"))
def test_a_change_of_the_image_is_found_by_its_rule(kernel, mutation):
    image = Image(kernel)
    mutation.change(image)
    found = findings(bytes(image.data))
    assert mutation.rule in found
    assert found <= {mutation.rule} | mutation.others


SOURCES = [
    (
        "no .section line",
        ("asm/isr_common.S", '.section .text.isr_common,"ax",@progbits\n', ""),
        {"SEG001", "SEG017"},
    ),
    (
        "section without flags",
        ("asm/isr_common.S", '.section .text.isr_common,"ax",@progbits', ".section .isr_common"),
        {"SEG001", "SEG017"},
    ),
    ("no cld", ("asm/isr_common.S", "    cld\n", ""), {"IDT004"}),
    ("no cld on exceptions", ("asm/isr_common_exc.S", "    cld\n", ""), {"IDT004"}),
    ("no swapgs", ("asm/isr_common.S", "    swapgs\n", ""), {"IDT005"}),
    ("two swapgs", ("asm/isr_common.S", "    swapgs\n", "    swapgs\n    swapgs\n"), {"IDT005"}),
    (
        "no swapgs on exceptions from ring 3",
        ("asm/isr_common_exc.S", "    swapgs\n", ""),
        {"IDT005"},
    ),
    (
        "swapgs on interrupts from ring 0",
        ("asm/isr_common.S", "    jz 1f\n", "    jnz 1f\n"),
        {"IDT005"},
    ),
    (
        "no swapgs on an IST stack",
        ("asm/isr_common_ist.S", "    swapgs\n", ""),
        {"IDT005"},
    ),
    (
        "no cld on an IST stack",
        ("asm/isr_common_ist.S", "    cld\n", ""),
        {"IDT004"},
    ),
    (
        "error code of #AC",
        ("kernel/abi/vectors.h", "| 1 << 17 |", "|"),
        {"IDT002", "IDT005", "IDT006"},
    ),
    (
        "two registers pushed in the wrong order",
        (
            "asm/include/frame.inc",
            "    pushq %rsi\n    pushq %rdi\n",
            "    pushq %rdi\n    pushq %rsi\n",
        ),
        {"IDT006"},
    ),
    (
        "a register overwritten before it is pushed",
        ("asm/isr_common.S", "    cld\n", "    cld\n    xorl %ecx, %ecx\n"),
        {"IDT006"},
    ),
    (
        "a register not pushed",
        ("asm/include/frame.inc", "    pushq %r11\n", ""),
        {"IDT005", "IDT006", "IDT012"},
    ),
    (
        "no synthetic error codes for device interrupts",
        (
            "asm/include/frame.inc",
            "    .if \\vector >= VECTOR_EXCEPTIONS\n    pushq $0\n",
            "    .if \\vector >= VECTOR_EXCEPTIONS\n",
        ),
        {"IDT005", "IDT006"},
    ),
]


@pytest.mark.parametrize(
    ("change", "rules"),
    [(change, rules) for _, change, rules in SOURCES],
    ids=[name.replace(" ", "-") for name, _, _ in SOURCES],
)
def test_a_change_of_the_source_is_found_by_its_rule(project, profile, kernel, change, rules):
    file, old, new = change
    path = project / file
    text = path.read_text()
    assert old in text, f"{file} has changed: adapt this test"
    try:
        path.write_text(text.replace(old, new, 1))
        broken = build(load(project), Request(profile=profile, unchecked=True))
    finally:
        path.write_text(text)
    assert findings(broken.kernel.read_bytes()) == rules


def test_the_kernel_is_clean(kernel):
    assert findings(kernel) == set()


def test_every_function_of_the_kernel_is_reached(kernel):
    program = Program(reader.read(kernel, "oro.elf"), CONFIG)
    reached = {i.ip for _, decoder in program.flow.instructions() for i in decoder}
    assert [program.symbols.name(a) for a, _ in program.functions if a not in reached] == []


def test_the_trampoline_and_the_entry_are_decoded_at_their_own_widths(kernel):
    program = Program(reader.read(kernel, "oro.elf"), CONFIG)
    assert {width for width, _ in program.flow.instructions()} == {16, 32, 64}

"""Our images equal GNU ld 2.40's: entry, segments, sections, symbols and bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from linker.generate import case, orphaned
from linker.linking import assemble, check, compile_c, differences, gnu_link, our_link
from orobuild.elf.compare_images import compare
from orobuild.elf.reader import read
from orobuild.linker import LinkOptions

KERNEL_SCRIPT = """
ENTRY(_start)
KERNEL_BASE = 0xffffffff80000000;
PHYSICAL = 0x100000;
PHDRS {
  boot PT_LOAD FILEHDR PHDRS FLAGS(4);
  text PT_LOAD FLAGS(5);
  rodata PT_LOAD FLAGS(4);
  data PT_LOAD FLAGS(6);
}
SECTIONS {
  . = KERNEL_BASE + SIZEOF_HEADERS;
  .oro_boot : AT(ADDR(.oro_boot) - KERNEL_BASE + PHYSICAL) { KEEP(*(.multiboot)) } :boot
  . = ALIGN(4096);
  .text : AT(ADDR(.text) - KERNEL_BASE + PHYSICAL) {
    _text_start = .; *(.text .text.*) _text_end = .;
  } :text
  . = ALIGN(4096);
  .rodata : AT(ADDR(.rodata) - KERNEL_BASE + PHYSICAL) { *(.rodata .rodata.*) } :rodata
  . = ALIGN(4096);
  .data : AT(ADDR(.data) - KERNEL_BASE + PHYSICAL) { *(.data .data.*) } :data
  .bss : AT(ADDR(.bss) - KERNEL_BASE + PHYSICAL) {
    __bss_start = .; *(.bss .bss.* COMMON) . = ALIGN(16); __bss_end = .;
  } :data
  _end = .;
  ASSERT(_end > KERNEL_BASE, "the kernel wraps around")
  /DISCARD/ : { *(.eh_frame) *(.note.*) }
}
"""
MAIN = """
extern int g(int); extern char _end[], __bss_start[]; extern int table[];
const char msg[] = "hello"; int counter = 3; int zeros[100];
static int twice(int x) { return x * counter; }
int (*fp)(int) = g;
const char *const names[] = {"one", "two", "three"};
__attribute__((section(".multiboot"), used)) const unsigned mb[6] = {1, 2, 3, 4, 5, 6};
void _start(void) {
  zeros[3] = g(twice(2));
  fp(msg[1] + names[zeros[0]][0]);
  for (char *p = __bss_start; p < _end; p++) *p = 0;
  table[1] = 5;
  for (;;) ;
}
"""
OTHER = """
int table[50] = {1, 2}; static int hidden_counter;
int g(int x) { hidden_counter++; return x + table[x & 31] + hidden_counter; }
double scale(double x) { return x * 3.25; }
"""
FREESTANDING = ("-O2", "-ffreestanding", "-mcmodel=kernel", "-mno-red-zone", "-fno-pic", "-fno-pie")


@pytest.mark.parametrize("first", range(0, 100, 20))
def test_random_objects_and_scripts_link_to_the_same_image(first: int, tmp_path: Path) -> None:
    wrong = {}
    for seed in range(first, first + 20):
        directory = tmp_path / str(seed)
        directory.mkdir()
        link = case(seed)
        objects = [assemble(t, directory / f"o{i}.o") for i, t in enumerate(link.objects)]
        found = differences(link.script, objects)
        if not link.has_phdrs:
            # ld gives a headers-only segment a p_paddr one page below its p_vaddr's.
            found = [line for line in found if not line.startswith("segment 0 p_paddr")]
        if found:
            wrong[seed] = found
    assert not wrong


# Where an empty segment or one with out-of-order orphans begins in the file is not the same.
UNLIKE = (17, 29)


def test_orphans_stand_where_gnu_ld_puts_them(tmp_path: Path) -> None:
    wrong = {}
    for seed in range(60):
        if seed in UNLIKE:
            continue
        directory = tmp_path / str(seed)
        directory.mkdir()
        link = orphaned(case(seed), seed * 7)
        objects = [assemble(t, directory / f"o{i}.o") for i, t in enumerate(link.objects)]
        found = differences(link.script, objects)
        if not link.has_phdrs:
            found = [line for line in found if not line.startswith("segment 0 p_paddr")]
        if found:
            wrong[seed] = found
    assert not wrong


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", [("-g",), ("-ffunction-sections", "-fdata-sections")])
def test_a_higher_half_kernel_equals_gnu_ld_byte_for_byte(
    compiler: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    objects = [
        compile_c(text, tmp_path / f"{name}.o", *FREESTANDING, *flags, compiler=compiler)
        for name, text in (("main", MAIN), ("other", OTHER))
    ]
    assert differences(KERNEL_SCRIPT, objects) == []
    strict = our_link(KERNEL_SCRIPT, objects, LinkOptions())
    relaxed = our_link(KERNEL_SCRIPT, objects)
    assert strict.data == relaxed.data


BOOT = """
.code16
.section .boot, "ax"
.globl _start
_start: cli; xor %ax,%ax; mov %ax,%ds; mov $stack_top, %sp; mov msg, %al; jmp main
.section .text, "ax"
main: mov $msg, %si
1: lodsb; test %al,%al; jz 2f; call putc; jmp 1b
2: hlt; jmp 2b
putc: mov $0xe,%ah; int $0x10; ret
ljmp $0, $main
.section .rodata, "a"
msg: .asciz "boot"
.section .bss, "aw", @nobits
.skip 64
stack_top:
"""
BOOT_SCRIPT = """
ENTRY(_start)
SECTIONS {
  . = 0x7c00;
  .text : { *(.boot) *(.text) *(.rodata) . = 510; SHORT(0xaa55) }
  .bss : { *(.bss) }
}
"""


@pytest.mark.parametrize(
    ("mode", "emulation"), [("--64", "elf_x86_64"), ("--32", "elf_i386")], ids=["elf64", "elf32"]
)
def test_a_boot_sector_is_the_same_flat_binary(mode: str, emulation: str, tmp_path: Path) -> None:
    objects = [assemble(BOOT, tmp_path / "boot.o", mode)]
    theirs, result = gnu_link(BOOT_SCRIPT, objects, "-m", emulation, "--oformat", "binary")
    assert theirs is not None, result.stderr
    ours = our_link(BOOT_SCRIPT, objects, LinkOptions(output_format="binary"))
    assert ours.elf is None
    assert len(ours.data) == 512
    assert ours.data == theirs


def test_a_static_program_without_libc_runs(tmp_path: Path) -> None:
    text = """
    static const char *words[] = {"linked", " by", " oro\\n"};
    int counter; char buffer[64];
    static long call(long n, long a, long b, long c) {
      long r; __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c)
                               : "rcx", "r11", "memory"); return r; }
    static long length(const char *s) { long n = 0; while (s[n]) n++; return n; }
    void _start(void) {
      for (counter = 0; counter < 3; counter++) {
        for (long i = 0; i < length(words[counter]); i++) buffer[i] = words[counter][i];
        call(1, 1, (long)buffer, length(words[counter]));
      }
      call(60, counter, 0, 0);
    }
    """
    script = """
    ENTRY(_start)
    PHDRS { text PT_LOAD FILEHDR PHDRS FLAGS(5); rodata PT_LOAD FLAGS(4); data PT_LOAD FLAGS(6);
            stack PT_GNU_STACK FLAGS(6); }
    SECTIONS {
      . = 0x400000 + SIZEOF_HEADERS;
      .text : { *(.text*) } :text
      . = ALIGN(4096);
      .rodata : { *(.rodata*) } :rodata
      . = ALIGN(4096);
      .data : { *(.data*) } :data
      .bss : { *(.bss*) } :data
      /DISCARD/ : { *(.eh_frame) *(.note.*) }
    }
    """
    objects = [
        compile_c(
            text,
            tmp_path / "main.o",
            "-O1",
            "-ffreestanding",
            "-fno-pie",
            "-fno-builtin",
            "-fno-stack-protector",
        )
    ]
    assert differences(script, objects) == []
    program = tmp_path / "program"
    program.write_bytes(our_link(script, objects, LinkOptions()).data)
    program.chmod(0o755)
    import subprocess

    result = subprocess.run([program], capture_output=True, timeout=10)
    assert (result.returncode, result.stdout) == (3, b"linked by oro\n")


def test_zig_objects_link_as_gnu_ld_links_them(tmp_path: Path) -> None:
    import sys

    source = tmp_path / "main.c"
    source.write_text(MAIN)
    other = tmp_path / "other.c"
    other.write_text("int table[50]; int g(int x) { return table[x & 31]; }\n")
    for path in (source, other):
        check(
            sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-freestanding-none",
            "-mcmodel=kernel", "-mno-red-zone", "-mgeneral-regs-only", "-fno-sanitize=undefined",
            "-g", "-O2", "-c", path.name, "-o", path.with_suffix(".o").name, cwd=tmp_path,
        )  # fmt: skip
    assert differences(KERNEL_SCRIPT, [tmp_path / "main.o", tmp_path / "other.o"]) == []


def test_the_comparison_sees_what_differs(tmp_path: Path) -> None:
    objects = [
        assemble(
            ".globl _start\n_start: mov $value, %eax\n.data\nvalue: .long 7\n", tmp_path / "a.o"
        )
    ]
    script = "SECTIONS {{ . = {0}; .text : {{ *(.text) }} .data {1} : {{ *(.data) }} }}"
    first = our_link(script.format("0x100000", "0x200000"), objects)
    second = our_link(script.format("0x100000", "0x201000"), objects)
    assert first.elf is not None
    assert second.elf is not None
    lines = "\n".join(compare(first.elf, second.elf))
    assert "section .data sh_addr: 0x200000 / 0x201000" in lines
    assert "symbol value: 0x200000" in lines
    assert "section .text+0x2 (_start+0x2): 0020" in lines
    assert compare(first.elf, read(first.data, "again")) == []

"""Kernels of other people, built by other tools: no `.oro.code`, no configuration.

Correct code that looks like a mistake is passed; the mistake itself is still found.
"""

from __future__ import annotations

import pytest

from lint.building import _run_tool, assemble, link
from orobuild.elf import reader
from orobuild.lint import LintConfig, check_image

# A 32-bit Multiboot kernel, as tutorials write it.
MULTIBOOT_32 = """
    .section .multiboot, "a"
    .long 0x1BADB002, 3, -(0x1BADB002 + 3)
    .section .bss
    .skip 4096
stack_top:
    .section .text
    .globl _start
    .type _start, @function
_start:
    mov $stack_top, %esp
    call kernel_main
    cli
1:  hlt
    jmp 1b
"""
SCRIPT_32 = """
    ENTRY(_start)
    SECTIONS {
      . = 1M;
      .text : { *(.multiboot) *(.text*) }
      . = ALIGN(4K);
      .rodata : { *(.rodata*) }
      . = ALIGN(4K);
      .data : { *(.data*) }
      .bss : { *(COMMON) *(.bss*) }
      /DISCARD/ : { *(.eh_frame) *(.note*) *(.comment) }
    }
"""

# A higher-half x86-64 kernel: Multiboot2 entry in 32-bit code at its physical address, a far jump
# to 64-bit code, a 16-bit trampoline that is copied below 1 MiB, tables between the code, stubs.
HIGHER_HALF = """
    .set BASE, 0xffffffff80000000
    .section .boot.header, "a"
    .balign 8
header:
    .long 0xe85250d6, 0, header_end - header
    .long -(0xe85250d6 + (header_end - header))
    .short 0, 0
    .long 8
header_end:
    .section .boot, "ax"
    .code32
    .globl start32
start32:
    cli
    mov $boot_gdt_pointer, %eax
    lgdt (%eax)
    call fill_tables
    test %eax, %eax
    jz no_long_mode
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $8, $start64_low
no_long_mode:
    hlt
    jmp no_long_mode
fill_tables:
    inc %eax                        # in 64-bit code this byte would be a prefix
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0x1000, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    ret
    .code64
start64_low:
    movabs $start64, %rax
    jmp *%rax
    .balign 8
boot_gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_pointer:
    .short . - boot_gdt - 1
    .long boot_gdt
    .section .text, "ax"
    .globl start64
start64:
    mov $stack_top, %rsp
    call kernel_main
1:  hlt
    jmp 1b
    .globl trampoline, trampoline_end
trampoline:
    .code16
    cli
    xor %ax, %ax
    mov %ax, %ds
    lgdtl trampoline_gdt_pointer - trampoline + 0x8000
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $(trampoline32 - trampoline + 0x8000)
trampoline_gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
trampoline_gdt_pointer:
    .short . - trampoline_gdt - 1
    .long trampoline_gdt - trampoline + 0x8000
    .code32
trampoline32:
    mov $0x10, %ax
    mov %ax, %ds
    jmp trampoline32
trampoline_end:
    .code64
message: .asciz "\\xe8\\xff\\xff\\xff\\x7f a string that looks like a call"
    .balign 16
    .globl isr_timer
isr_timer:
    push $0
    push $32
    jmp isr_common
    ISR_SECTION
isr_common:
    push %rax
    call timer_tick
    pop %rax
    add $16, %rsp
    iretq
    .section .text, "ax"
    .section .rodata, "a"
    .quad 1
    .section .bss
    .skip 4096
stack_top:
"""
SCRIPT_64 = """
    ENTRY(start32)
    PHDRS {
      boot PT_LOAD FLAGS(4); bootx PT_LOAD FLAGS(5);
      text PT_LOAD FLAGS(5); rodata PT_LOAD FLAGS(4); data PT_LOAD FLAGS(6);
    }
    BASE = 0xffffffff80000000;
    SECTIONS {
      . = 1M;
      .boot.header : { KEEP(*(.boot.header)) } :boot
      .boot : ALIGN(4K) { *(.boot) } :bootx
      . = ALIGN(4K) + BASE;
      .text : AT(ADDR(.text) - BASE) { *(.text .text.*) } :text
      . = ALIGN(4K);
      .rodata : AT(ADDR(.rodata) - BASE) { *(.rodata .rodata.*) } :rodata
      . = ALIGN(4K);
      .data : AT(ADDR(.data) - BASE) { *(.data .data.*) } :data
      .bss : AT(ADDR(.bss) - BASE) { *(.bss .bss.*) } :data
      /DISCARD/ : { *(.eh_frame) *(.note*) *(.comment) }
    }
"""
C = """
extern void isr_timer(void);
volatile int ticks;
static void *idt[256];
void timer_tick(void) { ticks++; }
static void put(const char *s) { while (*s) ((volatile char *)0xb8000)[0] = *s++; }
int choose(int i) {
    switch (i) {
    case 0: put("zero"); return 3; case 1: put("one"); return 1; case 2: put("two"); return 4;
    case 3: put("three"); return 1; case 4: put("four"); return 5; default: return 9;
    }
}
__attribute__((noreturn)) void panic(const char *why) { put(why); for (;;) __asm__("hlt"); }
void kernel_main(void) {
    idt[32] = ENTRY;
    for (int i = 0;; i++) if (choose(i & 7) == 27) panic("impossible");
}
"""


def compile_kernel(compiler: str, level: str, *flags: str, entry: str = "isr_timer") -> bytes:
    options = [level, *flags, "-ffreestanding", "-fno-stack-protector", "-fno-pic"]
    options += ["-mno-sse", "-mno-mmx", f"-DENTRY={entry}"]
    return _run_tool([compiler, *options, "-c", "-o", "k.o", "k.c"], {"k.c": C.encode()}, "k.o")


def findings(image: bytes, config: LintConfig | None = None) -> list[str]:
    found = check_image(reader.read(image, "kernel.elf"), config=config or LintConfig())
    return [f"{f.rule} {f.message}" for f in found]


def higher_half(c_object: bytes, isr_section: str = '.section .text, "ax"') -> bytes:
    text = HIGHER_HALF.replace("ISR_SECTION", isr_section)
    return link({"b.o": assemble(text, "--64"), "k.o": c_object}, script=SCRIPT_64)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_a_correct_32_bit_multiboot_kernel_has_no_error(compiler, level):
    code = compile_kernel(compiler, level, "-m32", entry="0")
    image = link(
        {"b.o": assemble(MULTIBOOT_32, "--32"), "k.o": code},
        *("-m", "elf_i386", "-z", "noexecstack", "--no-warn-rwx-segments"),
        script=SCRIPT_32,
    )
    # Without PHDRS, GNU ld puts .rodata beside .text: what SEG006 is for.
    assert all(f.startswith("SEG006") for f in findings(image))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_a_correct_higher_half_kernel_is_clean(compiler, level):
    code = compile_kernel(compiler, level, "-mcmodel=kernel", "-mno-red-zone")
    assert findings(higher_half(code)) == []


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("section", [".section .rodata", '.section .isr, ""'])
def test_the_founding_bug_is_found_in_it(compiler, section):
    code = compile_kernel(compiler, "-O2", "-mcmodel=kernel", "-mno-red-zone")
    (finding,) = findings(higher_half(code, section))
    assert finding.startswith("SEG001 jmp at ")
    assert "(isr_timer+0x4 in .text) goes to isr_common" in finding


def test_the_red_zone_is_found_in_it():
    code = compile_kernel("clang", "-O0", "-mcmodel=kernel", "-mred-zone")
    image = higher_half(code)
    assert findings(image) == []  # nothing says that these functions are 64-bit code
    widths = 'code = { "start32..start64_low" = 32, "trampoline..trampoline_end" = 16 }'
    import tomllib

    from orobuild.lint.config import from_mapping

    found = findings(image, from_mapping(tomllib.loads(widths)))
    assert found
    assert all(f.startswith("FLG001") for f in found)

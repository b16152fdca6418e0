"""The objects that the script cases link: a little of everything a compiler or a kernel emits."""

from __future__ import annotations

from pathlib import Path

from linker.linking import assemble, check

FIRST = """
.file "a.c"
.globl _start, alpha
.text
_start: mov $x, %eax
        call y
        lea words(%rip), %rsi
alpha:  ret
.section .text.hot,"ax"
.globl hot
hot: nop
.section .text.unlikely,"ax"
cold: nop; nop
.section .init.text,"ax"
.globl init_a
.balign 16
init_a: call init_b
.section .init_array.00100,"aw",@init_array
.quad 100
.section .init_array.5,"aw",@init_array
.quad 5
.section .init_array,"aw",@init_array
.quad 0
.section .ctors.65000,"aw"
.quad 65000
.section .ctors,"aw"
.quad 1
.data
.globl x
x: .quad 1
.section .data.cacheline,"aw"
.balign 64
line: .byte 1
.section .percpu,"aw"
.globl cpu_a
cpu_a: .quad 0x11
.section .ro,"a"
.byte 9
.section .rodata.b,"a"
.byte 1
.section .rodata.a,"a"
.balign 4
.byte 2
.section .rodata.str1.1,"aMS",@progbits,1
words: .string "hello world"
.string "world"
.section .bss
.globl zero_a
zero_a: .skip 24
.section .bss.page,"aw",@nobits
.balign 32
.skip 32
.comm common_big, 40, 32
.comm common_small, 3, 1
.section .note.x,"a",@note
.long 4,4,1
.ascii "ABC\\0"
.long 5
.section "odd-name","a"
.byte 0x0d
.section ".a$b+c","a"
.byte 0x0e
.section .comment,"MS",@progbits,1
.string "compiled by hand"
.section .note.GNU-stack,"",@progbits
"""
SECOND = """
.file "b.c"
.globl y, init_b, weak_b
.weak nowhere
.text
y: mov counter(%rip), %eax
   lea x(%rip), %rdx
   ret
weak_b: ret
.section .text.hot,"ax"
.balign 8
warm: nop
.section .init.text,"ax"
init_b: ret
.section .rodata.a,"a"
.byte 3
.section .rodata.c,"a"
.balign 16
.byte 4
.section .rodata.str1.1,"aMS",@progbits,1
.string "world"
.data
counter: .quad y
.quad nowhere
.section .percpu,"aw"
.balign 16
.globl cpu_b
cpu_b: .quad 0x22
.section .bss
.skip 5
.comm common_mid, 8, 8
.section .init_array.00020,"aw",@init_array
.quad 20
.section .fini_array,"aw",@fini_array
.quad 0
.section .note.GNU-stack,"",@progbits
"""
MEMBERS = {
    "m1": '.globl member1\n.text\nmember1: ret\n.section .rodata.m,"a"\n.byte 0x31\n.data\n.byte 1\n',
    "m2": ".globl member2\n.text\nmember2: call member1\n.data\n.byte 2\n",
    "m3": ".globl member3\n.text\nmember3: nop\n.data\n.byte 3\n",
}
STACK = '.section .note.GNU-stack,"",@progbits\n'


def make(directory: Path) -> None:
    """Write a.o, b.o, sub/c.o, libm.a (m1.o, m2.o), libn.a (m3.o), the same for ELF32, and the
    objects of a kernel."""
    assemble(FIRST, directory / "a.o")
    assemble(SECOND, directory / "b.o")
    (directory / "sub").mkdir()
    assemble('.data\n.globl sub\nsub: .byte 0x5c\n.section .ro,"a"\n.byte 7\n' + STACK,
             directory / "sub" / "c.o")  # fmt: skip
    for name, text in MEMBERS.items():
        assemble(text + STACK, directory / f"{name}.o")
    check("ar", "rcs", "libm.a", "m1.o", "m2.o", cwd=directory)
    check("ar", "rcs", "libn.a", "m3.o", cwd=directory)
    assemble(KERNEL, directory / "kernel.o")
    assemble(DRIVER, directory / "driver.o")
    small = ".code32\n.globl _start\n.text\n_start: mov $v, %eax\ncall f\n.data\nv: .long f-.\n"
    assemble(small + ".bss\n.skip 9\n" + STACK, directory / "small.o", "--32")
    assemble(".globl f\nf: ret\n" + '.section .rodata,"a"\n.byte 1\n' + STACK,
             directory / "small2.o", "--32")  # fmt: skip


KERNEL = """
.file "kernel.c"
.globl _start, start_kernel
.section .head.text,"ax"
_start: lea stack_end(%rip), %rsp
  call start_kernel
1: hlt
  jmp 1b
.section .multiboot_header,"a"
.balign 8
.long 0xe85250d6, 0, 16, -(0xe85250d6 + 16)
.section .limine_requests_start,"aw"
.quad 0xf6b8f4b39de7d1ae
.section .limine_requests,"aw"
.quad 1
.section .text
start_kernel: leaq message(%rip), %rdi
  movabs $cpu_number, %rax
  call early
fault: movq (%rdi), %rax
  ret
.section .text.hot._late,"ax"
nop
.section .text.unlikely,"ax"
ud2
.section .noinstr.text,"ax"
ret
.section .init.text,"ax"
early: call weak_hook
  ret
.section .exit.text,"ax"
bye: ret
.section .rodata,"a"
message: .asciz "booting"
.section .rodata..ro_after_init,"aw"
.quad 3
.section __ex_table,"a"
.balign 4
.long fault - ., early - ., 1
.section .altinstructions,"a"
.long fault - .
.byte 3, 3
.section "___ksymtab+zeta","a"
.long start_kernel - .
.section "___ksymtab+alpha","a"
.long message - .
.section .initcall4.init,"a"
.long early - .
.section .initcall1.init,"a"
.long bye - .
.section .initcallearly.init,"a"
.long start_kernel - .
.section .data..percpu..first,"aw"
.balign 64
fixed: .quad 0x1111
.section .data..percpu,"aw"
.globl cpu_number
cpu_number: .quad 0
.section .data..page_aligned,"aw"
.balign 4096
table: .quad table
.section .data,"aw"
.quad start_kernel, __per_cpu_load, _end
.section .u_boot_list_2_cmd_2_run,"aw"
.quad 2
.section .u_boot_list_2_cmd_2_boot,"aw"
.quad 1
.section .u_boot_list_2_driver_2_uart,"aw"
.quad 9
.section .vectors,"ax"
.quad 0xfeed
.section .bss..page_aligned,"aw",@nobits
.balign 4096
.skip 4096
.section .bss
.skip 100
.section .stack,"aw",@nobits
.skip 256
stack_end:
.weak weak_hook
.section .text
weak_hook: ret
.section .modinfo,"a"
.asciz "license=MIT"
.section .note.Linux,"a",@note
.long 6, 4, 0x100
.asciz "Linux"
.balign 4
.long 1
.section .comment,"MS",@progbits,1
.asciz "made by hand"
.section .note.GNU-stack,"",@progbits
"""
DRIVER = """
.file "driver.c"
.section .text
.globl probe
probe: movabs $cpu_second, %rax
  ret
.section .data..percpu,"aw"
cpu_second: .quad 5
.section .init.data,"aw"
.byte 7
.section .init.rodata,"a"
.asciz "initial"
.section .initcall6.init,"a"
.long probe - .
.section "___ksymtab+probe","a"
.long probe - .
.section .u_boot_list_2_driver_2_disk,"aw"
.quad 8
.section .fast,"ax"
ret
.section .data,"aw"
.quad probe
.comm shared, 16, 16
.section .note.GNU-stack,"",@progbits
"""

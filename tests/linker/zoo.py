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
    """Write a.o, b.o, sub/c.o, libm.a (m1.o, m2.o, m3.o), libn.a and their ELF32 like."""
    assemble(FIRST, directory / "a.o")
    assemble(SECOND, directory / "b.o")
    (directory / "sub").mkdir()
    assemble('.data\n.globl sub\nsub: .byte 0x5c\n.section .ro,"a"\n.byte 7\n' + STACK,
             directory / "sub" / "c.o")  # fmt: skip
    for name, text in MEMBERS.items():
        assemble(text + STACK, directory / f"{name}.o")
    check("ar", "rcs", "libm.a", "m1.o", "m2.o", cwd=directory)
    check("ar", "rcs", "libn.a", "m3.o", cwd=directory)
    small = ".code32\n.globl _start\n.text\n_start: mov $v, %eax\ncall f\n.data\nv: .long f-.\n"
    assemble(small + ".bss\n.skip 9\n" + STACK, directory / "small.o", "--32")
    assemble(".globl f\nf: ret\n" + '.section .rodata,"a"\n.byte 1\n' + STACK,
             directory / "small2.o", "--32")  # fmt: skip

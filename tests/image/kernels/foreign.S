# The headers and the 32-bit entry of foreign.c, for the protocols that have them.

.ifdef MULTIBOOT                        # the header's flags
    .section .header, "a", @progbits
    .balign 4
header1:
    .long 0x1badb002, MULTIBOOT, -(0x1badb002 + MULTIBOOT)
    .long header1, load_start, load_end, bss_end, start
    .long 0, 640, 480, 32
.endif

.ifdef MULTIBOOT2
    .section .header, "a", @progbits
    .balign 8
header2:
    .long 0xe85250d6, 0, header2_end - header2
    .long -(0xe85250d6 + (header2_end - header2))
.ifdef ADDRESSES
    .balign 8
    .word 2, 0
    .long 24, header2, LOAD_START, load_end, bss_end
    .balign 8
    .word 3, 0
    .long 12, start
.endif
    .balign 8
    .word 6, 0
    .long 8
    .balign 8
    .word 10, 1                         # relocatable, if the loader likes
    .long 24, 0x100000, 0x8000000, 0x200000, 1
    .balign 8
    .word 0, 0
    .long 8
header2_end:
.endif

    .section .text, "ax", @progbits
.code32
    .globl start
start:
    movl $stack_end, %esp
    pushl $0
    pushl $0
    pushl %ebx
    pushl %eax
    call kernel

    .section .bss, "aw", @nobits
    .balign 16
    .skip 0x4000
stack_end:

    .section .note.GNU-stack, "", @progbits

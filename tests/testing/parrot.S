/* A kernel that says what its command line says, and ends as that says: `@` and a letter. */

.section .note.pvh,"a",@note
    .balign 4
    .long 4, 4, 18                  /* sizes of name and descriptor; XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long start

.section .multiboot2,"a",@progbits
    .balign 8
header:
    .long 0xe85250d6, 0, header_end - header
    .long 0x100000000 - (0xe85250d6 + header_end - header)
    .word 0, 0                      /* the tag that ends the list */
    .long 8
header_end:

.section .text,"ax",@progbits
    .code32
    .globl start
    .type start, @function
/* QEMU enters by PVH: protected mode, flat segments, ebx the start information. A loader enters alike by
   Multiboot2, which eax says; ebx is then the list of tags. */
start:
    cld
    movl $stack_top, %esp
    cmpl $0x36d76289, %eax
    je tags
    movl 24(%ebx), %esi             /* cmdline_paddr */
next:
    lodsb
    testb %al, %al
    jz idle
    cmpb $'@', %al
    je order
    call put
    jmp next

/* al: the character; dx is lost. */
put:
    movb %al, %ah
    movw $0x3fd, %dx
1:  inb %dx, %al
    testb $0x20, %al
    jz 1b
    movb %ah, %al
    movw $0x3f8, %dx
    outb %al, %dx
    ret

order:
    lodsb
    cmpb $'p', %al                  /* pass, by isa-debug-exit */
    je pass
    cmpb $'f', %al                  /* fail */
    je fail
    cmpb $'z', %al                  /* exit with the value 0 */
    je zero
    cmpb $'t', %al                  /* triple fault */
    je triple_fault
    cmpb $'o', %al                  /* power off: PM1a_CNT of the Q35, SLP_EN */
    je power_off
    cmpb $'h', %al                  /* hang */
    je hang
    cmpb $'n', %al                  /* a new line, which a boot menu's text cannot have */
    je line
    cmpb $'e', %al                  /* echo what is typed, until Ctrl-D */
    je echo
    cmpb $'g', %al                  /* garbage: every byte there is */
    je garbage
    cmpb $'l', %al                  /* a line that never ends */
    je endless
    cmpb $'w', %al                  /* wait a while */
    jne next
    movl $30000000, %ecx
1:  decl %ecx
    jnz 1b
    jmp next

tags:
    addl $8, %ebx                   /* the first tag */
1:  cmpl $1, (%ebx)                 /* the command line */
    je 2f
    cmpl $0, (%ebx)                 /* the end */
    je idle
    movl 4(%ebx), %ecx
    addl $7, %ecx
    andl $-8, %ecx
    addl %ecx, %ebx
    jmp 1b
2:  leal 8(%ebx), %esi
    jmp next

line:
    movb $'\n', %al
    call put
    jmp next

echo:
    movw $0x3fd, %dx
    inb %dx, %al
    testb $1, %al
    jz echo
    movw $0x3f8, %dx
    inb %dx, %al
    cmpb $4, %al
    je next
    call put
    jmp echo

garbage:
    xorl %ecx, %ecx
1:  movb %cl, %al
    call put
    incb %cl
    jnz 1b
    jmp next

endless:
    movb $'x', %al
    call put
    jmp endless

pass:
    movl $0x10, %eax
    jmp exit
fail:
    movl $0x11, %eax
    jmp exit
zero:
    xorl %eax, %eax
exit:
    movw $0xf4, %dx
    outl %eax, %dx
    jmp idle
power_off:
    movw $0x604, %dx
    movw $0x2000, %ax
    outw %ax, %dx
    jmp idle
triple_fault:
    lidt no_table
    int3
idle:
    cli
    hlt
    jmp idle
    .size start, . - start

    .globl hang
    .type hang, @function
hang:
    jmp hang
    .size hang, . - hang

.section .rodata,"a",@progbits
no_table:
    .word 0
    .long 0

.section .bss,"aw",@nobits
    .skip 4096
stack_top:

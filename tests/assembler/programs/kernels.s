What kernels write, each program in one kernel's manner.

#### Multiboot header and the way to long mode
.set MAGIC, 0x1BADB002
.set FLAGS, (1 << 0) | (1 << 1)
.set KERNEL_BASE, 0xFFFFFFFF80000000
.section .multiboot, "a", @progbits
.balign 4
mb: .long MAGIC, FLAGS, -(MAGIC + FLAGS)
.section .multiboot2, "a"
.balign 8
head: .long 0xe85250d6, 0, head_end - head, 0x100000000 - (0xe85250d6 + 0 + (head_end - head))
.word 5, 0
.long 20, 1024, 768, 32
.balign 8
.word 0, 0
.long 8
head_end:
.section .boot.text, "ax", @progbits
.code32
.globl _start
_start:
cli
movl $(stack_top - KERNEL_BASE), %esp
movl $(pml4 - KERNEL_BASE), %eax
movl %eax, %cr3
movl $(pdpt - KERNEL_BASE + 0x3), (pml4 - KERNEL_BASE)
movl $(pdpt - KERNEL_BASE + 3), pml4 - KERNEL_BASE + 511 * 8
movl %cr4, %eax
orl $((1 << 5) | (1 << 7)), %eax
movl %eax, %cr4
movl $0xC0000080, %ecx
rdmsr
btsl $8, %eax
wrmsr
movl %cr0, %eax
orl $0x80000000, %eax
movl %eax, %cr0
lgdt (gdt_pointer - KERNEL_BASE)
ljmp $0x08, $(long_mode - KERNEL_BASE)
.code64
long_mode:
movabsq $higher, %rax
jmp *%rax
.text
higher:
movw $0x10, %ax
.irp seg, ds, es, ss
movw %ax, %\seg
.endr
xorl %ebp, %ebp
leaq stack_top(%rip), %rsp
pushq $0
popfq
call kmain
1: hlt
jmp 1b
.section .boot.data, "aw"
.balign 16
gdt: .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_pointer: .word gdt_pointer - gdt - 1
.quad gdt - KERNEL_BASE
.bss
.balign 4096
pml4: .skip 4096
pdpt: .skip 4096
.skip 16384
stack_top:
#### a boot sector
.code16
.section .text
.globl start
start:
ljmp $0, $real
real: cli
cld
xorw %ax, %ax
movw %ax, %ds
movw %ax, %es
movw %ax, %ss
movw $start, %sp
a20_1: inb $0x64, %al
testb $0x2, %al
jnz a20_1
movb $0xd1, %al
outb %al, $0x64
lgdt gdtdesc
movl %cr0, %eax
orl $1, %eax
movl %eax, %cr0
ljmpl $(1 << 3), $start32
.code32
start32: movw $(2 << 3), %ax
movw %ax, %ds
movl $start, %esp
call bootmain
spin: jmp spin
.p2align 2
gdt: .word 0, 0; .byte 0, 0, 0, 0
.word (((0xffffffff) >> 12) & 0xffff), ((0) & 0xffff)
.byte (((0) >> 16) & 0xff), (0x90 | (0x8 | 0x2)), (0xC0 | (((0xffffffff) >> 28) & 0xf)), (((0) >> 24) & 0xff)
gdtdesc: .word (gdtdesc - gdt - 1)
.long gdt
.org start + 446
.rept 4
.fill 16, 1, 0
.endr
.org 510
.word 0xaa55
#### interrupt stubs
.macro STUB n
.align 16
.globl vector\n
.type vector\n, @function
vector\n:
.if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n == 21)
.else
pushq $0
.endif
pushq $\n
jmp common
.size vector\n, . - vector\n
.endm
.altmacro
.set i, 0
.rept 256
STUB %i
.set i, i + 1
.endr
.noaltmacro
.section .rodata
.globl vectors
vectors:
.set i, 0
.macro ENTRY_OF n
.quad vector\n
.endm
.altmacro
.rept 256
ENTRY_OF %i
.set i, i + 1
.endr
.noaltmacro
.text
common:
testb $3, 24(%rsp)
jz 1f
swapgs
1: .irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
pushq %\reg
.endr
movq %rsp, %rdi
cld
call trap
.irp reg, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
popq %\reg
.endr
addq $16, %rsp
iretq
#### alternatives, exception and bug tables
.macro ALT old, new, feature
140: \old
141: .skip -(((144f-143f)-(141b-140b)) > 0) * ((144f-143f)-(141b-140b)), 0x90
142: .pushsection .altinstructions, "a"
.long 140b - .
.long 143f - .
.4byte \feature
.byte 142b - 140b
.byte 144f - 143f
.popsection
.pushsection .altinstr_replacement, "ax"
143: \new
144: .popsection
.endm
.macro EXTABLE from, to, kind=1
.pushsection "__ex_table", "a"
.balign 4
.long (\from) - .
.long (\to) - .
.long \kind
.popsection
.endm
.macro EXTYPE_REG type:req reg:req
.set .Lfound, 0
.set .Lnr, 0
.irp rs,rax,rcx,rdx,rbx,rsp,rbp,rsi,rdi,r8,r9,r10,r11,r12,r13,r14,r15
.ifc \reg, %\rs
.set .Lfound, .Lfound+1
.long \type + (.Lnr << 8)
.endif
.set .Lnr, .Lnr+1
.endr
.if (.Lfound != 1)
.error "bad register argument"
.endif
.endm
.text
.globl copy
copy:
ALT "", "stac", (9*32+20)
ALT "jmp slow", "rep movsb; jmp 9f", 0x120
1: movq (%rsi), %rax
2: movq %rax, (%rdi)
9: ALT "", "clac", (9*32+20)
ret
slow: movl $-14, %eax
jmp 9b
EXTABLE 1b, slow
EXTABLE 2b, slow, 3
.section .discard, "a"
EXTYPE_REG 5, %r11
.text
661: ud2
.pushsection __bug_table, "aw"
2: .long 661b - .
.word 42
.word (1<<0)|(2<<8)
.org 2b + 12
.popsection
.pushsection .discard.reachable
.long 661b - .
.popsection
771: call *pv_ops+8(%rip)
772: .pushsection .parainstructions, "a"
.balign 8
.quad 771b
.byte 12
.byte 772b - 771b
.short 0xffff
.popsection
1: .byte 0x0f, 0x1f, 0x44, 0x00, 0
.pushsection __jump_table, "aw"
.balign 8
.long 1b - ., copy - .
.quad key + 1 - .
.popsection
#### a trampoline for other cores
.section .text32, "ax"
.code16
.balign 4096
.globl trampoline_start
trampoline_start:
cli
wbinvd
movw %cs, %ax
movw %ax, %ds
movw $(stack_end - trampoline_start), %sp
call verify
movl $0xA5A5A5A5, trampoline_status - trampoline_start
lidtl tidt - trampoline_start
lgdtl tgdt - trampoline_start
lgdt %cs:(tgdt - trampoline_start)
movw $1, %ax
lmsw %ax
ljmpl *(vector - trampoline_start)
data32 ljmp *vector - trampoline_start
ljmpl $0x10, $(startup_32 - trampoline_start)
verify: addr32 movl trampoline_status, %eax
movl %fs:0(%esi), %eax
retl
vector: .long startup_32 - trampoline_start
.word 0x10, 0
.code32
.balign 4
startup_32:
movl $0, %eax
movl (startup_32 - trampoline_start)(%ebx), %eax
leal (startup_64 - trampoline_start)(%esi), %eax
pushl $0x18
pushl %eax
lretl
.code64
startup_64: jmpq *tr_start(%rip)
tidt: .word 0; .long 0
tgdt: .short tgdt_end - tgdt - 1
.long tgdt - trampoline_start
.short 0
.quad 0x00cf9b000000ffff
tgdt_end:
trampoline_status: .space 4
.bss
tr_start: .space 8
stack: .space 0x100
stack_end:
#### assembly inside Rust
.intel_syntax noprefix
.section .text._start, "ax"
.globl _start
_start:
// the first instructions
lea rsp, [rip + stack_top]
mov rax, cr4
or eax, 1 << 9 | 1 << 10
mov cr4, rax
mov rdi, offset HEADER
movabs rax, offset kernel_main
mov dword ptr [rip + FLAG], 1
lock xadd qword ptr [rdi], rax
test byte ptr [rsp + 8], 3
je 2f
swapgs
2: cmp qword ptr gs:[0x10], 0
jne 2b
mov rsp, qword ptr gs:[0x8]
push qword ptr [rax + rcx*8 + 16]
fxsave64 [rsp]
xsaveopt64 [rdi]
rep stosq
jmp rax
call qword ptr [rip + TABLE]
iretq
.att_syntax
.data
FLAG: .long 0
TABLE: .quad _start
.section .requests,"aw"
HEADER: .quad 0xc7b1dd30df4c8b88, 0x0a82e883a194f07b, 0x9d5827dcd881dd75, 0xa3148604f6fab11b
.bss
.skip 64
stack_top:
#### names, vectors and frames in the manner of the BSDs
.macro IDTVEC name
.p2align 4, 0x90
.globl X\name
.type X\name, @function
X\name:
.endm
.macro PTI_ENTRY name, cont, has_err=0
IDTVEC \name\()_pti
.if \has_err == 0
subq $8, %rsp
.endif
pushq %rax
movq %gs:768, %rax
.if \has_err
testb $3, 3*8(%rsp)
.else
testb $3, 2*8(%rsp)
.endif
jz .L\name\()_\@
movq %rax, %cr3
.L\name\()_\@:
popq %rax
jmp \cont
.endm
.text
PTI_ENTRY page, alltraps, has_err=1
PTI_ENTRY dna, alltraps
alltraps: movl $-1, %edi
.set TF_SIZE, 0xc0
subq $TF_SIZE - 0x20, %rsp
movw %fs, 0x50(%rsp)
.globl doreti_iret
doreti_iret: iretq
.p2align 4, 0xcc
.section .rodata.cst16, "aM", @progbits, 16
.balign 16
mask: .octa 0x000102030405060708090a0b0c0d0e0f
.weak_ref_target = doreti_iret
.weak hook
.set hook, alltraps
.text
.cfi_startproc
pushq %rbp
.cfi_def_cfa_offset 16
.cfi_offset %rbp, -16
movq %rsp, %rbp
.cfi_def_cfa_register %rbp
leave
.cfi_def_cfa %rsp, 8
ret
.cfi_endproc
#### tables of the kernel itself
.macro __sym name sec:vararg
.section "___ksymtab+\name", "a"
.balign 4
__ksymtab_\name: .long \name - .
.ifb \sec
.long 0
.else
.long __kstrtab_\name - .
.section "__ksymtab_strings", "aMS", @progbits, 1
__kstrtab_\name: .asciz "\sec"
.endif
.previous
.endm
.text
memcpy: ret
__sym memcpy
__sym memcpy2 some name, with comma
memcpy2: ret
.macro syscall_table from:req, to:req
.set n, \from
.rept \to - \from
.quad sys_ni
.set n, n + 1
.endr
.endm
.section .rodata
syscall_table 0, 5
.ifndef CONFIG_X
.equiv CONFIG_X, 3
.endif
.if CONFIG_X & 2 && !0
.long 1
.elseif 1
.long 2
.endif
.type sys_ni, @function
.hidden sys_ni
.quad sys_ni@GOTOFF
.long sys_ni@PLT

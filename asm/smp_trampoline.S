# smp_trampoline.S - where a secondary core starts: from real mode to long mode in one step.
#
# The bytes are linked inside .text and copied to a page below 1 MiB, where a start-up IPI sends
# the core (Intel SDM Vol. 3A 8.4.4): cs = page >> 4, ip = 0. The page is mapped at its physical
# address, readable and executable, while cores start. struct trampoline lies at
# TRAMPOLINE_PARAMETERS in the page; the code finds it by its distance from the start, which the
# copy preserves.

.set parameters, TRAMPOLINE_PARAMETERS

.section .text.smp_trampoline,"ax",@progbits
.code16
    .balign 16
    .globl _oro_smp_trampoline_start
    .type _oro_smp_trampoline_start, @function
# In: real mode, interrupts off, cs:ip = page:0. No stack is used.
_oro_smp_trampoline_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl parameters + trampoline.gdt_limit

    # Straight to IA-32e mode: PAE, CR3, LME and NXE, then PE and PG together.
    movl parameters + trampoline.cr4, %eax
    movl %eax, %cr4
    movl parameters + trampoline.cr3, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl parameters + trampoline.efer, %eax
    xorl %edx, %edx
    wrmsr
    movl parameters + trampoline.cr0, %eax
    movl %eax, %cr0
    ljmpl *(parameters + trampoline.long_mode_offset)
    .size _oro_smp_trampoline_start, . - _oro_smp_trampoline_start

.code64
    .globl _oro_smp_trampoline_long_mode
    .type _oro_smp_trampoline_long_mode, @function
# In: long mode, the kernel's page tables, still in the low page.
# No return: jumps to trampoline.entry(struct core *) with rsp = trampoline.stack and the early
# IDT loaded.
_oro_smp_trampoline_long_mode:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    leaq _oro_smp_trampoline_start + parameters(%rip), %rbx
    movq trampoline.stack(%rbx), %rsp
    movq trampoline.core(%rbx), %rdi
    movabsq $_oro_early_idt_pointer, %rax
    lidt (%rax)
    xorl %ebp, %ebp
    jmp *trampoline.entry(%rbx)
    .size _oro_smp_trampoline_long_mode, . - _oro_smp_trampoline_long_mode

    .globl _oro_smp_trampoline_end
_oro_smp_trampoline_end:

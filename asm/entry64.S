# entry64.S - the first 64-bit code: leave the identity map, catch exceptions, call C.

.section .bss.boot_stack,"aw",@nobits
    .balign PAGE_SIZE
    .globl _oro_boot_stack_guard
    .type _oro_boot_stack_guard, @object
_oro_boot_stack_guard:              # a page that the kernel's own map leaves out
    .skip PAGE_SIZE
    .size _oro_boot_stack_guard, . - _oro_boot_stack_guard
    .skip BOOT_STACK_SIZE
boot_stack_top:

.section .bss.early_idt,"aw",@nobits
    .balign 16
early_idt:
    .skip VECTOR_EXCEPTIONS * idt_gate.sizeof

.section .rodata.early_idt,"a",@progbits
    .balign 8
    .globl _oro_early_idt_pointer
    .type _oro_early_idt_pointer, @object
_oro_early_idt_pointer:             # struct table_pointer
    .short VECTOR_EXCEPTIONS * idt_gate.sizeof - 1
    .quad early_idt
    .size _oro_early_idt_pointer, . - _oro_early_idt_pointer

.section .text.entry64,"ax",@progbits
.code64

# In: esi = magic, ebx = information; runs at the physical address. Uses no stack.
    .globl _oro_entry64_low
    .type _oro_entry64_low, @function
_oro_entry64_low:
    movabsq $entry64, %rax
    jmp *%rax
    .size _oro_entry64_low, . - _oro_entry64_low

# In: as above, now at the virtual address. No return: jumps to
# kernel_main(uint32_t magic, uint64_t information) on the boot stack.
    .type entry64, @function
entry64:
    movl $SELECTOR_KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    leaq boot_stack_top(%rip), %rsp

    # Fill the early IDT: gate i leads to the stub at _oro_isr_early_stubs + i * EARLY_STUB_SIZE.
    leaq _oro_isr_early_stubs(%rip), %rax
    leaq early_idt(%rip), %rdi
    movl $VECTOR_EXCEPTIONS, %ecx
1:  movq %rax, %rdx
    movw %dx, idt_gate.offset_low(%rdi)
    movw $SELECTOR_KERNEL_CODE, idt_gate.selector(%rdi)
    movb $IST_NONE, idt_gate.ist(%rdi)
    movb $GATE_INTERRUPT, idt_gate.type(%rdi)
    shrq $16, %rdx
    movw %dx, idt_gate.offset_middle(%rdi)
    shrq $16, %rdx
    movl %edx, idt_gate.offset_high(%rdi)
    addq $EARLY_STUB_SIZE, %rax
    addq $idt_gate.sizeof, %rdi
    decl %ecx
    jnz 1b
    lidt _oro_early_idt_pointer(%rip)

    movl %esi, %edi
    movl %ebx, %esi
    xorl %ebp, %ebp
    pushq $0                        # in place of a return address: rsp is 8 mod 16
    jmp kernel_main
    .size entry64, . - entry64

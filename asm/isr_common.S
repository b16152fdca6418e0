# isr_common.S - the common entries of device interrupts: timer, inter-processor, spurious.
.include "frame.inc"

# The names of the saved registers in the order of struct frame, for the panic's dump: eight
# bytes each. They stand here because this order is the order of push_registers.
.section .rodata.frame_names,"a",@progbits
    .globl _oro_frame_names
    .type _oro_frame_names, @object
_oro_frame_names:
    .irp name, r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
    .balign 8
    .asciz "\name"
    .endr
    .balign 8
    .size _oro_frame_names, . - _oro_frame_names

.section .text.isr_common,"ax",@progbits
.code64

# In: from a stub; on the current thread's frame page, struct frame from .vector on. Interrupts
# come from ring 3 or from the idle loop, whose stack is its frame page too.
# No return: jumps to interrupt_entry(struct frame *) at the top of the core's kernel stack. The
# variant `vec` first saves the vector registers; the IDT of the current thread leads to the right one.
.macro isr_common kind
    .globl _oro_isr_common_\kind
    .type _oro_isr_common_\kind, @function
_oro_isr_common_\kind:
    cld
    push_registers
    movq %rsp, %rdi
    testb $SELECTOR_RING_MASK, frame.cs(%rdi)
    jz 1f
    swapgs
    keep_vectors \kind
1:  movq %gs:core.kernel_stack, %rsp
    movq %rdi, stack_start.frame(%rsp)
    xorl %ebp, %ebp                 # where a backtrace ends
    jmp interrupt_entry
    .size _oro_isr_common_\kind, . - _oro_isr_common_\kind
.endm

    isr_common novec
    isr_common vec

# isr_common_exc.S - the common entries of exceptions that need no stack of their own.
.include "frame.inc"

.section .text.isr_common_exc,"ax",@progbits
.code64

# In: from a stub; struct frame from .vector on, on the current thread's frame page if the
# exception came from ring 3, else on the stack the kernel was using.
# No return: jumps, from ring 3, to exception_entry(struct frame *) at the top of the core's
# kernel stack; from ring 0, to exception_entry_kernel(struct frame *, uint32_t swapped) at the
# top of the core's exception stack, since the kernel stack is evidence, or goes on after a
# fix-up. `swapped`: GS.base was still the program's. The variant `vec` saves a program's vector
# registers.
.macro isr_common_exc kind
    .globl _oro_isr_common_exc_\kind
    .type _oro_isr_common_exc_\kind, @function
_oro_isr_common_exc_\kind:
    cld
    push_registers
    movq %rsp, %rdi
    testb $SELECTOR_RING_MASK, frame.cs(%rdi)
    jz 1f
    swapgs
    keep_vectors \kind
    movq %gs:core.kernel_stack, %rsp
    movq %rdi, stack_start.frame(%rsp)
    xorl %ebp, %ebp                 # where a backtrace ends
    jmp exception_entry

    # From the kernel, which uses no vector registers.
1:  swapgs_if_needed %esi
    movq %gs:core.exception_stack, %rsp
    movq %rdi, stack_start.frame(%rsp)
    xorl %ebp, %ebp                 # where a backtrace ends
    jmp exception_entry_kernel
    .size _oro_isr_common_exc_\kind, . - _oro_isr_common_exc_\kind
.endm

    isr_common_exc novec
    isr_common_exc vec

# isr_common_ist.S - the common entries of #DB, NMI, #DF and #MC, which arrive on stacks of their
# own (TSS.ist) because they can come at any instruction: with the program's gs or rsp still
# loaded, or with no usable stack.
.include "frame.inc"

.section .text.isr_common_ist,"ax",@progbits
.code64

# In: from a stub; struct frame from .vector on, at the top of an IST stack.
# No return: from ring 3 the frame is moved to the current thread's frame page and the way is
# that of any other exception, exception_entry(struct frame *) on the core's kernel stack. From
# ring 0 jumps to exception_entry_ist(struct frame *, uint32_t swapped) on the IST stack below
# the frame. `swapped`: GS.base was still the program's. The variant `vec` saves a program's
# vector registers.
.macro isr_common_ist kind
    .globl _oro_isr_common_ist_\kind
    .type _oro_isr_common_ist_\kind, @function
_oro_isr_common_ist_\kind:
    cld
    push_registers
    testb $SELECTOR_RING_MASK, frame.cs(%rsp)
    jz 1f
    swapgs
    keep_vectors \kind
    movq %rsp, %rsi
    movq %gs:core.frame, %rdi
    movl $FRAME_WORDS, %ecx
    rep movsq
    movq %gs:core.frame, %rdi
    movq %gs:core.kernel_stack, %rsp
    movq %rdi, stack_start.frame(%rsp)
    xorl %ebp, %ebp                 # where a backtrace ends
    jmp exception_entry

    # From the kernel, which uses no vector registers.
1:  movq %rsp, %rdi
    swapgs_if_needed %esi
    pushq $0                        # struct stack_start: rsp is 8 mod 16
    pushq %rdi
    pushq $_oro_entered
    xorl %ebp, %ebp                 # where a backtrace ends
    jmp exception_entry_ist
    .size _oro_isr_common_ist_\kind, . - _oro_isr_common_ist_\kind
.endm

    isr_common_ist novec
    isr_common_ist vec

# isr_early.S - exceptions before the core's IDT, TSS and GS base exist. Whatever comes is a
# defect of the kernel, so every path ends in the panic.
.include "frame.inc"

.altmacro

# One stub: EARLY_STUB_SIZE bytes, pushes the missing error code and the vector.
.macro early_stub vector
    .balign EARLY_STUB_SIZE
    push_missing_error_code \vector
    pushq $\vector
    jmp isr_early_common
.endm

.section .text.isr_early,"ax",@progbits
.code64
    .balign EARLY_STUB_SIZE
    .globl _oro_isr_early_stubs
    .type _oro_isr_early_stubs, @function
_oro_isr_early_stubs:
    .set next_vector, 0
    .rept VECTOR_EXCEPTIONS
    early_stub %next_vector
    .set next_vector, next_vector + 1
    .endr
    .size _oro_isr_early_stubs, . - _oro_isr_early_stubs

# In: on the interrupted stack, struct frame from .vector on. No return: jumps to
# panic_early(struct frame *).
    .type isr_early_common, @function
isr_early_common:
    cld
    push_registers
    movq %rsp, %rdi
    andq $-16, %rsp
    pushq $0                        # struct stack_start
    pushq %rdi
    pushq $_oro_entered
    xorl %ebp, %ebp                 # where a backtrace ends
    jmp panic_early
    .size isr_early_common, . - isr_early_common

# isr_stubs.S - the 256 interrupt service routine stubs, _oro_isr_handler_<vector>_novec and
# _oro_isr_handler_<vector>_vec, and the two tables of their addresses that the IDTs are filled from.
#
# `vec` leads to the entries that save vector registers. A thread's IDT is the one that its kind
# needs: _novec until its first vector instruction (kernel/arch/vector_state.h).
.include "frame.inc"

.altmacro

# One stub. Hardware has pushed frame.ss to frame.rip, and frame.error_code for some vectors;
# the stub completes frame.error_code and frame.vector and leaves for the common entry.
.macro isr_stub kind, vector
    .balign 16
    .globl _oro_isr_handler_\vector\()_\kind
    .type _oro_isr_handler_\vector\()_\kind, @function
_oro_isr_handler_\vector\()_\kind:
    push_missing_error_code \vector
    pushq $\vector
    isr_common_jump \kind, \vector
    .size _oro_isr_handler_\vector\()_\kind, . - _oro_isr_handler_\vector\()_\kind
.endm

# Jump to the entry for this kind of vector.
.macro isr_common_jump kind, vector
    .if \vector >= VECTOR_EXCEPTIONS
    jmp _oro_isr_common_\kind
    .else
    .if (VECTORS_ON_IST >> \vector) & 1
    jmp _oro_isr_common_ist_\kind
    .else
    jmp _oro_isr_common_exc_\kind
    .endif
    .endif
.endm

# One entry of a table.
.macro isr_address kind, vector
    .quad _oro_isr_handler_\vector\()_\kind
.endm

# All stubs of a kind, and their table.
.macro isr_stubs kind
.section .text.isr_stubs,"ax",@progbits
.code64
    .set next_vector, 0
    .rept VECTOR_COUNT
    isr_stub \kind, %next_vector
    .set next_vector, next_vector + 1
    .endr

.section .rodata.isr_stubs,"a",@progbits
    .balign 8
    .globl _oro_isr_handlers_\kind
    .type _oro_isr_handlers_\kind, @object
_oro_isr_handlers_\kind:
    .set next_vector, 0
    .rept VECTOR_COUNT
    isr_address \kind, %next_vector
    .set next_vector, next_vector + 1
    .endr
    .size _oro_isr_handlers_\kind, . - _oro_isr_handlers_\kind
.endm

    isr_stubs novec
    isr_stubs vec

# isr_stubs.S - the 256 interrupt service routine stubs, _oro_isr_handler_<vector>_novec, and the
# table of their addresses that the IDT is filled from.
#
# "novec" is the variant of the entries that saves no vector registers: there is no vector state
# to save as long as CR0.EM is set (kernel/abi/processor.h).
.include "frame.inc"

.altmacro

# One stub. Hardware has pushed frame.ss to frame.rip, and frame.error_code for some vectors;
# the stub completes frame.error_code and frame.vector and leaves for the common entry.
.macro isr_stub vector
    .balign 16
    .globl _oro_isr_handler_\vector\()_novec
    .type _oro_isr_handler_\vector\()_novec, @function
_oro_isr_handler_\vector\()_novec:
    push_missing_error_code \vector
    pushq $\vector
    isr_common_jump \vector
    .size _oro_isr_handler_\vector\()_novec, . - _oro_isr_handler_\vector\()_novec
.endm

# Jump to the entry for this kind of vector.
.macro isr_common_jump vector
    .if \vector >= VECTOR_EXCEPTIONS
    jmp _oro_isr_common_novec
    .else
    .if (VECTORS_ON_IST >> \vector) & 1
    jmp _oro_isr_common_ist_novec
    .else
    jmp _oro_isr_common_exc_novec
    .endif
    .endif
.endm

# One entry of the table.
.macro isr_address vector
    .quad _oro_isr_handler_\vector\()_novec
.endm

.section .text.isr_stubs,"ax",@progbits
.code64
    .set next_vector, 0
    .rept VECTOR_COUNT
    isr_stub %next_vector
    .set next_vector, next_vector + 1
    .endr

.section .rodata.isr_stubs,"a",@progbits
    .balign 8
    .globl _oro_isr_handlers
    .type _oro_isr_handlers, @object
_oro_isr_handlers:
    .set next_vector, 0
    .rept VECTOR_COUNT
    isr_address %next_vector
    .set next_vector, next_vector + 1
    .endr
    .size _oro_isr_handlers, . - _oro_isr_handlers

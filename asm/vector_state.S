# vector_state.S - saving and loading the vector registers, for C (kernel/arch/vector_state.h).
.include "frame.inc"

.section .text.vector_state,"ax",@progbits
.code64

# void _oro_vector_save(void *area)
# System V ABI. In: rdi = 64-byte aligned; CR0.TS is clear.
    .globl _oro_vector_save
    .type _oro_vector_save, @function
_oro_vector_save:
    save_vectors %rdi
    ret
    .size _oro_vector_save, . - _oro_vector_save

# void _oro_vector_load(const void *area)
# System V ABI. In: rdi = an area that was saved, or a fresh one; CR0.TS is clear.
    .globl _oro_vector_load
    .type _oro_vector_load, @function
_oro_vector_load:
    cmpb $0, _oro_has_xsave(%rip)
    je 1f
    movl $-1, %eax                  # every component that XCR0 has
    movl $-1, %edx
    xrstor64 (%rdi)
    ret
1:  fxrstor64 (%rdi)
    ret
    .size _oro_vector_load, . - _oro_vector_load

# vectors.S - filling and reading the vector registers, for kernel/user/vectors.c. struct
# user_vectors is in kernel/user/user.h: sixteen times 32 bytes, then a double, then MXCSR.
.set USER_VECTORS_X87, 512
.set USER_VECTORS_MXCSR, 520

# One instruction for every register: xmm or ymm by the instruction's name. \order is "in" for
# memory to register, "out" for the reverse.
.macro each_vector_register instruction, width, order
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .ifc \order, in
    \instruction 32*\number(%rdi), %\width\()\number
    .else
    \instruction %\width\()\number, 32*\number(%rdi)
    .endif
    .endr
.endm

.section .text.vectors,"ax",@progbits
.code64

# void user_vectors_load(const struct user_vectors *from, uint64_t avx)
# System V ABI, but for the vector registers: all of them are loaded.
    .globl user_vectors_load
    .type user_vectors_load, @function
user_vectors_load:
    fninit
    fldl USER_VECTORS_X87(%rdi)
    ldmxcsr USER_VECTORS_MXCSR(%rdi)
    testq %rsi, %rsi
    jz 1f
    each_vector_register vmovdqu, ymm, in
    ret
1:  each_vector_register movdqu, xmm, in
    ret
    .size user_vectors_load, . - user_vectors_load

# void user_vectors_store(struct user_vectors *to, uint64_t avx)
# System V ABI. Leaves every vector register as it is.
    .globl user_vectors_store
    .type user_vectors_store, @function
user_vectors_store:
    fstl USER_VECTORS_X87(%rdi)
    stmxcsr USER_VECTORS_MXCSR(%rdi)
    testq %rsi, %rsi
    jz 1f
    each_vector_register vmovdqu, ymm, out
    ret
1:  each_vector_register movdqu, xmm, out
    ret
    .size user_vectors_store, . - user_vectors_store

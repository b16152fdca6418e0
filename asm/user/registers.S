# registers.S - a check that preemption changes no register.

# A number that no other register has: the register's own number in every byte.
.macro each_register operation
    \operation %rax, 0x01010101
    \operation %rcx, 0x02020202
    \operation %rdx, 0x03030303
    \operation %rbx, 0x04040404
    \operation %rbp, 0x05050505
    \operation %rsi, 0x06060606
    \operation %rdi, 0x07070707
    \operation %r8, 0x08080808
    \operation %r9, 0x09090909
    \operation %r10, 0x0a0a0a0a
    \operation %r11, 0x0b0b0b0b
    \operation %r12, 0x0c0c0c0c
    \operation %r13, 0x0d0d0d0d
    \operation %r14, 0x0e0e0e0e
    \operation %r15, 0x0f0f0f0f
.endm

.macro load_pattern register, pattern
    movq $\pattern, \register
.endm

.macro check_pattern register, pattern
    cmpq $\pattern, \register
    jne 2f
.endm

.section .text.registers,"ax",@progbits
.code64

# uint64_t user_register_check(uint64_t rounds)
# System V ABI. Returns 0 if every register kept its pattern for all rounds, else 1. The number of
# rounds left is kept on the stack, so that every register takes part.
    .globl user_register_check
    .type user_register_check, @function
user_register_check:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    each_register load_pattern
1:  each_register check_pattern
    decq (%rsp)
    jnz 1b
    xorl %eax, %eax
    jmp 3f
2:  movl $1, %eax
3:  addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size user_register_check, . - user_register_check

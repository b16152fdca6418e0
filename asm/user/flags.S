# flags.S - flags that a program sets, and whether the kernel gives them back.

.section .text.flags,"ax",@progbits
.code64

# uint64_t user_flags_check(uint64_t flags, uint64_t rounds)
# System V ABI. Sets the flags, makes a system call, computes for that many rounds, and returns
# the flags it then has. The direction flag is clear again at the end.
    .globl user_flags_check
    .type user_flags_check, @function
user_flags_check:
    pushq %rbx
    movq %rsi, %rbx
    pushfq
    orq %rdi, (%rsp)
    popfq
    movl $SYSCALL_GETPID, %eax
    syscall
1:  leaq -1(%rbx), %rbx
    testq %rbx, %rbx
    jnz 1b
    pushfq
    popq %rax
    pushq $RFLAGS_FIXED
    popfq
    popq %rbx
    ret
    .size user_flags_check, . - user_flags_check

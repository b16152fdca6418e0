# syscall.S - system calls for C, and a probe of what they leave in the registers.

.section .text.syscall,"ax",@progbits
.code64

# int64_t user_syscall3(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
# System V ABI in; the kernel's convention is in kernel/abi/syscall.h.
    .globl user_syscall3
    .type user_syscall3, @function
user_syscall3:
    movq %rdi, %rax
    movq %rsi, %rdi
    movq %rdx, %rsi
    movq %rcx, %rdx
    syscall
    ret
    .size user_syscall3, . - user_syscall3

# uint64_t user_scrub_probe(void)
# Makes a system call with a pattern in every register and returns 0 if the preserved ones kept it
# and the others came back as zero, else a bit mask of what was wrong. Leaf, uses 48 bytes of stack.
    .globl user_scrub_probe
    .type user_scrub_probe, @function
user_scrub_probe:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movabsq $0x1122334455667788, %rbx
    movq %rbx, %rbp
    movq %rbx, %r12
    movq %rbx, %r13
    movq %rbx, %r14
    movq %rbx, %r15
    movq %rbx, %rdi
    movq %rbx, %rsi
    movq %rbx, %rdx
    movq %rbx, %r8
    movq %rbx, %r9
    movq %rbx, %r10
    movl $SYSCALL_GETPID, %eax
    syscall
    # Bit 0: a register that should be zero is not.
    orq %rsi, %rdi
    orq %rdx, %rdi
    orq %r8, %rdi
    orq %r9, %rdi
    orq %r10, %rdi
    xorl %eax, %eax
    testq %rdi, %rdi
    setnz %al
    # Bit 1: a register that should be preserved is not.
    movabsq $0x1122334455667788, %rcx
    xorq %rcx, %rbx
    xorq %rcx, %rbp
    xorq %rcx, %r12
    xorq %rcx, %r13
    xorq %rcx, %r14
    xorq %rcx, %r15
    orq %rbp, %rbx
    orq %r12, %rbx
    orq %r13, %rbx
    orq %r14, %rbx
    orq %r15, %rbx
    jz 1f
    orl $2, %eax
1:  popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size user_scrub_probe, . - user_scrub_probe

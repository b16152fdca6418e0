# start.S - where a user program begins: rsp = top of its stack, rdi = what its parent gave, every other register zero.

.section .text.start,"ax",@progbits
.code64

# In: rsp 16-byte aligned. Calls main with rdi as it is and ends the process with its result.
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp
    call main
    movl %eax, %edi
    movl $SYSCALL_EXIT, %eax
    syscall
    ud2
    .size _start, . - _start

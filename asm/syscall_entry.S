# syscall_entry.S - where `syscall` arrives.

.section .text.syscall_entry,"ax",@progbits
.code64

# In: from ring 3 by `syscall` (Intel SDM Vol. 2B): rcx = return address, r11 = flags, rsp and gs
# still the program's, flags masked by RFLAGS_SYSCALL_MASK: interrupts off, direction forward.
# kernel/abi/syscall.h has the meaning of the other registers.
# No return: jumps to syscall_entry(struct frame *) at the top of the core's kernel stack. The
# frame is the current thread's, with vector !0. rcx and r11 are not saved: the program lost them
# to the processor.
    .globl _oro_syscall_entry
    .type _oro_syscall_entry, @function
_oro_syscall_entry:
    swapgs
    movq %rsp, %gs:core.user_rsp
    movq %gs:core.frame, %rsp
    movq %rcx, frame.rip(%rsp)
    movq %r11, frame.rflags(%rsp)
    movq %gs:core.user_rsp, %rcx
    movq %rcx, frame.rsp(%rsp)
    movq $SELECTOR_USER_CODE, frame.cs(%rsp)
    movq $SELECTOR_USER_DATA, frame.ss(%rsp)
    movq $VECTOR_SYSCALL, frame.vector(%rsp)
    movq $0, frame.error_code(%rsp)
    movq %rax, frame.rax(%rsp)
    movq %rdi, frame.rdi(%rsp)
    movq %rsi, frame.rsi(%rsp)
    movq %rdx, frame.rdx(%rsp)
    movq %r10, frame.r10(%rsp)
    movq %r8, frame.r8(%rsp)
    movq %r9, frame.r9(%rsp)
    movq %rbx, frame.rbx(%rsp)
    movq %rbp, frame.rbp(%rsp)
    movq %r12, frame.r12(%rsp)
    movq %r13, frame.r13(%rsp)
    movq %r14, frame.r14(%rsp)
    movq %r15, frame.r15(%rsp)
    movq %rsp, %rdi
    movq %gs:core.kernel_stack, %rsp
    xorl %ebp, %ebp                 # where a backtrace ends
    jmp syscall_entry
    .size _oro_syscall_entry, . - _oro_syscall_entry

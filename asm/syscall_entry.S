# syscall_entry.S - where `syscall` arrives.
.include "frame.inc"

.section .text.syscall_entry,"ax",@progbits
.code64

# In: from ring 3 by `syscall` (Intel SDM Vol. 2B): rcx = return address, r11 = flags, rsp and gs
# still the program's, flags masked by RFLAGS_SYSCALL_MASK: interrupts off, direction forward.
# kernel/abi/syscall.h has the meaning of the other registers.
#
# A quick call (number below SYSCALL_QUICK_COUNT) is a C function that is called at the top of the
# core's kernel stack and comes back, so nothing but the two registers of `sysretq` has to be kept.
#
# For the others no return: jumps to syscall_entry(struct frame *) at the top of the core's kernel
# stack. The frame is the current thread's, with vector !0, and partial: rcx and r11 are not saved,
# since the program lost them to the processor, nor cs and ss, since a program has but one of each
# and the frame has had them since the thread was made, nor an error code.
    .globl _oro_syscall_entry
    .type _oro_syscall_entry, @function
_oro_syscall_entry:
    swapgs
    movq %rsp, %gs:core.user_rsp
    cmpq $SYSCALL_QUICK_COUNT, %rax
    jae into_the_funnel
    movq %gs:core.kernel_stack, %rsp
    pushq %rcx
    pushq %r11
    pushq %rbp                      # aligns the stack; and where a backtrace goes on
    xorl %ebp, %ebp                 # where it ends
    call *_oro_quick_calls(,%rax,8)
    popq %rbp
    popq %r11
    popq %rcx
    leave_by_sysret %gs:core.user_rsp, 1f
1:  movq %gs:core.frame, %rdi
    jmp context_refused

into_the_funnel:
    movq %gs:core.frame, %rsp
    movq %rcx, frame.rip(%rsp)
    movq %r11, frame.rflags(%rsp)
    movq %gs:core.user_rsp, %rcx
    movq %rcx, frame.rsp(%rsp)
    movq $VECTOR_SYSCALL, frame.vector(%rsp)
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
    movq %rdi, stack_start.frame(%rsp)
    xorl %ebp, %ebp                 # where a backtrace ends
    jmp syscall_entry
    .size _oro_syscall_entry, . - _oro_syscall_entry

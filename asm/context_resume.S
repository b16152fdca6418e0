# context_resume.S - the ways out of the kernel: back to interrupted code, back from a system
# call, and into the idle loop. Each is jumped or called from C and never returns.
.include "frame.inc"

.section .text.context_resume,"ax",@progbits
.code64

# _Noreturn void _oro_resume_user(struct frame *frame)
# In: rdi = a complete frame of ring-3 code; interrupts off, gs the kernel's; any stack.
    .globl _oro_resume_user
    .type _oro_resume_user, @function
_oro_resume_user:
    movq %rdi, %rsp
    pop_registers
    drop_vector
    swapgs
    iretq
    .size _oro_resume_user, . - _oro_resume_user

# _Noreturn void _oro_resume_syscall(struct frame *frame)
# In: rdi = the frame of a system call, rax in it the result; interrupts off, gs the kernel's. A
# frame that `sysretq` cannot resume goes to context_refused(struct frame *) instead.
    .globl _oro_resume_syscall
    .type _oro_resume_syscall, @function
_oro_resume_syscall:
    movq %rdi, %rsp
    movq frame.rip(%rsp), %rcx
    movq frame.rflags(%rsp), %r11
    movq frame.rax(%rsp), %rax
    movq frame.rbx(%rsp), %rbx
    movq frame.rbp(%rsp), %rbp
    movq frame.r12(%rsp), %r12
    movq frame.r13(%rsp), %r13
    movq frame.r14(%rsp), %r14
    movq frame.r15(%rsp), %r15
    leave_by_sysret frame.rsp(%rsp), 1f
1:  movq %gs:core.kernel_stack, %rsp
    jmp context_refused
    .size _oro_resume_syscall, . - _oro_resume_syscall

# _Noreturn void _oro_resume_kernel(struct frame *frame, uint32_t swapped)
# In: rdi = a complete frame of ring-0 code; esi = whether the entry did `swapgs`, which is then
# undone; interrupts off.
    .globl _oro_resume_kernel
    .type _oro_resume_kernel, @function
_oro_resume_kernel:
    movq %rdi, %rsp
    testl %esi, %esi
    jz 1f
    swapgs
1:  pop_registers
    drop_vector
    iretq
    .size _oro_resume_kernel, . - _oro_resume_kernel

# _Noreturn void _oro_idle(void *stack)
# In: rdi = the end of the core's idle frame page, 16-byte aligned. Waits with interrupts on; the
# interrupt's frame goes to that page, and the kernel never comes back to this loop but starts it
# anew. `sti` takes effect after the next instruction, so no interrupt is lost before `hlt`.
    .globl _oro_idle
    .type _oro_idle, @function
_oro_idle:
    movq %rdi, %rsp
1:  sti
    hlt
    jmp 1b
    .size _oro_idle, . - _oro_idle

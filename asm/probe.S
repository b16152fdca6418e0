# probe.S - the kernel's own tests enter the kernel on purpose and come back: a saved context to
# return to, and a hardware frame made by hand.
.include "frame.inc"

.section .bss.probe,"aw",@nobits
    .balign 16
    .globl _oro_probe
    .type _oro_probe, @object
_oro_probe:                         # struct probe
    .skip probe.sizeof
    .size _oro_probe, . - _oro_probe

.section .text.probe,"ax",@progbits
.code64

# Save the registers that the System V ABI has a callee preserve, and rsp, which points to the
# return address of the routine that expands this.
.macro save_context
    movq %rbx, _oro_probe + probe.rbx(%rip)
    movq %rbp, _oro_probe + probe.rbp(%rip)
    movq %r12, _oro_probe + probe.r12(%rip)
    movq %r13, _oro_probe + probe.r13(%rip)
    movq %r14, _oro_probe + probe.r14(%rip)
    movq %r15, _oro_probe + probe.r15(%rip)
    movq %rsp, _oro_probe + probe.rsp(%rip)
.endm

# uint64_t _oro_probe_call(void (*function)(uint64_t), uint64_t argument)
# System V ABI. Returns 0 if the function returned, 1 if it was left by _oro_probe_return.
    .globl _oro_probe_call
    .type _oro_probe_call, @function
_oro_probe_call:
    save_context
    movq %rdi, %rax
    movq %rsi, %rdi
    subq $8, %rsp
    call *%rax
    addq $8, %rsp
    xorl %eax, %eax
    ret
    .size _oro_probe_call, . - _oro_probe_call

# uint64_t _oro_probe_stub(void)
# System V ABI; returns 1 by way of _oro_probe_return. Loads every register from
# _oro_probe.registers, pushes the hardware frame on _oro_probe.stack and jumps to
# _oro_probe.handler. A frame of ring 3 finds gs as ring 3 would have left it. The direction flag
# and AC are set.
    .globl _oro_probe_stub
    .type _oro_probe_stub, @function
_oro_probe_stub:
    save_context
    testb $SELECTOR_RING_MASK, _oro_probe + probe.registers.cs(%rip)
    jz 1f
    swapgs
1:  leaq _oro_probe + probe.registers(%rip), %rsp
    pop_registers
    movq _oro_probe + probe.stack(%rip), %rsp
    pushq _oro_probe + probe.registers.ss(%rip)
    pushq _oro_probe + probe.registers.rsp(%rip)
    pushq _oro_probe + probe.registers.rflags(%rip)
    pushq _oro_probe + probe.registers.cs(%rip)
    pushq _oro_probe + probe.registers.rip(%rip)
    cmpq $0, _oro_probe + probe.push_error_code(%rip)
    je 2f
    pushq _oro_probe + probe.registers.error_code(%rip)
2:  pushfq                          # flags that a program may have set, and the kernel must not keep
    orq $(RFLAGS_DF | RFLAGS_AC), (%rsp)
    popfq
    jmp *_oro_probe + probe.handler(%rip)
    .size _oro_probe_stub, . - _oro_probe_stub

# _Noreturn void _oro_probe_return(void)
# Goes back to the caller of the routine that saved the context, with rax = 1 and the flags clear; any
# stack.
    .globl _oro_probe_return
    .type _oro_probe_return, @function
_oro_probe_return:
    movq _oro_probe + probe.rbx(%rip), %rbx
    movq _oro_probe + probe.rbp(%rip), %rbp
    movq _oro_probe + probe.r12(%rip), %r12
    movq _oro_probe + probe.r13(%rip), %r13
    movq _oro_probe + probe.r14(%rip), %r14
    movq _oro_probe + probe.r15(%rip), %r15
    movq _oro_probe + probe.rsp(%rip), %rsp
    pushq $RFLAGS_FIXED
    popfq
    movl $1, %eax
    ret
    .size _oro_probe_return, . - _oro_probe_return

# _Noreturn void _oro_crash_stack(uint64_t stack)
# Pushes on the given stack until it has no more room.
    .globl _oro_crash_stack
    .type _oro_crash_stack, @function
_oro_crash_stack:
    movq %rdi, %rsp
1:  pushq %rdi
    jmp 1b
    .size _oro_crash_stack, . - _oro_crash_stack

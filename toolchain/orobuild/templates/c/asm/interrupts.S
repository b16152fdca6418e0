# interrupts.S - a stub for each vector, and the way to C.

.set PUSH_ERROR_CODE, 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 1 << 29 | 1 << 30
                                    # the vectors that do (Intel SDM Vol. 3A 6.13, AMD APM 8.4)
.altmacro

.macro stub vector
    .balign 16
    .type interrupt_stub_\vector, @function
interrupt_stub_\vector:
    .if \vector >= EXCEPTIONS || !((PUSH_ERROR_CODE >> (\vector & 31)) & 1)
    pushq $0
    .endif
    pushq $\vector
    jmp interrupt_common
    .size interrupt_stub_\vector, . - interrupt_stub_\vector
.endm

.macro stub_address vector
    .quad interrupt_stub_\vector
.endm

.section .text.interrupts,"ax",@progbits
.code64
    .set next, 0
    .rept VECTORS
    stub %next
    .set next, next + 1
    .endr

# In: struct frame from .vector on is on the stack.
# No return: calls panic_interrupt(const struct frame *).
    .type interrupt_common, @function
interrupt_common:
    cld
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, %rdi
    andq $-16, %rsp
    call panic_interrupt
    ud2
    .size interrupt_common, . - interrupt_common

.section .rodata.interrupts,"a",@progbits
    .balign 8
    .globl interrupt_stubs
    .type interrupt_stubs, @object
interrupt_stubs:
    .set next, 0
    .rept VECTORS
    stub_address %next
    .set next, next + 1
    .endr
    .size interrupt_stubs, . - interrupt_stubs

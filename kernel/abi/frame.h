/*
 * frame.h - the frame: what an entry to the kernel saves of the interrupted code.
 *
 * The assembly entries push it from the last member to the first. `vector` is what the stub
 * pushed, `error_code` what the processor pushed or the stub in its stead; the members after it
 * are the processor's own (Intel SDM Vol. 3A 6.14.2).
 */
#pragma once

#include <stdint.h>

struct frame {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector;
    uint64_t error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};

enum frame_constants {
    FRAME_REGISTERS = 15,
    FRAME_WORDS = sizeof(struct frame) / sizeof(uint64_t),
    /* Vector of a frame that a system call made: !0, which no interrupt has. Such a frame is
     * partial: rcx and r11 are not in it. */
    VECTOR_SYSCALL = -1,
};

/*
 * Where a stack begins that an entry starts on, above which nothing is: rsp points here at the first
 * instruction of the C handler. For the handler it is a return address (nothing returns to it: asm/
 * entered.S) and what its caller had pushed; debuggers find the interrupted code by it.
 */
struct stack_start {
    uint64_t entered; /* _oro_entered, written once */
    uint64_t frame;   /* of the entry that the stack is in use for */
    uint64_t unused;  /* rsp is 8 mod 16 */
};

_Static_assert(sizeof(struct frame) % 16 == 0, "a frame keeps the stack 16-byte aligned");

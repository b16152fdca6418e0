/* frame.h - what an interrupt leaves on the stack, lowest address first. */
#pragma once

#include <stdint.h>

enum vector_constants {
    EXCEPTIONS = 32, /* the processor's own vectors */
    VECTORS = 256,
};

struct frame {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss; /* pushed by the processor (Intel SDM Vol. 3A 6.14.2) */
};

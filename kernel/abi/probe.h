/*
 * probe.h (ABI) - what asm/probe.S keeps for kernel/interrupt/probe.c.
 */
#pragma once

#include <stdint.h>

#include "abi/frame.h"

struct probe {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp; /* of the caller, to go back to */
    uint64_t handler;                           /* the stub to enter */
    uint64_t stack;                             /* rsp before the hardware frame is pushed */
    uint64_t push_error_code;                   /* whether the vector has one */
    struct frame registers;                     /* what the interrupted code had */
};

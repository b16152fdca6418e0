/*
 * syscalls.h - what the system calls of kernel/abi/syscall.h do.
 */
#pragma once

#include "abi/frame.h"

/* Carries out the call in the current thread's frame and leaves its result in frame->rax. */
void syscall_dispatch(struct frame *frame);

/*
 * panic.h - the end, with everything a person or `orobuild decode` needs to know why.
 *
 * The block stands between the lines "oro: panic-begin" and "oro: panic-end", and then the machine
 * exits with EXIT_FAIL. kernel/README.md lists its lines. One core speaks; the others are stopped
 * by NMI first, and what they were doing is part of the block. It works from anywhere: on an IST
 * stack, before the core has its tables, on any core, with any lock held.
 */
#pragma once

#include <stdint.h>

#include "abi/frame.h"

/* A check failed. */
_Noreturn __attribute__((format(printf, 1, 2))) void panic(const char *format, ...);

/* The kernel raised an exception. */
_Noreturn void panic_exception(const struct frame *frame);

/* The same before the core has GS.base, TSS and IDT; jumped to from isr_early.S. */
_Noreturn void panic_early(const struct frame *frame);

/* An NMI has told the calling core to stop, at this frame. */
_Noreturn void panic_stop(const struct frame *frame);

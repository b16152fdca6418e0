/*
 * panic.h - the end, with everything a person or `orobuild decode` needs to know why.
 *
 * The dump stands between the lines "oro: panic-begin" and "oro: panic-end"; then the machine
 * exits with EXIT_FAIL.
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

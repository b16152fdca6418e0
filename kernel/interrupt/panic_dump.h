/*
 * panic_dump.h - the lines of a panic's block, for panic.c.
 */
#pragma once

#include <stdint.h>

#include "abi/frame.h"

struct core;

/* Control registers, and which image this is. */
void dump_system(void);

/* An exception: its registers, what its error code means, the walk of cr2, code and stack. */
void dump_exception(const struct frame *frame);

/* A core that the panic stopped, or that did not answer. */
void dump_core(const struct core *core);

/*
 * backtrace.h - who called whom, along the chain of saved frame pointers, and where that is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether the kernel can read the `size` bytes there, which lie in one page, without a fault. */
bool kernel_readable(uint64_t address, uint64_t size);

enum { PLACE_TEXT = 128 };

/* Writes "name+0xoffset/0xsize", or "?" where the code has no name. A return address is looked
 * up one byte earlier, since a call may be the last instruction of its function. */
void place_describe(uint64_t address, bool is_return, char text[PLACE_TEXT]);

/* Prints a line "oro: KEY=depth address=0x… symbol=…" for `rip`, unless it is 0, and for each
 * caller from the frame that rbp points to. */
void backtrace_print(const char *key, uint64_t rip, uint64_t rbp);

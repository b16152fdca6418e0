/*
 * user_memory.h - the kernel's only way to a program's memory: checked, and survived when the
 * page is not there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies from or to the current process; false if the range is not all the program's own to
 * read or write. A partial copy may have happened. */
bool user_read(void *to, uint64_t from, size_t size);
bool user_write(uint64_t to, const void *from, size_t size);

/*
 * libc.h - the little that user programs need of a C library, beside kernel/lib/string.h and
 * kernel/lib/format.h, which they share with the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/string.h"

/* A line on the console, under the program's name. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* Characters as they are: for the program that the console belongs to. */
__attribute__((format(printf, 1, 2))) void put(const char *format, ...);

/* The next line that is typed, without its end, at most size - 1 characters; false at the end. */
bool read_line(char *text, size_t size);

/* The next word of *text, which is moved beyond it: terminated in place; null if there is none. */
char *next_word(char **text);

/* A decimal number and nothing else. */
bool parse_number(const char *text, uint64_t *number);

/* xorshift64 (Marsaglia 2003); the state must not be 0. */
uint64_t random_next(uint64_t *state);

/*
 * string.h - the memory and string functions that C compilers expect of every environment (gcc
 * manual 2.1: memcpy, memmove, memset, memcmp), and the few others the kernel uses.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *left, const void *right, size_t size);
size_t strlen(const char *text);
bool string_equal(const char *left, const char *right);

/* Copies at most size - 1 characters and always terminates. */
void string_copy(char *to, const char *from, size_t size);

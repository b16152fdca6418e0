/*
 * format.h - printf-like formatting: %s %c %d %u %x %p, the modifiers l and 0, a width and, for
 * strings, a precision (%.*s).
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Writes at most size - 1 characters and a terminator; returns how many characters it wrote. */
size_t format_list(char *buffer, size_t size, const char *format, va_list arguments);

/* console.h - text to the first serial port. */
#pragma once

#include <stdint.h>

void console_init(void);

/* Print `format`, in which %s is a string, %u an unsigned int and %x a uint64_t in hexadecimal. */
void console_print(const char *format, ...);

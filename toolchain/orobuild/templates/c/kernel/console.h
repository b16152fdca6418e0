/* console.h - text to the first serial port. */
#pragma once

#include <stdint.h>

void console_init(void);

/* Print `format`, in which %s is a string, %u an unsigned int, %h a byte as two hexadecimal digits
 * and %x a uint64_t in hexadecimal. */
void console_print(const char *format, ...);

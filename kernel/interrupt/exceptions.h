/*
 * exceptions.h - words for exceptions (Intel SDM Vol. 3A 6.15 and 4.7).
 */
#pragma once

#include <stdint.h>

enum { EXCEPTION_TEXT = 128 };

/* "#PF" for 14; "interrupt" for vectors that are no exceptions. */
const char *exception_name(uint64_t vector);

/* Writes in words what a page fault's error code says, at most EXCEPTION_TEXT bytes. */
void exception_describe_page_fault(uint64_t error_code, char *text);

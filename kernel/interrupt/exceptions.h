/*
 * exceptions.h - words for exceptions (Intel SDM Vol. 3A 6.15 and 4.7).
 */
#pragma once

#include <stdint.h>

/* A page fault's error code. */
enum page_fault_bits {
    PAGE_FAULT_PRESENT = 1 << 0,
    PAGE_FAULT_WRITE = 1 << 1,
    PAGE_FAULT_USER = 1 << 2,
    PAGE_FAULT_RESERVED = 1 << 3,
    PAGE_FAULT_FETCH = 1 << 4,
};

enum { EXCEPTION_TEXT = 128 };

/* "#PF" for 14; "interrupt" for vectors that are no exceptions. */
const char *exception_name(uint64_t vector);

/* Writes in words what a page fault's error code says, at most EXCEPTION_TEXT bytes. */
void exception_describe_page_fault(uint64_t error_code, char *text);

/*
 * exceptions.h - words for exceptions (Intel SDM Vol. 3A 6.15 and 4.7).
 */
#pragma once

#include <stdint.h>

#include "memory/paging.h"

/* A page fault's error code. */
enum page_fault_bits {
    PAGE_FAULT_PRESENT = 1 << 0,
    PAGE_FAULT_WRITE = 1 << 1,
    PAGE_FAULT_USER = 1 << 2,
    PAGE_FAULT_RESERVED = 1 << 3,
    PAGE_FAULT_FETCH = 1 << 4,
    PAGE_FAULT_PROTECTION_KEY = 1 << 5,
    PAGE_FAULT_SHADOW_STACK = 1 << 6,
};

enum { EXCEPTION_TEXT = 128 };

/* "#PF" for 14; "interrupt" for vectors that are no exceptions. */
const char *exception_name(uint64_t vector);

/* Writes in words what the error code of an exception says, at most EXCEPTION_TEXT bytes; nothing
 * for exceptions that have none. */
void exception_describe_error(uint64_t vector, uint64_t error_code, char *text);

/* What of the page tables forbade an access: `level` counts from 1 (the page table) up, and the
 * flag is "present", "reserved", "nx", "write", "user" (the program may not), "smep" or "smap" (the
 * kernel may not, since all levels let the program), "protection-key", "shadow-stack"; "none" at
 * level 0 if the tables allow it: a translation of before is still remembered. */
struct denial {
    unsigned level;
    const char *flag;
};

struct denial exception_denial(const struct paging_walk *walk, uint64_t error_code);

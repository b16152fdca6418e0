/*
 * features.h - the protections and page sizes this processor offers, switched on per core.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct features {
    bool smep, smap, umip, global_pages, gigabyte_pages;
    bool pcid; /* the TLB tells address spaces apart */
};

/* Valid after the first features_enable(). */
extern struct features features;

/* Reads CPUID and sets CR4 on the calling core; EFER and CR0 were set by its entry code. */
void features_enable(void);

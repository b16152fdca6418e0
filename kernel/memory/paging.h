/*
 * paging.h - page tables: 4 levels, or 5 where the entry code found LA57; entries of 8 bytes (Intel
 * SDM Vol. 3A 4.5). A table is named
 * by the physical address of its top level; its frames are reached through the direct map.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/processor.h"

enum { PAGING_LEVELS_MAX = 5 };

/* Of the tables that are loaded: 4 or 5. All tables of the kernel have as many. */
extern unsigned paging_levels;

/* Learns it from CR4; before anything else here. */
void paging_init(void);

/* Makes the table below the top level's entry for `virtual`; with five levels, the one below that
 * too. False if memory is out. */
bool paging_prepare(uint64_t root, uint64_t virtual);

/* The level-1 entry for `virtual`; null if a table on the way is missing or a page larger. */
uint64_t *paging_entry(uint64_t root, uint64_t virtual);

/* Promises one page: its entry is PAGE_PROMISED and these flags, and not present. False if memory
 * for tables is out. */
bool paging_promise(uint64_t root, uint64_t virtual, uint64_t flags);

/* Maps `size` bytes with the given flags (enum page_bits, PAGE_NX), with the largest pages that
 * alignment allows up to `largest` bytes. Addresses and size are multiples of PAGE_SIZE. False if
 * memory is out. Panics if something is mapped there already: that would be a defect. */
bool paging_map(uint64_t root, uint64_t virtual, uint64_t physical, uint64_t size, uint64_t flags,
                uint64_t largest);

/* Removes one 4 KiB page, or the promise of one, and returns its entry; frees no frame and flushes no
 * TLB but this core's page. 0 if nothing was there. */
uint64_t paging_unmap(uint64_t root, uint64_t virtual);

/* A walk, from the top level to the level of the entry that ends it. */
struct paging_walk {
    unsigned levels; /* how many entries were read */
    uint64_t entries[PAGING_LEVELS_MAX];
};

/* Whether the walk ended at a page. */
static inline bool paging_present(const struct paging_walk *walk)
{
    return walk->entries[walk->levels - 1] & PAGE_PRESENT;
}

struct paging_walk paging_walk(uint64_t root, uint64_t virtual);

/* Frees every page that the lower half maps and the tables for it. The upper half, which all
 * spaces share, is left alone. No core may be using the table. */
void paging_free_lower_half(uint64_t root);

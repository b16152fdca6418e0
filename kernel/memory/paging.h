/*
 * paging.h - page tables: 4 levels, entries of 8 bytes (Intel SDM Vol. 3A 4.5). A table is named
 * by the physical address of its top level; its frames are reached through the direct map.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Maps `size` bytes with the given flags (enum page_bits, PAGE_NX), with the largest pages that
 * alignment allows up to `largest` bytes. Addresses and size are multiples of PAGE_SIZE. False if
 * memory is out. Panics if something is mapped there already: that would be a defect. */
bool paging_map(uint64_t root, uint64_t virtual, uint64_t physical, uint64_t size, uint64_t flags,
                uint64_t largest);

/* Removes one 4 KiB page and returns its entry; frees no frame and flushes no TLB but this core's
 * page. 0 if nothing was mapped. */
uint64_t paging_unmap(uint64_t root, uint64_t virtual);

/* One step of a walk, from level 4 (the top) to the level of the entry that ends it. */
struct paging_walk {
    unsigned levels; /* how many entries were read */
    uint64_t entries[4];
};

struct paging_walk paging_walk(uint64_t root, uint64_t virtual);

/* Frees every page that the lower half maps and the tables for it. The upper half, which all
 * spaces share, is left alone. No core may be using the table. */
void paging_free_lower_half(uint64_t root);

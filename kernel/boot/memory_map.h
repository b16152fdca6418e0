/*
 * memory_map.h - the memory that is free to use: what the loader called usable, less whatever it
 * also called something else, in whole pages, ascending, without overlaps. Firmware has been seen
 * to hand over unsorted, overlapping and empty ranges.
 */
#pragma once

#include <stdint.h>

enum { MEMORY_MAP_RANGES = 64 };

struct memory_map {
    uint32_t count;
    struct {
        uint64_t start, end; /* physical, multiples of PAGE_SIZE */
    } ranges[MEMORY_MAP_RANGES];
};

struct memory_range;

/* Fills `map` from the ranges that a loader gave. Ranges beyond `limit` are cut off. */
void memory_map_normalise(struct memory_map *map, const struct memory_range *given,
                          uint32_t count, uint64_t limit);

/* The map of this machine, up to DIRECT_MAP_SIZE; filled from boot_info by memory_map_init(). */
extern struct memory_map memory_map;
void memory_map_init(void);

#include "boot/memory_map.h"

#include <stdbool.h>

#include "abi/layout.h"
#include "boot/boot_info.h"

struct memory_map memory_map;

/* The smallest boundary of any range above `address`, or `limit`. */
static uint64_t next_boundary(const struct memory_range *given, uint32_t count, uint64_t address,
                              uint64_t limit)
{
    uint64_t next = limit;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = given[i].base, end = start + given[i].size;
        if (start > address && start < next)
            next = start;
        if (end > address && end < next)
            next = end;
    }
    return next;
}

/* Whether the byte at `address` is called usable, and nothing else. */
static bool usable_at(const struct memory_range *given, uint32_t count, uint64_t address)
{
    bool usable = false;
    for (uint32_t i = 0; i < count; i++) {
        if (address < given[i].base || address - given[i].base >= given[i].size)
            continue;
        if (given[i].type != MEMORY_USABLE)
            return false;
        usable = true;
    }
    return usable;
}

static void add(struct memory_map *map, uint64_t start, uint64_t end)
{
    start = (start + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
    end &= ~(uint64_t)(PAGE_SIZE - 1);
    if (start >= end || map->count == MEMORY_MAP_RANGES)
        return;
    map->ranges[map->count].start = start;
    map->ranges[map->count].end = end;
    map->count++;
}

void memory_map_normalise(struct memory_map *map, const struct memory_range *given,
                          uint32_t count, uint64_t limit)
{
    map->count = 0;
    bool inside = false;
    uint64_t start = 0;
    /* Between two neighbouring boundaries nothing changes. */
    for (uint64_t at = 0; at < limit; at = next_boundary(given, count, at, limit)) {
        bool usable = usable_at(given, count, at);
        if (usable && !inside)
            start = at;
        if (!usable && inside)
            add(map, start, at);
        inside = usable;
    }
    if (inside)
        add(map, start, limit);
}

void memory_map_init(void)
{
    memory_map_normalise(&memory_map, boot_info.memory, boot_info.memory_count, DIRECT_MAP_SIZE);
}

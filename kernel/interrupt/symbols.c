#include "interrupt/symbols.h"

#include <stddef.h>

#include "lib/string.h"

enum { NAMES_PER_BLOCK = 16 };

struct table {
    char magic[4];
    uint32_t entries, names, blocks;
};

struct entry {
    int32_t address; /* relative to the table */
    uint32_t size, name;
};

extern const char _oro_symbols_start[], _oro_symbols_end[];

static const struct table *table(void)
{
    const struct table *found = (const void *)_oro_symbols_start;
    bool present = (size_t)(_oro_symbols_end - _oro_symbols_start) >= sizeof(*found) &&
                   memcmp(found->magic, "OSY1", sizeof(found->magic)) == 0;
    return present ? found : NULL;
}

/* How many entries are not above `address`. */
static uint32_t count_below(const struct entry *entries, uint32_t count, int64_t address)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (entries[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Each name of a block goes on where it differs from the one before. */
static void read_name(const struct table *from, uint32_t number, char *name)
{
    const char *base = (const char *)from;
    const uint32_t *blocks = (const void *)(base + from->blocks);
    const char *next = base + blocks[number / NAMES_PER_BLOCK];
    for (uint32_t i = number / NAMES_PER_BLOCK * NAMES_PER_BLOCK; i <= number; i++) {
        size_t shared = (uint8_t)*next++;
        if (shared < SYMBOL_NAME)
            string_copy(name + shared, next, SYMBOL_NAME - shared);
        next += strlen(next) + 1;
    }
}

bool symbol_find(uint64_t address, struct symbol *found)
{
    const struct table *from = table();
    if (!from)
        return false;
    const struct entry *entries = (const void *)(from + 1);
    int64_t distance = (int64_t)(address - (uint64_t)from);
    uint32_t below = count_below(entries, from->entries, distance);
    if (below == 0)
        return false;
    const struct entry *entry = &entries[below - 1];
    while (entry > entries && entry[-1].address == entry->address)
        entry--;
    found->offset = (uint64_t)(distance - entry->address);
    found->size = entry->size;
    if (entry->size && found->offset >= entry->size)
        return false;
    read_name(from, entry->name, found->name);
    return true;
}

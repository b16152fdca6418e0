#include "memory/paging.h"

#include <stddef.h>

#include "abi/layout.h"
#include "abi/processor.h"
#include "arch/cpu.h"
#include "interrupt/panic.h"
#include "memory/frames.h"

enum { ENTRIES = 512 };

unsigned paging_levels = 4;

void paging_init(void)
{
    paging_levels = read_cr4() & CR4_LA57 ? 5 : 4;
}

/* Bytes that one entry of a table at `level` (1: of pages) covers. */
static uint64_t entry_span(unsigned level)
{
    return (uint64_t)PAGE_SIZE << (9 * (level - 1));
}

static uint64_t *entry_at(uint64_t table, uint64_t virtual, unsigned level)
{
    uint64_t *entries = phys_to_virt(table & PAGE_ADDRESS);
    return &entries[virtual / entry_span(level) % ENTRIES];
}

/* The entry for `virtual` at `level`, with the tables above it made as needed. */
static uint64_t *entry_make(uint64_t root, uint64_t virtual, unsigned level, uint64_t flags)
{
    uint64_t table = root;
    for (unsigned above = paging_levels; above > level; above--) {
        uint64_t *entry = entry_at(table, virtual, above);
        if (!(*entry & PAGE_PRESENT)) {
            uint64_t frame = frames_alloc(0);
            if (!frame)
                return NULL;
            /* The last level alone decides about write and execute. */
            *entry = frame | PAGE_PRESENT | PAGE_WRITE | (flags & PAGE_USER);
        }
        if (*entry & PAGE_LARGE)
            panic("0x%lx is inside a large page already", virtual);
        table = *entry;
    }
    return entry_at(table, virtual, level);
}

bool paging_prepare(uint64_t root, uint64_t virtual)
{
    return entry_make(root, virtual, 3, 0);
}

bool paging_map(uint64_t root, uint64_t virtual, uint64_t physical, uint64_t size, uint64_t flags,
                uint64_t largest)
{
    while (size) {
        unsigned level = 1;
        while (level < 3 && entry_span(level + 1) <= largest && size >= entry_span(level + 1) &&
               (virtual | physical) % entry_span(level + 1) == 0)
            level++;
        uint64_t *entry = entry_make(root, virtual, level, flags);
        if (!entry)
            return false;
        if (*entry & PAGE_PRESENT)
            panic("0x%lx is mapped already", virtual);
        *entry = physical | flags | PAGE_PRESENT | (level > 1 ? PAGE_LARGE : 0);
        virtual += entry_span(level);
        physical += entry_span(level);
        size -= entry_span(level);
    }
    return true;
}

struct paging_walk paging_walk(uint64_t root, uint64_t virtual)
{
    struct paging_walk walk = {0, {0}};
    uint64_t table = root;
    for (unsigned level = paging_levels; level > 0; level--) {
        uint64_t entry = *entry_at(table, virtual, level);
        walk.entries[walk.levels++] = entry;
        if (!(entry & PAGE_PRESENT) || (level > 1 && entry & PAGE_LARGE))
            break;
        table = entry;
    }
    return walk;
}

uint64_t *paging_entry(uint64_t root, uint64_t virtual)
{
    uint64_t table = root;
    for (unsigned level = paging_levels; level > 1; level--) {
        table = *entry_at(table, virtual, level);
        if (!(table & PAGE_PRESENT) || table & PAGE_LARGE)
            return NULL;
    }
    return entry_at(table, virtual, 1);
}

bool paging_promise(uint64_t root, uint64_t virtual, uint64_t flags)
{
    uint64_t *entry = entry_make(root, virtual, 1, flags);
    if (entry)
        *entry = flags | PAGE_PROMISED;
    return entry;
}

uint64_t paging_unmap(uint64_t root, uint64_t virtual)
{
    uint64_t *entry = paging_entry(root, virtual);
    if (!entry)
        return 0;
    uint64_t old = *entry;
    *entry = 0;
    if (old & PAGE_PRESENT)
        invlpg(virtual);
    return old;
}

/* Frees what a table's first `entries` entries lead to, and clears them. */
static void free_entries(uint64_t table, unsigned level, unsigned entries)
{
    uint64_t *entry = phys_to_virt(table);
    for (unsigned i = 0; i < entries; i++) {
        if (!(entry[i] & PAGE_PRESENT)) {
            entry[i] = 0;
            continue;
        }
        uint64_t below = entry[i] & PAGE_ADDRESS;
        if (level > 1)
            free_entries(below, level - 1, ENTRIES);
        entry[i] = 0;
        frames_free(below, 0);
    }
}

void paging_free_lower_half(uint64_t root)
{
    free_entries(root, paging_levels, ENTRIES / 2);
}

#include "memory/frames.h"

#include <stdbool.h>
#include <stddef.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "boot/boot_info.h"
#include "boot/memory_map.h"
#include "interrupt/panic.h"
#include "lib/debug.h"
#include "lib/spinlock.h"
#include "lib/string.h"

enum { LOW_LIMIT = 1 << 20 };
#define BOOT_LIMIT ((uint64_t)BOOT_MAPPED_GIB << 30)

/* The state of a frame: not the beginning of a block, or one of these plus the order. */
enum frame_state {
    STATE_NONE = 0,
    STATE_FREE = 0x20,
    STATE_ALLOCATED = 0x40,
    STATE_POISONED = 0x80, /* beside the others: the frame is filled with POISON */
};

#define POISON UINT64_C(0xfeeefeeefeeefeee)

struct free_block {
    struct free_block *next, *previous;
};

extern const char _oro_image_start[], _oro_image_end[];

static struct spinlock lock;
static struct free_block *free_lists[FRAME_ORDERS];
static uint8_t *states; /* per frame number */
static uint64_t frame_count;
static _Atomic uint64_t free_count; /* the cores' spare frames are free too */
static uint64_t total_count;

/* How many a core keeps, how many it makes before it waits for an interrupt, and how many free
 * frames there must be, so that memory does not run out because of them. */
enum { SPARES = 16, SPARES_AT_ONCE = 4, SPARES_BELOW = 2048 };

static void set_state(uint64_t address, unsigned state)
{
    uint8_t *old = &states[address / PAGE_SIZE];
    *old = (uint8_t)((*old & STATE_POISONED) | state);
}

static unsigned state_of(uint64_t address)
{
    return states[address / PAGE_SIZE] & ~(unsigned)STATE_POISONED;
}

/* A free block's links overwrite the pattern at the start of a frame. */
enum { FRAME_WORDS_ALL = PAGE_SIZE / sizeof(uint64_t), FIRST_PATTERN_WORD = 2 };

static void poison(uint64_t address, unsigned order)
{
    for (uint64_t frame = address; frame < address + ((uint64_t)PAGE_SIZE << order);
         frame += PAGE_SIZE) {
        uint64_t *words = phys_to_virt(frame);
        for (unsigned i = FIRST_PATTERN_WORD; i < FRAME_WORDS_ALL; i++)
            words[i] = POISON;
        states[frame / PAGE_SIZE] |= STATE_POISONED;
    }
}

static void check_poison(uint64_t address, unsigned order)
{
    for (uint64_t frame = address; frame < address + ((uint64_t)PAGE_SIZE << order);
         frame += PAGE_SIZE) {
        const uint64_t *words = phys_to_virt(frame);
        bool poisoned = states[frame / PAGE_SIZE] & STATE_POISONED;
        for (unsigned i = FIRST_PATTERN_WORD; poisoned && i < FRAME_WORDS_ALL; i++) {
            if (words[i] != POISON)
                panic("frame 0x%lx was written after it was freed: 0x%lx at offset 0x%lx", frame,
                      words[i], i * sizeof(uint64_t));
        }
        states[frame / PAGE_SIZE] &= (uint8_t)~STATE_POISONED;
    }
}

static uint64_t block_size(unsigned order)
{
    return (uint64_t)PAGE_SIZE << order;
}

static void list_push(uint64_t address, unsigned order)
{
    struct free_block *block = phys_to_virt(address);
    block->next = free_lists[order];
    block->previous = NULL;
    if (block->next)
        block->next->previous = block;
    free_lists[order] = block;
    set_state(address, STATE_FREE | order);
}

static void list_remove(uint64_t address, unsigned order)
{
    struct free_block *block = phys_to_virt(address);
    if (block->previous)
        block->previous->next = block->next;
    else
        free_lists[order] = block->next;
    if (block->next)
        block->next->previous = block->previous;
    set_state(address, STATE_NONE);
}

/* Puts a block on its list, joined with its free buddies. */
static void insert(uint64_t address, unsigned order)
{
    free_count += UINT64_C(1) << order;
    while (order + 1 < FRAME_ORDERS) {
        uint64_t buddy = address ^ block_size(order);
        if (buddy / PAGE_SIZE >= frame_count ||
            state_of(buddy) != (STATE_FREE | order))
            break;
        list_remove(buddy, order);
        address &= ~block_size(order);
        order++;
    }
    list_push(address, order);
}

/* Hands a range over in the largest aligned blocks. */
static void add_range(uint64_t start, uint64_t end)
{
    while (start < end) {
        unsigned order = FRAME_ORDERS - 1;
        while (start % block_size(order) || start + block_size(order) > end)
            order--;
        insert(start, order);
        total_count += UINT64_C(1) << order;
        start += block_size(order);
    }
}

/* What must not be handed out although the memory map calls it usable. */
static struct memory_range reserved[BOOT_MODULES + 2];
static unsigned reserved_count;

static void reserve(uint64_t base, uint64_t size)
{
    uint64_t start = base & ~(uint64_t)(PAGE_SIZE - 1);
    uint64_t end = (base + size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
    reserved[reserved_count++] = (struct memory_range){start, end - start, MEMORY_RESERVED};
}

/* Adds a range without the pages that are reserved. */
static void add_unreserved(uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < reserved_count; i++) {
        uint64_t base = reserved[i].base, limit = base + reserved[i].size;
        if (base < end && limit > start) {
            if (base > start)
                add_unreserved(start, base);
            if (limit < end)
                add_unreserved(limit, end);
            return;
        }
    }
    if (start < end)
        add_range(start, end);
}

static void add_between(uint64_t low, uint64_t high)
{
    for (uint32_t i = 0; i < memory_map.count; i++) {
        uint64_t start = memory_map.ranges[i].start, end = memory_map.ranges[i].end;
        if (start < low)
            start = low;
        if (end > high)
            end = high;
        if (start < end)
            add_unreserved(start, end);
    }
}

/* The first address from `start` on where `size` bytes meet no reserved range. */
static uint64_t beyond_reserved(uint64_t start, uint64_t size)
{
    for (unsigned i = 0; i < reserved_count; i++) {
        uint64_t limit = reserved[i].base + reserved[i].size;
        if (reserved[i].base < start + size && limit > start)
            return beyond_reserved((limit + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1), size);
    }
    return start;
}

/* A place for the frame states, between the reserved ranges. */
static uint64_t find_room(uint64_t size)
{
    for (uint32_t i = 0; i < memory_map.count; i++) {
        uint64_t start = memory_map.ranges[i].start, end = memory_map.ranges[i].end;
        start = beyond_reserved(start < LOW_LIMIT ? LOW_LIMIT : start, size);
        if (end > BOOT_LIMIT)
            end = BOOT_LIMIT;
        if (start < end && size <= end - start)
            return start;
    }
    panic("too little memory below 4 GiB for the frame table (%lu bytes)", size);
}

void frames_init(void)
{
    reserve((uint64_t)_oro_image_start - KERNEL_OFFSET,
            (uint64_t)(_oro_image_end - _oro_image_start));
    for (uint32_t i = 0; i < boot_info.module_count; i++)
        reserve(boot_info.modules[i].base, boot_info.modules[i].size);

    if (memory_map.count == 0)
        panic("the memory map has no usable range");
    frame_count = memory_map.ranges[memory_map.count - 1].end / PAGE_SIZE;
    uint64_t table = find_room(frame_count);
    reserve(table, frame_count);
    states = phys_to_virt(table);
    memset(states, STATE_NONE, frame_count);
    add_between(LOW_LIMIT, BOOT_LIMIT);
}

void frames_add_high(void)
{
    add_between(BOOT_LIMIT, frame_count * PAGE_SIZE);
}

static uint64_t until_failure; /* allocations, the one that fails included; 0: none fails */

void frames_fail_after(uint64_t successes)
{
    until_failure = successes + 1;
}

/* A block whose bytes are anything, not counted yet; 0 if memory is out. Under the lock. */
static uint64_t take_block(unsigned order)
{
    if (until_failure && --until_failure == 0)
        return 0;
    unsigned found = order;
    while (found < FRAME_ORDERS && !free_lists[found])
        found++;
    if (found >= FRAME_ORDERS)
        return 0;
    uint64_t address = virt_to_phys(free_lists[found]);
    list_remove(address, found);
    while (found > order) {
        found--;
        list_push(address + block_size(found), found);
    }
    set_state(address, STATE_ALLOCATED | order);
    if (DEBUG_CHECKS)
        check_poison(address, order);
    return address;
}

uint64_t frames_alloc(unsigned order)
{
    spinlock_acquire(&lock);
    uint64_t address = take_block(order);
    if (address)
        free_count -= UINT64_C(1) << order;
    spinlock_release(&lock);
    if (address)
        memset(phys_to_virt(address), 0, block_size(order));
    return address;
}

uint64_t frames_alloc_page(void)
{
    struct core *core = this_core();
    uint64_t address = core->spares;
    if (!address)
        return frames_alloc(0);
    uint64_t *link = phys_to_virt(address);
    core->spares = *link;
    core->spare_count--;
    *link = 0;
    free_count--;
    return address;
}

void frames_make_spares(struct core *core)
{
    for (unsigned i = 0; i < SPARES_AT_ONCE && core->spare_count < SPARES; i++) {
        if (free_count < SPARES_BELOW)
            return;
        spinlock_acquire(&lock);
        uint64_t address = take_block(0);
        spinlock_release(&lock);
        if (!address)
            return;
        uint64_t *link = memset(phys_to_virt(address), 0, PAGE_SIZE);
        *link = core->spares;
        core->spares = address;
        core->spare_count++;
    }
}

void frames_free(uint64_t address, unsigned order)
{
    uint64_t frame = address / PAGE_SIZE;
    spinlock_acquire(&lock);
    if (address % PAGE_SIZE || frame >= frame_count || state_of(address) != (STATE_ALLOCATED | order))
        panic("freed frame 0x%lx of order %u, which is not allocated", address, order);
    set_state(address, STATE_NONE);
    if (DEBUG_CHECKS)
        poison(address, order);
    insert(address, order);
    spinlock_release(&lock);
}

uint64_t frames_free_count(void)
{
    return free_count;
}

uint64_t frames_total_count(void)
{
    return total_count;
}

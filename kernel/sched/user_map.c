/*
 * user_map.c - memory that a process asks for and gives back while it runs.
 */
#include <stdbool.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "abi/processor.h"
#include "abi/syscall.h"
#include "memory/frames.h"
#include "memory/paging.h"
#include "sched/process.h"
#include "smp/shootdown.h"

static bool sound(uint64_t address, uint64_t pages)
{
    return address % PAGE_SIZE == 0 && pages > 0 && pages <= MAP_PAGES_MAX &&
           address >= MAP_START && address <= MAP_END - pages * PAGE_SIZE;
}

static bool is_mapped(uint64_t root, uint64_t address)
{
    struct paging_walk walk = paging_walk(root, address);
    return walk.entries[walk.levels - 1] & PAGE_PRESENT;
}

/* Whether all of the pages, or none of them, are as asked. */
static bool all(uint64_t root, uint64_t address, uint64_t pages, bool mapped)
{
    for (uint64_t i = 0; i < pages; i++) {
        if (is_mapped(root, address + i * PAGE_SIZE) != mapped)
            return false;
    }
    return true;
}

static bool map_one(uint64_t root, uint64_t address)
{
    uint64_t frame = frames_alloc(0);
    if (frame && paging_map(root, address, frame, PAGE_SIZE, PAGE_USER | PAGE_WRITE | PAGE_NX,
                            PAGE_SIZE))
        return true;
    if (frame)
        frames_free(frame, 0);
    return false;
}

/* Takes the pages away; what they were goes to `frames`. */
static void take(uint64_t root, uint64_t address, uint64_t pages, uint64_t *frames)
{
    for (uint64_t i = 0; i < pages; i++)
        frames[i] = paging_unmap(root, address + i * PAGE_SIZE) & PAGE_ADDRESS;
}

/* Frees frames that were taken, once no core can reach them. */
static void give_back(uint64_t root, const uint64_t *frames, uint64_t count)
{
    if (count)
        shootdown(root);
    for (uint64_t i = 0; i < count; i++)
        frames_free(frames[i], 0);
}

int64_t process_map(uint64_t address, uint64_t pages)
{
    struct process *process = this_core()->current->process;
    uint64_t frames[MAP_PAGES_MAX];
    if (!sound(address, pages))
        return ERROR_BAD_NUMBER;
    spinlock_acquire(&process->space_lock);
    if (!all(process->root, address, pages, false)) {
        spinlock_release(&process->space_lock);
        return ERROR_BAD_NUMBER;
    }
    uint64_t done = 0;
    while (done < pages && map_one(process->root, address + done * PAGE_SIZE))
        done++;
    bool complete = done == pages;
    if (!complete)
        take(process->root, address, done, frames);
    spinlock_release(&process->space_lock);
    if (!complete)
        give_back(process->root, frames, done);
    return complete ? 0 : ERROR_NO_MEMORY;
}

int64_t process_unmap(uint64_t address, uint64_t pages)
{
    struct process *process = this_core()->current->process;
    uint64_t frames[MAP_PAGES_MAX];
    if (!sound(address, pages))
        return ERROR_BAD_NUMBER;
    spinlock_acquire(&process->space_lock);
    bool mapped = all(process->root, address, pages, true);
    if (mapped)
        take(process->root, address, pages, frames);
    spinlock_release(&process->space_lock);
    if (!mapped)
        return ERROR_BAD_NUMBER;
    give_back(process->root, frames, pages);
    return 0;
}

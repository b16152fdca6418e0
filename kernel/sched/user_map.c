/*
 * user_map.c - memory that a process asks for and gives back while it runs. What it asks for is
 * promised; a page is provided at its first use, by the program or by a system call that copies.
 */
#include <stdbool.h>
#include <stddef.h>

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

/* Whether the page is the program's, provided or promised. */
static bool is_mapped(uint64_t root, uint64_t address)
{
    const uint64_t *entry = paging_entry(root, address);
    return entry && *entry;
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

/* Takes the pages away; the frames of those that had been provided go to `frames`. Returns how many. */
static uint64_t take(uint64_t root, uint64_t address, uint64_t pages, uint64_t *frames)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < pages; i++) {
        uint64_t entry = paging_unmap(root, address + i * PAGE_SIZE);
        if (entry & PAGE_PRESENT)
            frames[count++] = entry & PAGE_ADDRESS;
    }
    return count;
}

/* Frees frames that were taken, once no core can reach them. */
static void give_back(struct process *process, const uint64_t *frames, uint64_t count)
{
    if (count)
        shootdown(&process->space);
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
    if (!all(process->space.root, address, pages, false)) {
        spinlock_release(&process->space_lock);
        return ERROR_BAD_NUMBER;
    }
    uint64_t done = 0;
    while (done < pages && paging_promise(process->space.root, address + done * PAGE_SIZE,
                                          PAGE_USER | PAGE_WRITE | PAGE_NX))
        done++;
    uint64_t provided = done < pages ? take(process->space.root, address, done, frames) : 0;
    spinlock_release(&process->space_lock);
    give_back(process, frames, provided); /* another thread was quick to use some */
    return done == pages ? 0 : ERROR_NO_MEMORY;
}

enum provision process_provide(uint64_t address)
{
    struct process *process = this_core()->current->process;
    spinlock_acquire(&process->space_lock);
    uint64_t *entry = address < USER_LIMIT ? paging_entry(process->space.root, address) : NULL;
    enum provision provision = PROVISION_NOT_PROMISED;
    if (entry && *entry & PAGE_PRESENT) {
        provision = PROVISION_DONE; /* another thread was here first */
    } else if (entry && *entry & PAGE_PROMISED) {
        uint64_t frame = frames_alloc_page();
        if (frame)
            *entry = (*entry & ~(uint64_t)PAGE_PROMISED) | frame | PAGE_PRESENT;
        provision = frame ? PROVISION_DONE : PROVISION_NO_MEMORY;
    }
    spinlock_release(&process->space_lock);
    return provision;
}

int64_t process_unmap(uint64_t address, uint64_t pages)
{
    struct process *process = this_core()->current->process;
    uint64_t frames[MAP_PAGES_MAX];
    if (!sound(address, pages))
        return ERROR_BAD_NUMBER;
    spinlock_acquire(&process->space_lock);
    bool mapped = all(process->space.root, address, pages, true);
    uint64_t count = mapped ? take(process->space.root, address, pages, frames) : 0;
    spinlock_release(&process->space_lock);
    if (!mapped)
        return ERROR_BAD_NUMBER;
    give_back(process, frames, count);
    return 0;
}

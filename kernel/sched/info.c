#include "sched/info.h"

#include <stddef.h>

#include "abi/core.h"
#include "abi/syscall.h"
#include "lib/string.h"
#include "memory/frames.h"
#include "memory/user_memory.h"
#include "sched/process.h"
#include "sched/process_table.h"

static int64_t give(uint64_t to, const void *from, size_t size, int64_t result)
{
    return user_write(to, from, size) ? result : ERROR_BAD_ADDRESS;
}

int64_t info_process(uint64_t at, uint64_t to)
{
    struct process_info info = {0};
    uint32_t next = at < MAX_PROCESSES ? (uint32_t)at : MAX_PROCESSES;
    process_lock();
    const struct process *process = process_table_next(&next);
    if (process) {
        info.pid = process->pid;
        info.parent = process->parent;
        info.threads = process->thread_count;
        info.ended = process->ended;
        string_copy(info.name, process->name, sizeof(info.name));
    }
    process_unlock();
    return process ? give(to, &info, sizeof(info), next) : 0;
}

int64_t info_core(uint64_t index, uint64_t to)
{
    if (index >= core_count)
        return ERROR_BAD_NUMBER;
    const struct core *core = &cores[index];
    struct core_info info = {.count = core_count,
                             .apic_id = core->apic_id,
                             .ticks = core->ticks,
                             .threads = core->threads};
    /* A process that is in the table stays while the lock is held; whether the core still runs it
     * is another matter. */
    process_lock();
    uint32_t at = 0;
    for (const struct process *process; (process = process_table_next(&at));) {
        for (const struct thread *thread = process->threads; thread; thread = thread->sibling) {
            if (thread == core->current)
                info.pid = process->pid;
        }
    }
    process_unlock();
    return give(to, &info, sizeof(info), 0);
}

int64_t info_memory(uint64_t to)
{
    struct memory_info info = {frames_total_count(), frames_free_count()};
    return give(to, &info, sizeof(info), 0);
}

int64_t info_program(uint64_t index, uint64_t to)
{
    const struct user_image *image = process_image_at(index);
    char name[NAME_MAX] = "";
    if (!image)
        return ERROR_NO_PROGRAM;
    string_copy(name, image->name, sizeof(name));
    return give(to, name, sizeof(name), (int64_t)strlen(name));
}

#include "sched/thread.h"

#include "abi/layout.h"
#include "abi/processor.h"
#include "arch/vector_state.h"
#include "memory/frames.h"
#include "memory/object_cache.h"

static struct object_cache cache = {.size = (sizeof(struct thread) + 15) & ~(size_t)15};

static _Atomic uint64_t made, freed;

struct thread *thread_new(struct process *process, struct core *core, uint64_t entry,
                          uint64_t stack, uint64_t argument)
{
    struct thread *thread = object_alloc(&cache);
    uint64_t page = thread ? frames_alloc(0) : 0;
    if (!page) {
        if (thread)
            object_free(&cache, thread);
        return NULL;
    }
    atomic_fetch_add(&made, 1);
    thread->process = process;
    thread->core = core;
    thread->weight = 1;
    thread->frame = (struct frame *)((char *)phys_to_virt(page) + PAGE_SIZE) - 1;
    *thread->frame = (struct frame){
        .rip = entry,
        .cs = SELECTOR_USER_CODE,
        .rflags = RFLAGS_IF | RFLAGS_FIXED,
        .rsp = stack,
        .ss = SELECTOR_USER_DATA,
        .rdi = argument,
    };
    return thread;
}

void thread_free(struct thread *thread)
{
    frames_free(virt_to_phys(thread->frame) & ~(uint64_t)(PAGE_SIZE - 1), 0);
    vector_state_free(thread->vector_area);
    object_free(&cache, thread);
    atomic_fetch_add(&freed, 1);
}

size_t thread_kept_frames(void)
{
    return cache.frames;
}

uint64_t threads_made(void)
{
    return atomic_load(&made);
}

uint64_t threads_freed(void)
{
    return atomic_load(&freed);
}

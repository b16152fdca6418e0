/*
 * thread.h - a thread: what runs, or waits to.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/frame.h"

struct core;
struct process;

enum thread_state {
    THREAD_READY,   /* in the run queue of its core */
    THREAD_RUNNING, /* the current thread of its core */
    THREAD_BLOCKED, /* waits; the process lock guards the way out of this state */
    THREAD_DEAD,    /* ended; freed as soon as its core has left it */
};

struct thread {
    struct process *process;
    struct thread *sibling; /* the next of the process's threads */
    struct frame *frame; /* the last bytes of its frame page, which is TSS.rsp0 while it runs */
    void *vector_area;   /* its vector registers while it does not run; null until it uses them */
    struct thread *next; /* in the run queue, among the sleepers, or those who wait for a process */
    struct core *core;   /* where it runs, or ran last */
    enum thread_state state;
    /* A core's registers or page tables are still the thread's, although it may be in a queue:
     * no other core may take it. */
    atomic_bool on_core;
    bool pinned;         /* never leaves its core */
    struct core *moves_to; /* where it goes when its core leaves it; null: nowhere */
    bool call_again;     /* its system call blocked: it is made anew before the thread resumes */
    uint32_t weight;     /* ticks of a turn */
    struct process *waits_for; /* whose change would wake it; null if none */
    bool sleeping, slept;
    uint64_t wake_at; /* tick of its core, if it is sleeping */
    uint64_t ran_on;  /* one bit per core */
};

/* A thread of ring-3 code that is in no queue and not yet among its process's threads; null if
 * memory is out. */
struct thread *thread_new(struct process *process, struct core *core, uint64_t entry,
                          uint64_t stack, uint64_t argument);
void thread_free(struct thread *thread);

/* Page frames kept for the objects of later threads. */
size_t thread_kept_frames(void);

/* How many there have been. */
uint64_t threads_made(void);
uint64_t threads_freed(void);

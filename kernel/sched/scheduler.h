/*
 * scheduler.h - each core's queue of threads that are ready to run, first in, first out. A core
 * with an empty queue takes a thread of another's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct core;
struct thread;

/* Puts a thread at the end of its core's queue and wakes that core, or an idle one that could take
 * the thread. The thread is neither in a queue nor blocked any more. */
void scheduler_add(struct thread *thread);

/* The same for a thread whose waiting is over: it goes to the front of the queue, and the thread
 * that its core runs now makes way for it, so that an answer is not slower than a turn. */
void scheduler_wake(struct thread *thread);

/* Another core has called this one. */
void scheduler_called(struct core *core);

/* The current thread of the calling core runs on this one from now on, and on no other; false if there
 * is none of this number. */
bool scheduler_settle(uint64_t index);

/* The core for a new thread: each in turn, but not the caller's if there is another. */
struct core *scheduler_spread(void);

/* Timer tick of the calling core: the current thread's turn may be over. */
void scheduler_tick(struct core *core);

/* Makes the core leave its current thread before it resumes anything: it ended, blocked, yielded. */
void scheduler_leave(struct core *core);

/* The calling core's next thread: of its own queue, else of another core's, else null. It is in no
 * queue any more. */
struct thread *scheduler_take(struct core *core);

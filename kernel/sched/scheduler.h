/*
 * scheduler.h - each core's queue of threads that are ready to run, first in, first out.
 */
#pragma once

struct core;
struct thread;

/* Puts a thread at the end of a core's queue and wakes the core if it is another one. */
void scheduler_add(struct core *core, struct thread *thread);

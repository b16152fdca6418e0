/*
 * process_table.h - the table of processes, its lock, and waiting for what another process does.
 *
 * A thread that waits names the process whose change would wake it. Whoever changes a process
 * wakes all who wait for it, and each makes its system call anew: there is no other way to wait.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process;
struct thread;
struct core;

enum {
    MAX_PROCESSES = 256,
    PARENT_GONE = 0x7fffffff, /* no pid: the parent of a process whose parent has ended */
    STATUS_MASK = 0xff,
};

/* Everything below is called with the lock held. */
void process_lock(void);
void process_unlock(void);

/* Gives the process a pid; false if the table is full. */
bool process_table_add(struct process *process);
void process_table_remove(struct process *process);

/* Null if there is none of this pid. */
struct process *process_table_find(uint64_t pid);

/* The next process at or after place *at, which is moved beyond it; null at the end. */
struct process *process_table_next(uint32_t *at);

/* The current thread waits until the process changes, and then makes its system call anew; if its
 * own process was killed, it ends instead. */
void process_block(struct process *waits_for);

/* Wakes all who wait for the process. */
void process_wake_waiters(struct process *process);

/* Whatever the thread does or waits for, its core looks at it soon. */
void process_interrupt(struct thread *thread);

/* Messages of a process that is no more; and page frames kept for later messages. */
void inbox_empty(struct process *process);
size_t inbox_kept_frames(void);

struct process_counts;
void inbox_count(struct process_counts *counts);

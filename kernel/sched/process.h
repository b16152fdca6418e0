/*
 * process.h - a process: an address space made from an ELF file, and the threads in it. All
 * processes stand in a table; one lock guards it, and with it everything that one process may change of
 * another: who waits for what, who has ended, whose inbox holds which messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/frame.h"
#include "lib/spinlock.h"
#include "memory/address_space.h"
#include "sched/thread.h"

struct core;
struct letter;

struct process {
    uint32_t pid;
    uint32_t parent; /* pid, or 0 if the kernel started it */
    const char *name;
    struct address_space space;
    int status;    /* what SYSCALL_WAIT returns, once it has ended */
    bool ended;    /* nothing is left of it but this structure */
    bool ending;   /* its status is known; what is left of its threads ends */
    bool killed;   /* is to end: each core that meets one of its threads ends that */
    bool interrupted; /* ^C was typed while it waited for no child */
    struct thread *waiters; /* blocked until this process changes */
    struct letter *inbox_first, *inbox_last;
    uint32_t inbox_count;
    struct thread *threads;
    uint32_t thread_count;
    struct spinlock space_lock; /* of its page tables; nobody waits for other cores with it held */
};

/* A program to start: an ELF file in memory. The name must outlive the process. */
struct user_image {
    const char *name;
    const char *start, *end;
};

/* The program of this name that is inside the kernel (asm/user_images.S), or null. */
const struct user_image *process_find_image(const char *name);

/* The one at this place of the list of them, or null. */
const struct user_image *process_image_at(uint64_t index);

/* Loads a program and queues its thread on a core, for good if `pinned`; its main gets `argument`. Returns the new process's
 * pid, or an error of kernel/abi/syscall.h, with a line on the console. A null image is one. */
int64_t process_spawn(const struct user_image *image, struct core *core, uint32_t parent,
                      bool pinned, uint64_t argument);

/* The current process ends: by its own will, by what it did, or because of `reason`. */
void process_exit(int status);
void process_fault(const struct frame *frame, uint64_t address);
void process_kill(const char *reason);

/* Ends the child that the process waits for, if it does. Under the process lock. */
void process_kill_awaited(struct process *process);

/* A thread of a process that is to end does; the calling core has it. */
void process_end_killed(struct thread *thread);

/* Gives back all that a dead thread owns, and with its last thread the process; the core must have
 * left both. */
void process_release(struct thread *thread);

/* System calls of the current thread; each returns its result, or blocks the thread and returns
 * anything. */
int64_t process_sleep(uint64_t ticks);
int64_t process_wait(uint64_t pid);
int64_t process_kill_child(uint64_t pid);
int64_t process_thread(uint64_t entry, uint64_t stack, uint64_t argument);
int64_t process_thread_exit(void);
int64_t process_map(uint64_t address, uint64_t pages);
int64_t process_unmap(uint64_t address, uint64_t pages);
int64_t process_send(uint64_t pid, uint64_t bytes, uint64_t size);
int64_t process_receive(uint64_t to);

/* A page fault where no page is: what the current process was promised there, it has now. */
enum provision { PROVISION_DONE, PROVISION_NOT_PROMISED, PROVISION_NO_MEMORY };
enum provision process_provide(uint64_t address);

/* Timer tick of the calling core: those whose time has come go on. */
void process_tick(struct core *core);

/* How the processes that the kernel started in this run ended so far. */
struct process_counts {
    uint32_t spawned;
    uint32_t exited, failed; /* failed: exited with a status other than 0 */
    uint32_t killed;
    uint32_t freed;     /* ended, and everything they had given back */
    uint32_t present;   /* in the table now, whoever started them */
    size_t kept_frames; /* page frames kept for the objects of later processes */
    uint64_t threads_made, threads_freed;
    uint64_t messages_sent, messages_received, messages_dropped; /* dropped: with their receiver */
    uint64_t messages_waiting;
};

struct process_counts process_counts(void);

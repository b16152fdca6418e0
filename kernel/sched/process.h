/*
 * process.h - a process: an address space made from an ELF file, and the one thread in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/frame.h"

struct core;

struct process {
    uint32_t pid;
    const char *name;
    uint64_t root; /* physical address of its top-level page table */
};

struct thread {
    struct process *process;
    struct frame *frame; /* the last bytes of its frame page, which is TSS.rsp0 while it runs */
    void *vector_area;   /* its vector registers while it does not run; null until it uses them */
    struct thread *next; /* in the run queue */
    uint64_t ran_on;     /* one bit per core */
    bool dead;           /* ended; freed as soon as its core has left it */
};

/* A program to start: an ELF file in memory. The name must outlive the process. */
struct user_image {
    const char *name;
    const char *start, *end;
};

/* The program of this name that is inside the kernel (asm/user_images.S), or null. */
const struct user_image *process_find_image(const char *name);

/* Loads a program and queues its thread on a core. False, with a line on the console, if that
 * cannot be done; null is such a case. */
bool process_spawn(const struct user_image *image, struct core *core);

/* The current process ends: by its own will, by what it did, or because of `reason`. */
void process_exit(int status);
void process_fault(const struct frame *frame, uint64_t address);
void process_kill(const char *reason);

/* Gives back all that a dead thread and its process own; the core must have left both. */
void process_free(struct thread *thread);

/* How the processes of this run ended so far. */
struct process_counts {
    uint32_t spawned;
    uint32_t exited, failed; /* failed: exited with a status other than 0 */
    uint32_t killed;
    uint32_t freed;     /* ended, and everything they had given back */
    size_t kept_frames; /* page frames kept for the objects of later processes */
};

struct process_counts process_counts(void);

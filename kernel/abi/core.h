/*
 * core.h - one processor core as the kernel sees it. GS.base points to it while the kernel runs.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/frame.h"
#include "abi/processor.h"
#include "lib/spinlock.h"

struct thread;

enum { MAX_CORES = 64 };

struct core {
    struct core *self;
    /*
     * Where the stack of the kernel begins: rsp at the first instruction of every C handler. It
     * is 8 mod 16, as after a call (System V ABI 3.2.2). Each entry starts here anew, so nothing
     * may keep a pointer into this stack beyond the entry that made it.
     */
    uint64_t kernel_stack;
    /* The same for exceptions that the kernel itself raised, which must not overwrite the stack
     * they happened on. */
    uint64_t exception_stack;
    struct frame *frame; /* where the current thread's registers are saved; its end is TSS.rsp0 */
    uint64_t user_rsp;   /* scratch of the system call entry */
    void *vector_area;   /* where the current thread's vector registers are saved, or null */

    /* Where it was when a panic elsewhere stopped it for good; null before. */
    const struct frame *_Atomic stopped;

    uint32_t index;
    uint32_t apic_id;
    volatile bool online;
    volatile bool reschedule; /* leave the current thread before anything is resumed */
    bool idle;                /* the others know that it has nothing to do */
    uint32_t turn;            /* ticks of the current thread's turn so far */
    uint64_t deadline;        /* of its timer, in time stamp counts, if that works with deadlines */
    volatile uint64_t ticks;
    volatile uint64_t threads; /* how many different threads ran here */

    struct thread *current; /* null while idle */
    _Atomic uint64_t root;  /* what CR3 holds, or will before the next user address; 0 until the
                             * first thread runs */
    struct thread *ready_head, *ready_tail;
    struct spinlock ready_lock;
    volatile bool urgent; /* the first of the queue goes before the current thread */
    uint32_t boosts;      /* threads that went before others since the last tick */
    _Atomic uint64_t flushes_wanted, flushes_done; /* of the TLB: see smp/shootdown.h */
    struct thread *sleepers; /* guarded by the process lock */
    struct frame *idle_frame;
    uint64_t spares; /* the first of its zeroed page frames, linked through their first words; 0 if none */
    uint32_t spare_count;

    uint64_t gdt[GDT_ENTRIES];
    struct tss tss;
};

extern struct core cores[MAX_CORES];
extern uint32_t core_count;

static inline struct core *this_core(void)
{
    struct core *core;
    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(core) : "i"(__builtin_offsetof(struct core, self)));
    return core;
}

/* The same where it is not known whether the core has its GS.base yet: then null. A core's is in
 * the upper half (kernel/arch/descriptors.c). */
static inline struct core *this_core_or_null(void)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_GS_BASE));
    return high >> 31 ? this_core() : 0;
}

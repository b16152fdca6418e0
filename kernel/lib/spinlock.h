/*
 * spinlock.h - a test-and-set lock. Interrupts are off in the kernel, so a holder is never
 * preempted; only NMI and panic code may find the lock held by their own core, and they do not
 * wait for it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct spinlock {
    atomic_bool held;
};

static inline bool spinlock_try(struct spinlock *lock)
{
    return !atomic_exchange_explicit(&lock->held, true, memory_order_acquire);
}

static inline void spinlock_acquire(struct spinlock *lock)
{
    while (!spinlock_try(lock)) {
        while (atomic_load_explicit(&lock->held, memory_order_relaxed))
            __asm__ volatile("pause");
    }
}

static inline void spinlock_release(struct spinlock *lock)
{
    atomic_store_explicit(&lock->held, false, memory_order_release);
}

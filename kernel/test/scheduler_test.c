/* scheduler_test.c - the run queues: who comes when, who may be taken by another core, and who may
 * leave them to wait. The other cores are not released yet, so their queues hold still. */
#include <stddef.h>

#include "abi/core.h"
#include "sched/process.h"
#include "sched/process_table.h"
#include "sched/scheduler.h"
#include "sched/thread.h"
#include "test/ktap.h"

enum { THREADS = 64 };

static struct thread threads[THREADS];

static struct thread *fresh(unsigned index, struct core *core)
{
    threads[index] = (struct thread){.core = core, .weight = 1};
    return &threads[index];
}

static void first_in_first_out(void)
{
    struct core *core = this_core();
    for (unsigned i = 0; i < THREADS; i++)
        scheduler_add(fresh(i, core));
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(scheduler_take(core) == &threads[i]);
    CHECK(scheduler_take(core) == NULL);
}

/* One that was woken goes first, but not for ever: between two ticks so many, and no more. */
static void woken_first(void)
{
    struct core *core = this_core();
    scheduler_tick(core);
    scheduler_add(fresh(0, core));
    unsigned before = 0;
    for (; before < THREADS - 1; before++) {
        scheduler_wake(fresh(1, core));
        struct thread *taken = scheduler_take(core);
        if (taken != &threads[1]) {
            CHECK(taken == &threads[0]);
            CHECK(scheduler_take(core) == &threads[1]);
            break;
        }
    }
    CHECK(before > 0 && before < THREADS - 1);
    scheduler_tick(core);
    scheduler_add(fresh(0, core));
    scheduler_wake(fresh(1, core));
    CHECK(scheduler_take(core) == &threads[1] && scheduler_take(core) == &threads[0]);
    scheduler_tick(core);
}

static void an_idle_core_takes_from_others(void)
{
    if (core_count < 2)
        return;
    struct core *core = this_core(), *other = &cores[1];
    struct thread *pinned = fresh(0, other), *on_core = fresh(1, other), *free = fresh(2, other);
    pinned->pinned = true;
    atomic_store(&on_core->on_core, true);
    scheduler_add(pinned);
    scheduler_add(on_core);
    scheduler_add(free);
    CHECK(scheduler_take(core) == free);
    CHECK(scheduler_take(core) == NULL);
    CHECK(scheduler_take(other) == pinned);
    CHECK(scheduler_take(other) == on_core);
    /* The end of the queue is right after its last thread was taken from elsewhere. */
    scheduler_add(fresh(3, other));
    CHECK(scheduler_take(other) == &threads[3] && scheduler_take(other) == NULL);
}

/* Where a thread is after it asked to wait: for its own process, or for time to pass. */
static enum thread_state after_blocking(struct process *process, bool sleeps)
{
    struct core *core = this_core();
    struct thread *thread = fresh(0, core);
    thread->process = process;
    thread->state = THREAD_RUNNING;
    core->current = thread;
    core->reschedule = false;
    if (sleeps) {
        process_sleep(UINT64_MAX);
    } else {
        process_lock();
        process_block(process);
        process_unlock();
    }
    CHECK(core->reschedule);
    CHECK(process->waiters == (thread->waits_for ? thread : NULL));
    CHECK(core->sleepers == (thread->sleeping ? thread : NULL));
    CHECK(thread->state == (thread->waits_for || thread->sleeping ? THREAD_BLOCKED : THREAD_RUNNING));
    process->waiters = NULL;
    core->sleepers = NULL;
    core->current = NULL;
    return thread->state;
}

/* A process is killed while one of its threads runs on another core, towards a call that blocks: no
 * one will wake that thread, so it must not wait. */
static void the_killed_do_not_wait(void)
{
    static struct process process;
    bool reschedule = this_core()->reschedule;
    for (unsigned sleeps = 0; sleeps < 2; sleeps++) {
        process = (struct process){0};
        CHECK_EQUAL(after_blocking(&process, sleeps), THREAD_BLOCKED);
        process.killed = true;
        CHECK_EQUAL(after_blocking(&process, sleeps), THREAD_RUNNING);
    }
    this_core()->reschedule = reschedule;
}

TEST_SUITE(scheduler, {"first_in_first_out", first_in_first_out}, {"woken_first", woken_first},
           {"an_idle_core_takes_from_others", an_idle_core_takes_from_others},
           {"the_killed_do_not_wait", the_killed_do_not_wait});

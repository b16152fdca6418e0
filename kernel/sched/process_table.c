#include "sched/process_table.h"

#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/lapic.h"
#include "lib/spinlock.h"
#include "sched/process.h"
#include "sched/scheduler.h"

static struct spinlock lock;
static struct process *table[MAX_PROCESSES];
static uint32_t last_pid;

void process_lock(void)
{
    spinlock_acquire(&lock);
}

void process_unlock(void)
{
    spinlock_release(&lock);
}

_Static_assert((int)MAX_PROCESSES <= (int)PCID_MAX, "each process has a PCID of its own");

static struct process **place(uint64_t pid)
{
    return &table[pid % MAX_PROCESSES];
}

bool process_table_add(struct process *process)
{
    for (uint32_t tries = 0; tries < MAX_PROCESSES; tries++) {
        last_pid++;
        if (last_pid == 0 || last_pid == PARENT_GONE || *place(last_pid))
            continue;
        process->pid = last_pid;
        process->space.pcid = last_pid % MAX_PROCESSES + 1;
        atomic_store(&process->space.stale, UINT64_MAX);
        *place(last_pid) = process;
        return true;
    }
    return false;
}

void process_table_remove(struct process *process)
{
    *place(process->pid) = NULL;
}

struct process *process_table_find(uint64_t pid)
{
    struct process *process = *place(pid);
    return process && process->pid == pid ? process : NULL;
}

struct process *process_table_next(uint32_t *at)
{
    while (*at < MAX_PROCESSES) {
        struct process *process = table[(*at)++];
        if (process)
            return process;
    }
    return NULL;
}

/* The current thread leaves the run queues for as long as it is blocked. False if its process was
 * killed while it was on its way here, which nobody would say a second time: it goes on, to end as
 * soon as its core looks for a thread. */
static bool block(void)
{
    struct core *core = this_core();
    struct thread *thread = core->current;
    thread->call_again = true;
    scheduler_leave(core);
    if (thread->process->killed)
        return false;
    thread->state = THREAD_BLOCKED;
    return true;
}

void process_block(struct process *waits_for)
{
    struct thread *thread = this_core()->current;
    if (!block())
        return;
    thread->waits_for = waits_for;
    thread->next = waits_for->waiters;
    waits_for->waiters = thread;
}

void process_wake_waiters(struct process *process)
{
    while (process->waiters) {
        struct thread *thread = process->waiters;
        process->waiters = thread->next;
        thread->waits_for = NULL;
        scheduler_wake(thread);
    }
}

/* A thread that waits for a process is woken although nothing has changed. */
static void wake_early(struct thread *thread)
{
    struct thread **link = &thread->waits_for->waiters;
    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
    thread->waits_for = NULL;
    scheduler_wake(thread);
}

void process_interrupt(struct thread *thread)
{
    if (thread->sleeping)
        thread->wake_at = 0;
    else if (thread->state == THREAD_BLOCKED)
        wake_early(thread);
    else if (thread->state == THREAD_RUNNING && thread->core != this_core())
        lapic_send_vector(thread->core->apic_id, VECTOR_RESCHEDULE);
}

int64_t process_sleep(uint64_t ticks)
{
    struct core *core = this_core();
    struct thread *thread = core->current;
    if (thread->slept || ticks == 0) {
        thread->slept = false;
        return 0;
    }
    process_lock();
    if (block()) {
        thread->sleeping = true;
        thread->wake_at = ticks < UINT64_MAX - core->ticks ? core->ticks + ticks : UINT64_MAX;
        thread->next = core->sleepers;
        core->sleepers = thread;
    }
    process_unlock();
    return 0;
}

void process_tick(struct core *core)
{
    if (core->current && core->current->process->killed)
        scheduler_leave(core);
    if (!core->sleepers)
        return;
    process_lock();
    for (struct thread **link = &core->sleepers; *link;) {
        struct thread *thread = *link;
        if (thread->wake_at > core->ticks) {
            link = &thread->next;
            continue;
        }
        *link = thread->next;
        thread->sleeping = false;
        thread->slept = true;
        scheduler_wake(thread);
    }
    process_unlock();
}

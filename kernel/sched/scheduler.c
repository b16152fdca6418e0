#include "sched/scheduler.h"

#include <stdatomic.h>
#include <stddef.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/lapic.h"
#include "arch/vector_state.h"
#include "interrupt/event.h"
#include "memory/frames.h"
#include "memory/kernel_map.h"
#include "sched/process.h"
#include "sched/syscalls.h"
#include "sched/thread.h"

extern _Noreturn void _oro_resume_user(struct frame *frame);
extern _Noreturn void _oro_resume_syscall(struct frame *frame);
extern _Noreturn void _oro_idle(void *stack);

static _Atomic uint64_t idle_cores; /* one bit per core */

/* How many threads that were woken may go before those that wait for their turn, between two timer
 * ticks of a core. */
enum { BOOSTS_PER_TICK = 32 };

static void push_back(struct core *core, struct thread *thread)
{
    thread->next = NULL;
    if (core->ready_tail)
        core->ready_tail->next = thread;
    else
        core->ready_head = thread;
    core->ready_tail = thread;
}

static void push_front(struct core *core, struct thread *thread)
{
    thread->next = core->ready_head;
    core->ready_head = thread;
    if (!core->ready_tail)
        core->ready_tail = thread;
}

/* Whether `taker` may have a thread from `owner`'s queue. */
static bool may_take(const struct core *taker, const struct core *owner, struct thread *thread)
{
    return taker == owner ||
           (!thread->pinned &&
            !atomic_load_explicit(&thread->on_core, memory_order_acquire));
}

/* The first thread of `owner`'s queue that `taker` may have, or null. */
static struct thread *take(struct core *taker, struct core *owner)
{
    if (!owner->ready_head) /* without the lock: a late look is as good as an early one */
        return NULL;
    spinlock_acquire(&owner->ready_lock);
    struct thread *before = NULL, *thread = owner->ready_head;
    while (thread && !may_take(taker, owner, thread)) {
        before = thread;
        thread = thread->next;
    }
    if (thread) {
        if (before)
            before->next = thread->next;
        else
            owner->ready_head = thread->next;
        if (owner->ready_tail == thread)
            owner->ready_tail = before;
    }
    spinlock_release(&owner->ready_lock);
    return thread;
}

struct thread *scheduler_take(struct core *core)
{
    struct thread *thread = take(core, core);
    for (uint32_t i = 1; !thread && i < core_count; i++)
        thread = take(core, &cores[(core->index + i) % core_count]);
    return thread;
}

/* Has somebody look for the thread that is now in `home`'s queue: its core, or an idle one. */
static void call_for(struct core *home, const struct thread *thread)
{
    if (!home->online)
        return; /* not released yet: it looks into its queue first thing */
    uint64_t idle = atomic_load(&idle_cores);
    struct core *wanted = home;
    if (!(idle >> home->index & 1) && idle && !thread->pinned)
        wanted = &cores[__builtin_ctzll(idle)];
    if (wanted != this_core())
        lapic_send_vector(wanted->apic_id, VECTOR_RESCHEDULE);
}

void scheduler_add(struct thread *thread)
{
    struct core *core = thread->core;
    thread->state = THREAD_READY;
    spinlock_acquire(&core->ready_lock);
    push_back(core, thread);
    spinlock_release(&core->ready_lock);
    call_for(core, thread);
}

void scheduler_wake(struct thread *thread)
{
    struct core *core = thread->core;
    thread->state = THREAD_READY;
    spinlock_acquire(&core->ready_lock);
    if (core->boosts < BOOSTS_PER_TICK) {
        core->boosts++;
        core->urgent = core != this_core();
        push_front(core, thread);
    } else {
        push_back(core, thread);
    }
    spinlock_release(&core->ready_lock);
    call_for(core, thread);
}

struct core *scheduler_spread(void)
{
    static atomic_uint turn;
    uint32_t index = atomic_fetch_add(&turn, 1) % core_count;
    if (index == this_core()->index)
        index = (index + 1) % core_count;
    return &cores[index];
}

bool scheduler_settle(uint64_t index)
{
    struct core *core = this_core();
    if (index >= core_count)
        return false;
    core->current->pinned = true;
    if (&cores[index] != core) {
        core->current->moves_to = &cores[index];
        scheduler_leave(core);
    }
    return true;
}

void scheduler_leave(struct core *core)
{
    core->reschedule = true;
}

void scheduler_tick(struct core *core)
{
    core->boosts = 0;
    if (core->current && ++core->turn >= core->current->weight)
        scheduler_leave(core);
}

void scheduler_called(struct core *core)
{
    if (core->urgent || (core->current && core->current->process->killed))
        scheduler_leave(core);
}

/* Makes `thread` (null: the idle loop) the one whose frame the entries fill and whose address
 * space is loaded. */
static void switch_to(struct core *core, struct thread *thread)
{
    struct frame *frame = thread ? thread->frame : core->idle_frame;
    struct address_space *space = thread ? &thread->process->space : kernel_map_space();
    core->current = thread;
    core->frame = frame;
    core->tss.rsp[0] = (uint64_t)(frame + 1);
    if (core->root != space->root)
        address_space_load(core, space);
    vector_state_choose(core, thread ? thread->vector_area : NULL);
    if (core->vector_area)
        _oro_vector_load(core->vector_area);
    if (!thread)
        return;
    thread->core = core;
    atomic_store_explicit(&thread->on_core, true, memory_order_relaxed);
    if (!(thread->ran_on >> core->index & 1)) {
        thread->ran_on |= UINT64_C(1) << core->index;
        core->threads++;
    }
}

/* The next thread of this core's queue, in which `last`, if it may go on, takes its place: at the
 * end if its turn is over, at the front if it was only interrupted. Else `last`, if it may go on;
 * else a thread of another core; else null. */
static struct thread *choose(struct core *core, struct thread *last, bool interrupted)
{
    bool goes_on = last && last->state == THREAD_RUNNING && !last->moves_to;
    spinlock_acquire(&core->ready_lock);
    struct thread *next = core->ready_head;
    if (next) {
        core->ready_head = next->next;
        if (!core->ready_head)
            core->ready_tail = NULL;
        if (goes_on) {
            /* No other core takes it: its on_core is still true. */
            last->state = THREAD_READY;
            if (interrupted)
                push_front(core, last);
            else
                push_back(core, last);
        }
    }
    spinlock_release(&core->ready_lock);
    if (next)
        return next;
    return goes_on ? last : scheduler_take(core);
}

/* Those that were killed while they waited in a queue end when their turn comes. */
static struct thread *choose_alive(struct core *core, struct thread *last, bool interrupted)
{
    struct thread *next = choose(core, last, interrupted);
    while (next && next->process->killed) {
        process_end_killed(next);
        if (next != last)
            process_release(next);
        next = choose(core, last, interrupted);
    }
    return next;
}

/* The core has left the thread, which another core may have now; one that settles elsewhere goes
 * there. */
static void let_go(struct thread *thread)
{
    struct core *there = thread->moves_to;
    if (there) {
        thread->moves_to = NULL;
        thread->core = there;
    }
    atomic_store_explicit(&thread->on_core, false, memory_order_release);
    if (there)
        scheduler_add(thread);
}

/* The core leaves its thread for the next one, if there is one. */
static void reschedule(struct core *core)
{
    struct thread *last = core->current;
    bool interrupted = core->urgent; /* its turn is not over */
    core->reschedule = false;
    core->urgent = false;
    if (!interrupted)
        core->turn = 0;
    /* The entry of an interrupt saved the vector registers; that of a system call did not. */
    if (last && last->vector_area && last->frame->vector == (uint64_t)VECTOR_SYSCALL)
        _oro_vector_save(last->vector_area);
    struct thread *next = choose_alive(core, last, interrupted);
    if (next)
        next->state = THREAD_RUNNING;
    if (next == last && next)
        return;
    switch_to(core, next);
    if (!last)
        return;
    /* Only now may another core have it, or its page tables go. */
    if (last->state == THREAD_DEAD)
        process_release(last);
    else
        let_go(last);
}

/* Tells the others whether this core has nothing to do. */
static void say_idle(struct core *core, bool idle)
{
    core->idle = idle;
    if (idle)
        atomic_fetch_or(&idle_cores, UINT64_C(1) << core->index);
    else
        atomic_fetch_and(&idle_cores, ~(UINT64_C(1) << core->index));
}

_Noreturn static void wait_for_interrupt(struct core *core)
{
    core->reschedule = true; /* whatever comes next, look for a thread */
    frames_make_spares(core);
    _oro_idle(core->idle_frame + 1);
}

/* The core gets a current thread, or waits. Apart from run_context(), so that the way back from
 * most system calls stays short. */
__attribute__((noinline)) static void find_work(struct core *core)
{
    reschedule(core);
    if (!core->current && !core->idle) {
        /* A thread that was added before anyone could know would be found late: look once more. */
        say_idle(core, true);
        reschedule(core);
    }
    if (!core->current)
        wait_for_interrupt(core);
    if (core->idle)
        say_idle(core, false);
}

_Noreturn void run_context(void)
{
    struct core *core = this_core();
    for (;;) {
        if (core->reschedule)
            find_work(core);
        if (!core->current->call_again)
            break;
        core->current->call_again = false;
        syscall_dispatch(core->current->frame);
    }
    struct frame *frame = core->frame;
    /* What left by a system call comes back by `sysretq`; its frame is partial. */
    if (frame->vector == (uint64_t)VECTOR_SYSCALL)
        _oro_resume_syscall(frame);
    _oro_resume_user(frame);
}

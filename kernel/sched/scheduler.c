#include "sched/scheduler.h"

#include <stddef.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/lapic.h"
#include "arch/vector_state.h"
#include "interrupt/event.h"
#include "memory/kernel_map.h"
#include "sched/process.h"

extern _Noreturn void _oro_resume_user(struct frame *frame);
extern _Noreturn void _oro_resume_syscall(struct frame *frame);
extern _Noreturn void _oro_idle(void *stack);

static void push(struct core *core, struct thread *thread)
{
    spinlock_acquire(&core->ready_lock);
    thread->next = NULL;
    if (core->ready_tail)
        core->ready_tail->next = thread;
    else
        core->ready_head = thread;
    core->ready_tail = thread;
    spinlock_release(&core->ready_lock);
}

static struct thread *pop(struct core *core)
{
    spinlock_acquire(&core->ready_lock);
    struct thread *thread = core->ready_head;
    if (thread) {
        core->ready_head = thread->next;
        if (!core->ready_head)
            core->ready_tail = NULL;
    }
    spinlock_release(&core->ready_lock);
    return thread;
}

void scheduler_add(struct core *core, struct thread *thread)
{
    push(core, thread);
    if (core->online && core != this_core())
        lapic_send_vector(core->apic_id, VECTOR_RESCHEDULE);
}

/* Makes `thread` (null: the idle loop) the one whose frame the entries fill and whose address
 * space is loaded. */
static void switch_to(struct core *core, struct thread *thread)
{
    struct frame *frame = thread ? thread->frame : core->idle_frame;
    uint64_t root = thread ? thread->process->root : kernel_map_root();
    core->current = thread;
    core->frame = frame;
    core->tss.rsp[0] = (uint64_t)(frame + 1);
    if (core->root != root) {
        core->root = root;
        write_cr3(root);
    }
    vector_state_choose(core, thread ? thread->vector_area : NULL);
    if (core->vector_area)
        _oro_vector_load(core->vector_area);
    if (thread && !(thread->ran_on >> core->index & 1)) {
        thread->ran_on |= UINT64_C(1) << core->index;
        core->threads++;
    }
}

/* The core leaves its thread for the next one; a thread that can go on queues up again. Apart from
 * run_context(), so that the way back from most system calls stays short. */
__attribute__((noinline)) static void reschedule(struct core *core)
{
    struct thread *last = core->current;
    core->reschedule = false;
    /* The entry of an interrupt saved the vector registers; that of a system call did not. */
    if (last && last->vector_area && last->frame->vector == (uint64_t)VECTOR_SYSCALL)
        _oro_vector_save(last->vector_area);
    if (last && !last->dead)
        push(core, last);
    switch_to(core, pop(core));
    if (last && last->dead)
        process_free(last);
}

_Noreturn void run_context(void)
{
    struct core *core = this_core();
    if (!core->current || core->current->dead || core->reschedule)
        reschedule(core);
    if (!core->current)
        _oro_idle(core->idle_frame + 1);
    struct frame *frame = core->current->frame;
    /* What left by a system call comes back by `sysretq`; its frame is partial. */
    if (frame->vector == (uint64_t)VECTOR_SYSCALL)
        _oro_resume_syscall(frame);
    _oro_resume_user(frame);
}

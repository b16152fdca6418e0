/*
 * entry.c - where the assembly entries arrive in C, and the funnel. Each *_entry() is jumped to with
 * rsp at the top of a stack, turns the frame into an event, and never returns. They and the funnel
 * are compiled together, and it into each of them, so that an event's kind is known when its entry
 * is compiled and only what it needs is left.
 */
#include <stddef.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "abi/processor.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/features.h"
#include "arch/lapic.h"
#include "arch/lapic_timer.h"
#include "console/input.h"
#include "console/printk.h"
#include "interrupt/backtrace.h"
#include "interrupt/event.h"
#include "interrupt/exceptions.h"
#include "interrupt/panic.h"
#include "interrupt/probe.h"
#include "lib/debug.h"
#include "memory/kernel_map.h"
#include "sched/demo.h"
#include "sched/process.h"
#include "sched/scheduler.h"
#include "sched/syscalls.h"
#include "sched/terminal.h"
#include "smp/shootdown.h"
#include "smp/stop.h"
#include "test/crash.h"

extern _Noreturn void _oro_resume_kernel(struct frame *frame, uint32_t swapped);
extern const struct fixup {
    uint64_t may_fault, resume;
} _oro_fixups[];

_Noreturn void interrupt_entry(struct frame *frame);
_Noreturn void exception_entry(struct frame *frame);
_Noreturn void exception_entry_kernel(struct frame *frame, uint32_t swapped);
_Noreturn void exception_entry_ist(struct frame *frame, uint32_t swapped);
_Noreturn void syscall_entry(struct frame *frame);
_Noreturn void context_refused(struct frame *frame);

/* A program touched an address where no page is: one that it was promised, or none of its own. */
static void no_page(const struct frame *frame, uint64_t address)
{
    enum provision provision = process_provide(address);
    if (provision == PROVISION_NOT_PROMISED)
        process_fault(frame, address);
    if (provision == PROVISION_NO_MEMORY)
        process_kill("out-of-memory");
}

/* The end of the run, or somebody pressed the button to see what the core is doing. */
static void nmi(const struct frame *frame)
{
    if (stop_requested())
        panic_stop(frame);
    crash_nmi();
    char place[PLACE_TEXT];
    place_describe(frame->rip, false, place);
    bool user = frame->cs & SELECTOR_RING_MASK;
    printk("oro: nmi core_index=%u ring=%lu rip=0x%lx rsp=0x%lx symbol=%s\n", this_core()->index,
           frame->cs & SELECTOR_RING_MASK, frame->rip, frame->rsp, user ? "?" : place);
}

/* What happened is dealt with; run_context() decides what comes next. */
__attribute__((always_inline)) static inline void kernel_event(const struct event *event)
{
    struct core *core = this_core();
    switch (event->kind) {
    case EVENT_TICK:
        core->ticks++;
        lapic_timer_next(core);
        scheduler_tick(core);
        process_tick(core);
        crash_tick(core);
        if (core->index == 0) {
            input_tick();
            terminal_input();
        }
        demo_tick(core);
        break;
    case EVENT_FLUSH:
        shootdown_serve(core);
        break;
    case EVENT_SYSCALL:
        syscall_dispatch(event->frame);
        break;
    case EVENT_NO_PAGE:
        no_page(event->frame, event->address);
        break;
    case EVENT_FAULT:
        process_fault(event->frame, event->address);
        break;
    case EVENT_REFUSED:
        process_kill("return-address-not-canonical");
        break;
    case EVENT_NMI:
        nmi(event->frame);
        break;
    case EVENT_APIC_ERROR:
        log_line(LOG_WARNING, "core %u: local APIC error, status 0x%x\n", core->index,
                 lapic_errors());
        break;
    case EVENT_SERIAL:
        input_serial();
        terminal_input();
        lapic_end_of_interrupt(); /* only now: the line may be level triggered */
        break;
    case EVENT_KEYBOARD:
        input_keyboard();
        terminal_input();
        lapic_end_of_interrupt();
        break;
    case EVENT_RESCHEDULE:
        scheduler_called(core);
        break;
    case EVENT_SPURIOUS:
        break;
    }
}

__attribute__((always_inline)) _Noreturn static inline void handle(enum event_kind kind, struct frame *frame, uint64_t address)
{
    struct event event = {kind, frame, address};
    kernel_event(&event);
    run_context();
}

/* In the profile debug nothing of an earlier entry survives on the core's kernel stack: whoever kept
 * a pointer into it (event.h forbids that) reads KERNEL_STACK_POISON. The entry's own frames are above
 * rsp, and below it no leaf has a red zone. Copies with string instructions, since a call would be
 * overwritten. */
static void poison_kernel_stack(void)
{
    if (!DEBUG_CHECKS)
        return;
    uint64_t bottom = this_core()->kernel_stack + sizeof(struct stack_start) - STACK_PAGES * PAGE_SIZE;
    uint64_t pattern = KERNEL_STACK_POISON, words;
    __asm__ volatile("movq %%rsp, %1\n\t"
                     "subq %0, %1\n\t"
                     "shrq $3, %1\n\t"
                     "rep stosq"
                     : "+D"(bottom), "=&c"(words)
                     : "a"(pattern)
                     : "memory", "cc");
}

/* A gate does not clear RFLAGS.AC, so a program could switch SMAP off for the kernel (Intel SDM
 * Vol. 3A 4.6); SFMASK clears it on `syscall`. */
static void shut_user_memory(void)
{
    if (features.smap)
        __asm__ volatile("clac" : : : "memory", "cc");
}

/* A device interrupt, from ring 3 or from the idle loop. */
_Noreturn void interrupt_entry(struct frame *frame)
{
    shut_user_memory();
    poison_kernel_stack();
    PROBE_POINT(PROBE_INTERRUPT, frame);
    switch (frame->vector) {
    case VECTOR_TIMER:
        lapic_end_of_interrupt();
        handle(EVENT_TICK, frame, 0);
    case VECTOR_RESCHEDULE:
        lapic_end_of_interrupt();
        handle(EVENT_RESCHEDULE, frame, 0);
    case VECTOR_FLUSH:
        lapic_end_of_interrupt();
        handle(EVENT_FLUSH, frame, 0);
    case VECTOR_SERIAL:
        handle(EVENT_SERIAL, frame, 0);
    case VECTOR_KEYBOARD:
        handle(EVENT_KEYBOARD, frame, 0);
    case VECTOR_APIC_ERROR:
        lapic_end_of_interrupt();
        handle(EVENT_APIC_ERROR, frame, 0);
    default:
        /* The APIC's spurious vector and the 8259s' want no end of interrupt (Intel SDM Vol. 3A
         * 10.9). No other vector is in use; one that comes all the same must not keep others out. */
        if (lapic_in_service((uint8_t)frame->vector))
            lapic_end_of_interrupt();
        handle(EVENT_SPURIOUS, frame, 0);
    }
}

/* An exception or NMI from ring 3. */
_Noreturn void exception_entry(struct frame *frame)
{
    shut_user_memory();
    poison_kernel_stack();
    PROBE_POINT(PROBE_EXCEPTION, frame);
    if (frame->vector == VECTOR_PAGE_FAULT && !(frame->error_code & PAGE_FAULT_PRESENT))
        handle(EVENT_NO_PAGE, frame, read_cr2());
    if (frame->vector == VECTOR_NMI)
        handle(EVENT_NMI, frame, 0);
    if (frame->vector == VECTOR_MACHINE_CHECK)
        panic_exception(frame);
    handle(EVENT_FAULT, frame, frame->vector == VECTOR_PAGE_FAULT ? read_cr2() : 0);
}

/* An exception from ring 0: one of the few instructions that may fault, or a defect. */
_Noreturn void exception_entry_kernel(struct frame *frame, uint32_t swapped)
{
    shut_user_memory();
    for (const struct fixup *fixup = _oro_fixups; fixup->may_fault; fixup++) {
        if (fixup->may_fault == frame->rip) {
            /* A page that is there forbids the access, and would for ever. */
            if (frame->vector == VECTOR_PAGE_FAULT &&
                !(frame->error_code & PAGE_FAULT_PRESENT) && this_core()->current &&
                process_provide(read_cr2()) == PROVISION_DONE)
                _oro_resume_kernel(frame, swapped); /* to the same instruction */
            frame->rip = fixup->resume;
            _oro_resume_kernel(frame, swapped);
        }
    }
    PROBE_POINT(PROBE_KERNEL, frame);
    panic_exception(frame);
}

/* #DB, NMI, #DF or #MC from ring 0, on a stack of its own. */
_Noreturn void exception_entry_ist(struct frame *frame, uint32_t swapped)
{
    shut_user_memory();
    PROBE_POINT(PROBE_IST, frame);
    if (frame->vector != VECTOR_NMI)
        panic_exception(frame);
    nmi(frame);
    _oro_resume_kernel(frame, swapped);
}

_Noreturn void syscall_entry(struct frame *frame)
{
    poison_kernel_stack();
    handle(EVENT_SYSCALL, frame, 0);
}

/* The resume path found a return address that would fault in ring 0. */
_Noreturn void context_refused(struct frame *frame)
{
    handle(EVENT_REFUSED, frame, 0);
}

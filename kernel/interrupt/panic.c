#include "interrupt/panic.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "abi/core.h"
#include "arch/cpu.h"
#include "arch/lapic.h"
#include "console/build_id.h"
#include "console/exit.h"
#include "console/printk.h"
#include "interrupt/backtrace.h"
#include "interrupt/exceptions.h"
#include "interrupt/panic_dump.h"
#include "lib/format.h"
#include "sched/process.h"
#include "smp/stop.h"

enum {
    NOBODY = -1,
    STOP_PATIENCE = 1000000, /* port accesses of about a microsecond, until a core counts as lost */
    UNUSED_PORT = 0x80,
};

static atomic_int speaker = NOBODY; /* APIC id of the core that is in a panic */
static bool again;                  /* it is in a panic inside that */

static bool all_stopped(const struct core *self)
{
    for (uint32_t i = 0; i < core_count; i++) {
        if (&cores[i] != self && cores[i].online && !atomic_load(&cores[i].stopped))
            return false;
    }
    return true;
}

/* A core that has stopped holds no lock that it will ever use again, and prints no more. */
static void stop_and_wait(const struct core *self)
{
    stop_others();
    for (unsigned i = 0; i < STOP_PATIENCE && !all_stopped(self); i++)
        outb(UNUSED_PORT, 0);
}

/* One core speaks; one that panics meanwhile is silent. False if the speaker is in a panic
 * already: then `why` is all that is added. */
static bool begin(const struct core *self)
{
    int id = stop_others_may_run() ? (int)lapic_id() : 0;
    int expected = NOBODY;
    if (!atomic_compare_exchange_strong(&speaker, &expected, id)) {
        if (expected != id)
            cpu_halt();
        return false;
    }
    stop_and_wait(self);
    printk_break_lock();
    printk("\noro: panic-begin\n");
    build_id_print();
    return true;
}

_Noreturn static void end(const struct core *self)
{
    for (uint32_t i = 0; i < core_count; i++) {
        if (&cores[i] != self && cores[i].online)
            dump_core(&cores[i]);
    }
    printk("oro: panic-end\n");
    machine_exit(EXIT_FAIL);
}

/* The panic itself failed. What it has said stays; no more than a line is tried. */
_Noreturn static void end_nested(const struct frame *frame)
{
    if (!again) {
        again = true;
        if (frame)
            printk("\noro: nested=exception nested_name=%s nested_error=0x%lx nested_rip=0x%lx "
                   "nested_cr2=0x%lx\n",
                   exception_name(frame->vector), frame->error_code, frame->rip, read_cr2());
        else
            printk("\noro: nested=check\n");
        printk("oro: panic-end\n");
    }
    machine_exit(EXIT_FAIL);
}

static void name_core(const char *reason, const struct core *core)
{
    if (core)
        printk("oro: reason=%s core=%u apic=%u pid=%u program=\"%s\"\n", reason, core->index,
               core->apic_id, core->current ? core->current->process->pid : 0,
               core->current ? core->current->process->name : "");
    else
        printk("oro: reason=%s\n", reason);
}

_Noreturn void panic(const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    format_list(reason, sizeof(reason), format, arguments);
    va_end(arguments);

    const struct core *self = this_core_or_null();
    if (!begin(self))
        end_nested(NULL);
    printk("oro: reason=\"%s\"\n", reason);
    name_core("check", self);
    dump_system();
    backtrace_print("backtrace", 0, (uint64_t)__builtin_frame_address(0));
    end(self);
}

_Noreturn static void panic_at(const char *reason, const struct frame *frame)
{
    const struct core *self = this_core_or_null();
    if (!begin(self))
        end_nested(frame);
    name_core(reason, self);
    dump_exception(frame);
    end(self);
}

_Noreturn void panic_exception(const struct frame *frame)
{
    panic_at("exception", frame);
}

_Noreturn void panic_early(const struct frame *frame)
{
    panic_at("early-exception", frame);
}

_Noreturn void panic_stop(const struct frame *frame)
{
    struct core *core = this_core_or_null();
    if (core)
        atomic_store(&core->stopped, frame);
    cpu_halt();
}

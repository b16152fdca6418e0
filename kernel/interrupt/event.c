#include "interrupt/event.h"

#include "abi/core.h"
#include "arch/cpu.h"
#include "console/printk.h"
#include "sched/demo.h"
#include "sched/process.h"
#include "sched/scheduler.h"
#include "sched/syscalls.h"
#include "smp/stop.h"
#include "test/crash.h"

void kernel_event(const struct event *event)
{
    struct core *core = this_core();
    switch (event->kind) {
    case EVENT_TICK:
        core->ticks++;
        core->reschedule = true;
        crash_tick(core);
        demo_tick(core);
        break;
    case EVENT_SYSCALL:
        syscall_dispatch(event->frame);
        break;
    case EVENT_FAULT:
        process_fault(event->frame, event->address);
        break;
    case EVENT_REFUSED:
        process_kill("return-address-not-canonical");
        break;
    case EVENT_NMI:
        if (stop_requested())
            cpu_halt();
        break;
    case EVENT_APIC_ERROR:
        printk("core %u: local APIC error\n", core->index);
        break;
    case EVENT_RESCHEDULE:
    case EVENT_SPURIOUS:
        break;
    }
}

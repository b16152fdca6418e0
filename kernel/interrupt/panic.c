#include "interrupt/panic.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/lapic.h"
#include "console/exit.h"
#include "console/printk.h"
#include "interrupt/exceptions.h"
#include "lib/format.h"
#include "memory/paging.h"
#include "smp/stop.h"

extern const char _oro_frame_names[FRAME_REGISTERS][8];

enum { NOBODY = -1, BACKTRACE_DEPTH = 16 };

static atomic_int speaker = NOBODY; /* APIC id of the core that is in a panic */

/* One core speaks. A core that panics meanwhile is silent; one that panics inside its own panic
 * ends the run. */
static void begin(void)
{
    int self = stop_others_may_run() ? (int)lapic_id() : 0;
    int expected = NOBODY;
    if (!atomic_compare_exchange_strong(&speaker, &expected, self)) {
        if (expected != self)
            cpu_halt();
        machine_exit(EXIT_FAIL);
    }
    stop_others();
    printk_break_lock();
    printk("\noro: panic-begin\n");
}

_Noreturn static void end(void)
{
    printk("oro: panic-end\n");
    machine_exit(EXIT_FAIL);
}

static void print_system_registers(void)
{
    printk("oro: cr0=0x%lx cr2=0x%lx cr3=0x%lx cr4=0x%lx efer=0x%lx gs_base=0x%lx "
           "kernel_gs_base=0x%lx\n",
           read_cr0(), read_cr2(), read_cr3(), read_cr4(), read_msr(MSR_EFER),
           read_msr(MSR_GS_BASE), read_msr(MSR_KERNEL_GS_BASE));
}

static void print_registers(const struct frame *frame)
{
    const uint64_t *registers = &frame->r15;
    for (unsigned i = 0; i < FRAME_REGISTERS; i += 3)
        printk("oro: %s=0x%lx %s=0x%lx %s=0x%lx\n", _oro_frame_names[i], registers[i],
               _oro_frame_names[i + 1], registers[i + 1], _oro_frame_names[i + 2],
               registers[i + 2]);
}

/* What each level of the page tables says about an address. */
static void print_walk(uint64_t address)
{
    static const char *const names[PAGING_LEVELS_MAX] = {"pml5e", "pml4e", "pdpte", "pde", "pte"};
    struct paging_walk walk = paging_walk(read_cr3() & PAGE_ADDRESS, address);
    for (unsigned i = 0; i < walk.levels; i++) {
        uint64_t entry = walk.entries[i];
        printk("oro: walk=%s entry=0x%lx present=%d write=%d user=%d nx=%d\n",
               names[i + PAGING_LEVELS_MAX - paging_levels], entry,
               (int)(entry & PAGE_PRESENT), (int)(entry / PAGE_WRITE & 1),
               (int)(entry / PAGE_USER & 1), (int)(entry >> 63));
    }
}

/* Whether the kernel can read the 16 bytes there without faulting again. */
static bool readable(uint64_t address)
{
    if (address % 16 || address >> 47 != 0x1ffff)
        return false;
    struct paging_walk walk = paging_walk(read_cr3() & PAGE_ADDRESS, address);
    return paging_present(&walk);
}

/* Return addresses, innermost first, along the chain of saved frame pointers (System V ABI 3.2.2),
 * one a line. */
static void print_backtrace(uint64_t rbp)
{
    for (unsigned depth = 0; depth < BACKTRACE_DEPTH && readable(rbp); depth++) {
        const uint64_t *saved = (const uint64_t *)rbp;
        if (saved[1] == 0)
            break; /* what the entry code pushed in place of a return address */
        printk("oro: backtrace=%u address=0x%lx\n", depth, saved[1]);
        if (saved[0] <= rbp)
            break;
        rbp = saved[0];
    }
}

static void dump(const struct frame *frame)
{
    printk("oro: vector=%lu name=%s error=0x%lx rip=0x%lx cs=0x%lx rflags=0x%lx rsp=0x%lx "
           "ss=0x%lx cr2=0x%lx cr3=0x%lx\n",
           frame->vector, exception_name(frame->vector), frame->error_code, frame->rip, frame->cs,
           frame->rflags, frame->rsp, frame->ss, read_cr2(), read_cr3());
    print_registers(frame);
    print_system_registers();
    print_backtrace(frame->rbp);
    if (frame->vector == VECTOR_PAGE_FAULT) {
        char reason[EXCEPTION_TEXT];
        exception_describe_page_fault(frame->error_code, reason);
        printk("page fault at 0x%lx: %s\n", read_cr2(), reason);
        print_walk(read_cr2());
    }
}

_Noreturn void panic(const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    format_list(reason, sizeof(reason), format, arguments);
    va_end(arguments);

    begin();
    printk("oro: reason=\"%s\"\n", reason);
    print_system_registers();
    print_backtrace((uint64_t)__builtin_frame_address(0));
    end();
}

_Noreturn void panic_exception(const struct frame *frame)
{
    begin();
    printk("oro: reason=exception core=%u apic=%u\n", this_core()->index, this_core()->apic_id);
    dump(frame);
    end();
}

_Noreturn void panic_early(const struct frame *frame)
{
    begin();
    printk("oro: reason=early-exception\n");
    dump(frame);
    end();
}

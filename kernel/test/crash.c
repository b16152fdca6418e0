#include "test/crash.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "arch/lapic.h"
#include "boot/boot_info.h"
#include "console/printk.h"
#include "interrupt/panic.h"
#include "memory/frames.h"

static bool at_tick, chatter, in_nmi, print_nmi;

enum { LET_THEM_TALK = 2, LINES = 4 }; /* ticks; lines of a tick */
#define WITHOUT_END UINT_MAX
#define UNMAPPED UINT64_C(0xffffff7000000000)

extern _Noreturn void _oro_crash_stack(uint64_t stack);

static void read_unmapped(uint64_t address)
{
    (void)*(volatile uint8_t *)address;
}

void crash_early_if_asked(void)
{
    if (boot_option("crash=early"))
        read_unmapped(0x700000001234);
}

void crash_if_asked(void)
{
    if (boot_option("crash=page"))
        read_unmapped(0x1234);
    if (boot_option("crash=stack"))
        _oro_crash_stack(this_core()->kernel_stack);
    if (boot_option("crash=free-twice")) {
        uint64_t frame = frames_alloc(0);
        frames_free(frame, 0);
        frames_free(frame, 0);
    }
    if (boot_option("crash=use-after-free")) {
        uint64_t frame = frames_alloc(0);
        frames_free(frame, 0);
        ((volatile uint64_t *)phys_to_virt(frame))[100] = 0;
        while (frames_alloc(0))
            continue;
    }
    if (boot_option("crash=check"))
        panic("the command line asked for it: %s", "crash=check");
    if (boot_option("crash=again")) {
        this_core()->current = (struct thread *)UNMAPPED;
        panic("the command line asked for it: %s", "crash=again");
    }
    chatter = boot_option("crash=chatter");
    at_tick = chatter || boot_option("crash=tick");
    in_nmi = boot_option("crash=nmi");
    print_nmi = in_nmi || boot_option("nmi=print");
}

static void print_lines(uint32_t index, unsigned count)
{
    for (unsigned line = 0; line < count; line++)
        printk("chatter of core %u, line %u\n", index, line);
}

void crash_tick(const struct core *core)
{
    bool last = core->index == core_count - 1;
    if (at_tick && last && core->ticks > LET_THEM_TALK)
        __builtin_trap();
    if (chatter && !last)
        print_lines(core->index, WITHOUT_END);
    if (print_nmi && core->index == 0 && core_count > 1)
        print_lines(0, in_nmi ? WITHOUT_END : LINES);
    if (print_nmi && last && core->ticks > LET_THEM_TALK)
        lapic_send_nmi(cores[0].apic_id);
}

void crash_nmi(void)
{
    if (in_nmi)
        panic("the command line asked for it: %s", "crash=nmi");
}

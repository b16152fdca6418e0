#include "test/crash.h"

#include <stdbool.h>
#include <stdint.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "boot/boot_info.h"
#include "interrupt/panic.h"
#include "memory/frames.h"

static bool at_tick;

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
    at_tick = boot_option("crash=tick");
}

void crash_tick(const struct core *core)
{
    if (at_tick && core->index == core_count - 1)
        __builtin_trap();
}

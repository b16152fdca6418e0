/* machine.h - the end of a run. */
#pragma once

#include "port.h"

enum machine_status {
    MACHINE_PASS = 0x10, /* what 'orobuild run' takes for success */
    MACHINE_FAIL = 0x11,
};

/* End the emulator by its exit device; on a real machine, halt. */
_Noreturn static inline void machine_exit(enum machine_status status)
{
    outb(0xf4, (uint8_t)status);
    for (;;)
        __asm__ volatile("cli; hlt");
}

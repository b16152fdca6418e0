/*
 * lapic_registers.h - access to the registers of the calling core's local APIC, for lapic.c and
 * lapic_timer.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu.h"

/* Register offsets (Intel SDM Vol. 3A 10.4.1, table 10-1); the x2APIC MSR of a register is
 * MSR_X2APIC plus its offset / 16 (10.12.1.2). */
enum lapic_register {
    REGISTER_ID = 0x20,
    REGISTER_TASK_PRIORITY = 0x80,
    REGISTER_END_OF_INTERRUPT = 0xb0,
    REGISTER_SPURIOUS = 0xf0,
    REGISTER_IN_SERVICE = 0x100,
    REGISTER_REQUESTS = 0x200,
    REGISTER_ERROR_STATUS = 0x280,
    REGISTER_COMMAND_LOW = 0x300,
    REGISTER_COMMAND_HIGH = 0x310,
    REGISTER_LVT_TIMER = 0x320,
    REGISTER_LVT_LINT0 = 0x350,
    REGISTER_LVT_ERROR = 0x370,
    REGISTER_TIMER_INITIAL = 0x380,
    REGISTER_TIMER_CURRENT = 0x390,
    REGISTER_TIMER_DIVIDE = 0x3e0,
};

enum { LVT_MASKED = 1 << 16 };

/* How registers are reached; the same on all cores. Set by lapic_init(). */
struct lapic_access {
    bool x2apic;
    volatile uint32_t *registers; /* unless x2apic */
};

extern struct lapic_access lapic_access;

static inline uint32_t lapic_read(enum lapic_register reg)
{
    if (lapic_access.x2apic)
        return (uint32_t)read_msr((enum msr)(MSR_X2APIC + reg / 16));
    return lapic_access.registers[reg / sizeof(uint32_t)];
}

static inline void lapic_write(enum lapic_register reg, uint32_t value)
{
    if (lapic_access.x2apic)
        write_msr((enum msr)(MSR_X2APIC + reg / 16), value);
    else
        lapic_access.registers[reg / sizeof(uint32_t)] = value;
}

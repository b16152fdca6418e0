#include "arch/lapic_timer.h"

#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/lapic_registers.h"

/* Intel SDM Vol. 3A 10.5.4: modes of the timer's LVT entry, and the divide configuration. */
enum { LVT_PERIODIC = 1 << 17, LVT_DEADLINE = 2 << 17, DIVIDE_BY_16 = 3 };

enum { CALIBRATION_MICROSECONDS = 5000, CALIBRATIONS_A_SECOND = 200 };

static bool deadlines;
static uint32_t timer_hz;
static uint64_t tsc_hz;
static uint64_t tsc_period; /* counts of a tick */

static void least(uint64_t *value, uint64_t candidate)
{
    if (candidate < *value)
        *value = candidate;
}

void lapic_timer_calibrate(void)
{
    /* Bit 24: Intel SDM Vol. 2A CPUID, table 3-10. */
    deadlines = cpuid(1, 0).ecx >> 24 & 1;
    lapic_write(REGISTER_TIMER_DIVIDE, DIVIDE_BY_16);
    lapic_write(REGISTER_LVT_TIMER, LVT_MASKED);
    /* An emulator that is descheduled while it counts reports too much: believe the least. */
    uint64_t counts = UINT32_MAX, stamps = UINT64_MAX;
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        clock_start(CALIBRATION_MICROSECONDS);
        uint64_t start = read_tsc();
        lapic_write(REGISTER_TIMER_INITIAL, UINT32_MAX);
        clock_wait();
        least(&counts, UINT32_MAX - lapic_read(REGISTER_TIMER_CURRENT));
        least(&stamps, read_tsc() - start);
        lapic_write(REGISTER_TIMER_INITIAL, 0);
    }
    timer_hz = (uint32_t)counts * CALIBRATIONS_A_SECOND;
    tsc_hz = stamps * CALIBRATIONS_A_SECOND;
}

void lapic_timer_start(uint32_t hz)
{
    if (deadlines) {
        tsc_period = tsc_hz / hz;
        lapic_write(REGISTER_LVT_TIMER, LVT_DEADLINE | VECTOR_TIMER);
        /* The deadline must not be written before the mode (10.5.4.1). */
        __asm__ volatile("mfence" : : : "memory");
        this_core()->deadline = read_tsc();
        lapic_timer_next(this_core());
        return;
    }
    uint32_t count = timer_hz / hz;
    lapic_write(REGISTER_TIMER_DIVIDE, DIVIDE_BY_16);
    lapic_write(REGISTER_LVT_TIMER, LVT_PERIODIC | VECTOR_TIMER);
    lapic_write(REGISTER_TIMER_INITIAL, count ? count : 1);
}

void lapic_timer_next(struct core *core)
{
    if (!deadlines)
        return;
    core->deadline += tsc_period;
    uint64_t now = read_tsc();
    if ((int64_t)(core->deadline - now) <= 0) /* ticks were missed: they do not come all at once */
        core->deadline = now + tsc_period;
    write_msr(MSR_TSC_DEADLINE, core->deadline);
}

void lapic_timer_stop(void)
{
    lapic_write(REGISTER_LVT_TIMER, LVT_MASKED);
    if (deadlines)
        write_msr(MSR_TSC_DEADLINE, 0);
    else
        lapic_write(REGISTER_TIMER_INITIAL, 0);
}

bool lapic_timer_masked(void)
{
    return lapic_read(REGISTER_LVT_TIMER) & LVT_MASKED;
}

bool lapic_timer_has_deadlines(void)
{
    return deadlines;
}

uint64_t lapic_timer_hz(void)
{
    return deadlines ? tsc_hz : timer_hz;
}

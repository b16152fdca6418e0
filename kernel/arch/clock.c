#include "arch/clock.h"

#include <stdbool.h>

#include "arch/cpu.h"
#include "arch/hpet.h"
#include "arch/pit.h"
#include "firmware/topology.h"
#include "interrupt/panic.h"

static bool use_hpet;
static uint64_t waited;

void clock_init(void)
{
    if (pit_present())
        return;
    use_hpet = hpet_init(topology.hpet);
    if (!use_hpet)
        panic("this machine has no clock to wait by: neither an 8254 nor an HPET");
}

const char *clock_name(void)
{
    return use_hpet ? "hpet" : "8254";
}

void clock_start(uint32_t microseconds)
{
    if (use_hpet)
        hpet_start(microseconds);
    else
        pit_start(microseconds);
}

void clock_wait(void)
{
    uint64_t start = read_tsc();
    while (use_hpet ? hpet_running() : pit_running())
        cpu_pause();
    waited += read_tsc() - start;
}

void clock_delay(uint32_t microseconds)
{
    while (microseconds) {
        uint32_t step = microseconds < CLOCK_MAX ? microseconds : CLOCK_MAX;
        clock_start(step);
        clock_wait();
        microseconds -= step;
    }
}

uint64_t clock_waited(void)
{
    return waited;
}

#include "arch/hpet.h"

#include "arch/cpu.h"
#include "memory/kernel_map.h"

/* Register offsets (2.3.1), in 32-bit words: not every counter has 64 bits. */
enum { PERIOD = 0x04 / 4, CONFIGURATION = 0x10 / 4, COUNTER = 0xf0 / 4 };
enum { REGISTERS_SIZE = 0x400, CONFIGURATION_ENABLE = 1 << 0, PATIENCE = 1000000 };
enum { FEMTOSECONDS_MAX = 100000000 }; /* 2.3.4: a longer period is not allowed */
#define FEMTOSECONDS_A_MICROSECOND UINT64_C(1000000000)

static volatile uint32_t *registers;
static uint32_t period; /* femtoseconds */
static uint32_t start, counts;

bool hpet_init(uint64_t address)
{
    if (!address)
        return false;
    registers = kernel_map_device(address, REGISTERS_SIZE);
    period = registers[PERIOD];
    if (period == 0 || period > FEMTOSECONDS_MAX)
        return false;
    registers[CONFIGURATION] = registers[CONFIGURATION] | CONFIGURATION_ENABLE;
    start = registers[COUNTER];
    for (unsigned polls = 0; polls < PATIENCE; polls++) {
        if (registers[COUNTER] != start)
            return true;
        cpu_pause();
    }
    return false;
}

void hpet_start(uint32_t microseconds)
{
    counts = (uint32_t)(microseconds * FEMTOSECONDS_A_MICROSECOND / period) + 1;
    start = registers[COUNTER];
}

bool hpet_running(void)
{
    return registers[COUNTER] - start < counts;
}

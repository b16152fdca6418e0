/*
 * hpet.h - the main counter of the high precision event timer (IA-PC HPET Specification 1.0a).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Maps the registers at this physical address and lets the counter run; false if the address is 0
 * or no counter runs there. */
bool hpet_init(uint64_t address);

/* Starts a countdown of at most CLOCK_MAX microseconds; whether it still runs. */
void hpet_start(uint32_t microseconds);
bool hpet_running(void);

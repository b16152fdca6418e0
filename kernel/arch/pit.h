/*
 * pit.h - the 8254 timer, used only to wait: its channel 2 has a gate and an output bit of its
 * own and raises no interrupt.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether there is one that counts. */
bool pit_present(void);

/* Starts a countdown of at most CLOCK_MAX microseconds; whether it still runs. */
void pit_start(uint32_t microseconds);
bool pit_running(void);

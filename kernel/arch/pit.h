/*
 * pit.h - the 8254 timer, used only to wait: its channel 2 has a gate and an output bit of its
 * own and raises no interrupt. One core at a time.
 */
#pragma once

#include <stdint.h>

/* Starts a countdown of at most 50,000 microseconds. */
void pit_start(uint32_t microseconds);

/* Waits for the countdown's end. */
void pit_wait(void);

void pit_delay(uint32_t microseconds);

/*
 * clock.h - the clock that is used to wait: channel 2 of the 8254, or where there is none the main
 * counter of the HPET. One core at a time.
 */
#pragma once

#include <stdint.h>

/* Finds the clock; panics if there is none. Once, before the others here. */
void clock_init(void);

/* "8254" or "hpet". */
const char *clock_name(void);

/* Starts a countdown of at most CLOCK_MAX microseconds; waits for its end. */
enum { CLOCK_MAX = 50000 };
void clock_start(uint32_t microseconds);
void clock_wait(void);

void clock_delay(uint32_t microseconds);

/* Time stamp counts spent in clock_wait() since the start. */
uint64_t clock_waited(void);

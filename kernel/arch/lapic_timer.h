/*
 * lapic_timer.h - the local APIC's timer of the calling core: against the time stamp counter where
 * the processor has that mode (Intel SDM Vol. 3A 10.5.4.1), else counting down again and again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct core;

/* Finds the frequencies with the clock (arch/clock.h); once, on the starting core, after
 * lapic_enable(). */
void lapic_timer_calibrate(void);

/* Interrupts the calling core `hz` times a second with VECTOR_TIMER; after lapic_enable() on it. */
void lapic_timer_start(uint32_t hz);

/* At each of these interrupts: sets the next deadline, if the timer works with deadlines. */
void lapic_timer_next(struct core *core);

void lapic_timer_stop(void);
bool lapic_timer_masked(void);

/* Whether the timer works with deadlines; the frequency of what it counts. */
bool lapic_timer_has_deadlines(void);
uint64_t lapic_timer_hz(void);

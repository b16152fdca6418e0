/*
 * lapic.h - the local APIC of the calling core: xAPIC through a page of registers, or x2APIC
 * through MSRs where the firmware chose it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Chooses the mode and maps the registers where the processor says they are (Intel SDM Vol. 3A
 * 10.4.4); once, on the starting core. */
void lapic_init(void);

/* Enables the calling core's APIC. Its first write is the spurious-vector register: as long as
 * that has the APIC disabled, every LVT entry is forced to be masked (Intel SDM Vol. 3A 10.4.7.2),
 * so the timer must not be programmed before. */
void lapic_enable(void);

/* Finds the timer's frequency with the 8254; once, on the starting core, after lapic_enable(). */
void lapic_timer_calibrate(void);

/* Interrupts the calling core `hz` times a second with VECTOR_TIMER. */
void lapic_timer_start(uint32_t hz);

void lapic_timer_stop(void);
bool lapic_timer_masked(void);
uint32_t lapic_timer_hz(void);
uint32_t lapic_id(void);
bool lapic_is_x2apic(void);
void lapic_end_of_interrupt(void);

/* Whether an interrupt waits to be taken by the calling core (Intel SDM Vol. 3A 10.8.4: IRR). */
bool lapic_requested(uint8_t vector);

/* Whether a command can name this core: an xAPIC has 8 bits for it, all ones meaning everyone. */
bool lapic_reaches(uint32_t apic_id);

void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, uint8_t page);
void lapic_send_vector(uint32_t apic_id, uint8_t vector);
void lapic_send_nmi_to_others(void);

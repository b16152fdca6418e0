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

uint32_t lapic_id(void);
bool lapic_is_x2apic(void);
void lapic_end_of_interrupt(void);

/* Whether an interrupt waits to be taken by the calling core (Intel SDM Vol. 3A 10.8.4: IRR). */
bool lapic_requested(uint8_t vector);

/* Whether the calling core has begun to serve an interrupt and not ended it (10.8.4: ISR). */
bool lapic_in_service(uint8_t vector);

/* Which errors the calling core's APIC has seen since the last look (10.5.3: error status). */
uint32_t lapic_errors(void);

/* Whether a command can name this core: an xAPIC has 8 bits for it, all ones meaning everyone. */
bool lapic_reaches(uint32_t apic_id);

void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, uint8_t page);
void lapic_send_vector(uint32_t apic_id, uint8_t vector);
void lapic_send_nmi(uint32_t apic_id);
void lapic_send_nmi_to_others(void);

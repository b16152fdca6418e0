/*
 * routing.h - which input of which I/O APIC an ISA device's interrupt arrives at, from the
 * firmware's tables. Inputs have one numbering, the global system interrupts (GSI; ACPI 6.5,
 * 5.2.14).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ROUTING_IOAPICS = 8, ROUTING_ISA_LINES = 16 };

struct routing_ioapic {
    uint32_t address;   /* physical, of its registers */
    uint32_t first_gsi; /* of its first input */
    uint8_t id;         /* what an MP table calls it */
};

struct routing_line {
    uint32_t gsi;
    bool active_low, level;
};

struct routing {
    uint32_t ioapic_count;
    struct routing_ioapic ioapics[ROUTING_IOAPICS]; /* those beyond are not used */
    struct routing_line lines[ROUTING_ISA_LINES];
};

extern struct routing routing;

/* For the tables' readers: no I/O APIC, and each ISA line at the GSI of its own number, active
 * high and edge triggered, as the bus has it. */
void routing_reset(void);

void routing_add_ioapic(uint32_t address, uint32_t first_gsi, uint8_t id);

/* A line that is elsewhere or otherwise. `flags` are those of an interrupt source override (ACPI
 * 6.5, table 5.25) and of an MP table's interrupt (MultiProcessor Specification 1.4, table 4-10):
 * polarity in bits 1:0, trigger mode in bits 3:2. */
void routing_override(uint8_t irq, uint32_t gsi, uint16_t flags);

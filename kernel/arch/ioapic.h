/*
 * ioapic.h - the I/O APICs (Intel 82093AA data sheet): device interrupts to cores. Every input is
 * masked but those that were routed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Maps the I/O APICs that `routing` lists and masks their inputs; prints one line for each that
 * there is. Once, on the starting core. */
void ioapic_init(void);

/* No device interrupts any core. */
void ioapic_mask_all(void);

/* Has an ISA device's interrupt arrive as this vector at one core. False if no I/O APIC has that
 * input, or it cannot name the core. */
bool ioapic_route_isa(unsigned irq, uint8_t vector, uint32_t apic_id);

/* The redirection entry of an ISA device's interrupt, for tests; all ones if there is none. */
uint64_t ioapic_isa_entry(unsigned irq);

/*
 * acpi.h - from ACPI's root pointer to the Multiple APIC Description Table (ACPI 6.5, 5.2.5 to
 * 5.2.12). Nothing is believed without its checksum.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Physical address of the root pointer: the one that `acpi_rsdp=` on the command line names (0: none),
 * whether or not it is sound; else the loader's, or the one in the BIOS's memory; 0 if there
 * is none. Reads through the boot direct map. */
uint64_t acpi_find_root(void);

/* Adds the enabled cores to `topology`, and the I/O APICs to `routing`; false if there is no sound MADT under this root pointer, or
 * it lists no core. */
bool acpi_read_madt(uint64_t root);

/* Physical address of the HPET's registers, 0 if no sound table names one in memory (IA-PC HPET
 * Specification 1.0a, 3.2.4). */
uint64_t acpi_read_hpet(uint64_t root);

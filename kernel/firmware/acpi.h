/*
 * acpi.h - from ACPI's root pointer to the Multiple APIC Description Table (ACPI 6.5, 5.2.5 to
 * 5.2.12). Nothing is believed without its checksum.
 */
#pragma once

#include <stdbool.h>

/* Adds the enabled cores to `topology`; false if there is no sound
 * MADT or it lists no core. */
bool acpi_read_madt(void);

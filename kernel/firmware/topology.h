/*
 * topology.h - which cores the machine has, from the firmware's tables: ACPI's MADT, or the
 * MultiProcessor Specification's table where there is no ACPI; and what else only they know.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { TOPOLOGY_CORES = 64 };

struct topology {
    const char *source; /* "acpi", "mp" or "none" */
    uint64_t hpet; /* physical address of its registers, 0 if there is none */
    bool has_imcr; /* interrupts go around the APICs until the IMCR is written */
    uint32_t core_count, cores_beyond; /* beyond: found, but more than the kernel can use */
    uint32_t apic_ids[TOPOLOGY_CORES];
};

extern struct topology topology;

/* Reads the tables through the boot direct map. */
void topology_read(void);

/* For the tables' readers. */
void topology_add_core(uint32_t apic_id);

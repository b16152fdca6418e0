/*
 * mp_table.h - the configuration table of the MultiProcessor Specification, version 1.4.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Physical address of the floating pointer structure: the one that `mp_table=` on the command line
 * names (0: none), or the first sound one (chapter 4: EBDA, last KiB of base memory,
 * BIOS area); 0 if there is none. Reads through the boot direct map. */
uint64_t mp_table_find(void);

/* Whether interrupts go around the APICs until the IMCR is written. */
bool mp_table_has_imcr(uint64_t pointer);

/* Adds the enabled cores to `topology`, and the I/O APICs to `routing`; false if the table is not
 * sound or lists no core. */
bool mp_table_read(uint64_t pointer);

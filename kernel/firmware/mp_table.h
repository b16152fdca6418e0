/*
 * mp_table.h - the configuration table of the MultiProcessor Specification, version 1.4.
 */
#pragma once

#include <stdbool.h>

/* Finds the floating pointer structure (chapter 4: EBDA, last KiB of base memory, BIOS area) and
 * notes whether there is an IMCR. With `cores`, also adds the enabled cores to `topology`. False if a sound structure, or with `cores` a core, was not found. */
bool mp_table_read(bool cores);

/*
 * multiboot2.h - the boot information of the Multiboot2 specification, version 2.0, 3.4 to 3.6.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Fills boot_info from the structure at this physical address; false if it is malformed or has
 * no memory map. */
bool multiboot2_read(uint64_t information);

/*
 * scan.h - how firmware tables are found and trusted: by signature on a 16-byte boundary, and
 * bytes that sum to zero.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes at this physical address sum to zero. */
bool scan_checksum(const void *table, size_t size);

/* Bytes of physical memory at `base` that are readable through the boot direct map; null if the
 * range is not entirely below BOOT_MAPPED_GIB. */
const void *scan_physical(uint64_t base, uint64_t size);

/* Physical address of the first structure of `size` bytes with this signature and a right checksum
 * in the range; 0 if there is none. */
uint64_t scan_find(uint64_t base, uint64_t length, const char *signature, size_t size);

/* The first KiB of the extended BIOS data area, 0 if the BIOS data area names none. */
uint64_t scan_ebda(void);

enum { BIOS_AREA = 0xe0000, BIOS_AREA_SIZE = 0x20000 };

#include "firmware/scan.h"

#include "abi/layout.h"
#include "lib/string.h"

bool scan_checksum(const void *table, size_t size)
{
    const uint8_t *bytes = table;
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

const void *scan_physical(uint64_t base, uint64_t size)
{
    uint64_t limit = (uint64_t)BOOT_MAPPED_GIB << 30;
    if (base == 0 || base >= limit || size > limit - base)
        return NULL;
    return phys_to_virt(base);
}

uint64_t scan_find(uint64_t base, uint64_t length, const char *signature, size_t size)
{
    const char *start = scan_physical(base, length);
    for (uint64_t offset = 0; start && offset + size <= length; offset += 16) {
        if (memcmp(start + offset, signature, strlen(signature)) == 0 &&
            scan_checksum(start + offset, size))
            return base + offset;
    }
    return 0;
}

uint64_t scan_ebda(void)
{
    /* The word at 0x40e is the segment (ACPI 6.5, 5.2.5.1). */
    const uint8_t *word = phys_to_virt(0x40e);
    uint64_t base = (uint64_t)(word[0] | word[1] << 8) << 4;
    return base >= 0x400 && base < 0xa0000 ? base : 0;
}

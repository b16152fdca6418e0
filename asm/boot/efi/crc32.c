/* CRC-32 as in ISO 3309, zlib and PNG: reflected, start and end complemented. */
#include "loader.h"

#define POLYNOMIAL UINT32_C(0xedb88320)

static uint32_t table[256];

static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ POLYNOMIAL : value >> 1;
        table[i] = value;
    }
}

uint32_t crc32(const void *data, size_t size)
{
    const uint8_t *byte = data;
    uint32_t value = ~UINT32_C(0);
    if (!table[1])
        fill_table();
    while (size--)
        value = value >> 8 ^ table[(value ^ *byte++) & 0xff];
    return ~value;
}

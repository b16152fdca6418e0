/* The loader's own code and constants, compared with what the image builder linked. Firmware checks
 * an executable only where Secure Boot is on. */
#include "loader.h"

#define PARTS 2

/* image/efi.py looks for the signature and fills in the rest: places count from the image's base. */
static volatile struct {
    uint8_t signature[8];
    struct {
        uint32_t start, size, crc32;
    } parts[PARTS];
} seal = {.signature = {'o', 'r', 'o', 'S', 'e', 'a', 'l', 1}};

void seal_check(const uint8_t *image)
{
    for (int i = 0; i < PARTS; i++)
        if (crc32(image + seal.parts[i].start, seal.parts[i].size) != seal.parts[i].crc32)
            fatal("loader-damaged",
                  "The loader does not match its checksum: it was damaged or modified.");
}

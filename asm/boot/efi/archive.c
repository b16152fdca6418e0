/* Files inside the loader's own executable: a section `.orovol` that holds a cpio archive in the
 * "new ASCII" format (POSIX calls its successor pax; the format is described in cpio(5)). */
#include "loader.h"

#define PE_POINTER_AT      0x3c
#define PE_SIGNATURE       UINT32_C(0x4550)
#define PE_SECTION_COUNT   6
#define PE_OPTIONAL_SIZE   20
#define PE_OPTIONAL        24
#define SECTION_SIZE       40
#define SECTION_VIRTUAL    8 /* its size in memory; the address follows */
#define SECTION_ADDRESS    12

#define CPIO_HEADER   110
#define CPIO_FILESIZE 54
#define CPIO_NAMESIZE 94

static uint32_t read32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

bool archive_find(const uint8_t *image, uint64_t image_size, struct archive *archive)
{
    static const char name[8] = {'.', 'o', 'r', 'o', 'v', 'o', 'l', 0};
    uint64_t header = read32(image + PE_POINTER_AT);
    if (header + PE_OPTIONAL > image_size || read32(image + header) != PE_SIGNATURE)
        return false;
    uint64_t at = header + PE_OPTIONAL + read16(image + header + PE_OPTIONAL_SIZE);
    for (uint32_t left = read16(image + header + PE_SECTION_COUNT); left; left--) {
        if (at + SECTION_SIZE > image_size)
            return false;
        uint64_t size = read32(image + at + SECTION_VIRTUAL);
        uint64_t address = read32(image + at + SECTION_ADDRESS);
        if (!memcmp(image + at, name, sizeof(name)) && address + size <= image_size) {
            archive->data = image + address;
            archive->size = size;
            return true;
        }
        at += SECTION_SIZE;
    }
    return false;
}

/* The number in eight hexadecimal digits; false if they are none. */
static bool read_hex(const uint8_t *at, size_t *value)
{
    *value = 0;
    for (int i = 0; i < 8; i++) {
        uint8_t digit = at[i];
        uint32_t number = digit - (uint32_t)'0';
        if (number > 9)
            number = (digit | 0x20U) - (uint32_t)'a' + 10;
        if (number > 15 || (digit > '9' && number < 10))
            return false;
        *value = *value << 4 | number;
    }
    return true;
}

static bool same_path(const uint8_t *name, size_t size, const char *path)
{
    size_t i = 0;
    path += *path == '/';
    while (i < size && name[i] && name[i] == (uint8_t)path[i])
        i++;
    return i < size && !name[i] && (uint8_t)path[i] <= ' ';
}

bool archive_file(const struct archive *archive, const char *path, struct archive *contents)
{
    size_t at = 0, file_size, name_size;
    while (at + CPIO_HEADER <= archive->size) {
        const uint8_t *header = archive->data + at;
        if (memcmp(header, "070701", 6) || !read_hex(header + CPIO_FILESIZE, &file_size) ||
            !read_hex(header + CPIO_NAMESIZE, &name_size))
            return false;
        size_t data = (at + CPIO_HEADER + name_size + 3) & ~(size_t)3;
        if (data > archive->size || file_size > archive->size - data)
            return false;
        if (same_path(header + CPIO_HEADER, name_size, path)) {
            contents->data = archive->data + data;
            contents->size = file_size;
            return true;
        }
        at = (data + file_size + 3) & ~(size_t)3;
    }
    return false;
}

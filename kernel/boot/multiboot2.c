#include "boot/multiboot2.h"

#include <stddef.h>

#include "abi/layout.h"
#include "boot/boot_info.h"
#include "lib/string.h"

struct information {
    uint32_t total_size, reserved;
};

struct tag {
    uint32_t type, size; /* size: of the whole tag, without the padding to 8 bytes */
};

enum tag_types {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_LOADER_NAME = 2,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
};

struct tag_string {
    struct tag tag;
    char text[];
};

struct tag_module {
    struct tag tag;
    uint32_t start, end;
    char name[];
};

struct memory_entry {
    uint64_t base, size;
    uint32_t type, reserved;
};

struct tag_memory_map {
    struct tag tag;
    uint32_t entry_size, entry_version;
};

struct tag_framebuffer {
    struct tag tag;
    uint32_t base[2]; /* of 64 bits */
    uint32_t pitch, width, height;
    uint8_t bits, type;
    uint16_t reserved;
    struct colour_field red, green, blue; /* of type 1 */
};

/* The string at `text` ends inside the tag. */
static bool terminated(const struct tag *tag, const char *text)
{
    const char *end = (const char *)tag + tag->size;
    while (text < end && *text)
        text++;
    return text < end;
}

static bool read_memory_map(const struct tag *tag)
{
    const struct tag_memory_map *map = (const void *)tag;
    if (tag->size < sizeof(*map) || map->entry_size < sizeof(struct memory_entry))
        return false;
    const char *entry = (const char *)(map + 1);
    uint32_t count = (tag->size - (uint32_t)sizeof(*map)) / map->entry_size;
    for (uint32_t i = 0; i < count; i++, entry += map->entry_size) {
        const struct memory_entry *range = (const void *)entry;
        boot_info_add_memory(range->base, range->size, range->type);
    }
    return true;
}

static bool field_fits(struct colour_field field, uint32_t bits)
{
    return field.bits > 0 && field.bits <= 16 && field.shift + (uint32_t)field.bits <= bits;
}

/* Specification 3.6.12. What this kernel cannot draw on is as if the loader had said nothing, since
 * a screen is no reason not to run. */
static void read_framebuffer(const struct tag *tag)
{
    static const enum framebuffer_kind kinds[] = {FRAMEBUFFER_PALETTE, FRAMEBUFFER_COLOURS,
                                                  FRAMEBUFFER_TEXT};
    enum { LARGEST = 1 << 28, LIMIT_BITS = 46 };
    const struct tag_framebuffer *given = (const void *)tag;
    if (tag->size < offsetof(struct tag_framebuffer, red) ||
        given->type >= sizeof(kinds) / sizeof(kinds[0]))
        return;
    enum framebuffer_kind kind = kinds[given->type];
    struct boot_framebuffer found = {.kind = kind,
                                     .base = given->base[0] | (uint64_t)given->base[1] << 32,
                                     .pitch = given->pitch,
                                     .width = given->width,
                                     .height = given->height,
                                     .bits = given->bits};
    uint64_t bytes = (found.bits + UINT64_C(7)) / 8;
    bool sound = bytes >= 1 && bytes <= 4 && found.width && found.height &&
                 found.width * bytes <= found.pitch &&
                 (uint64_t)found.pitch * found.height <= LARGEST && found.base >> LIMIT_BITS == 0;
    if (kind == FRAMEBUFFER_PALETTE)
        sound &= found.bits == 8;
    if (kind == FRAMEBUFFER_COLOURS) {
        if (tag->size < offsetof(struct tag_framebuffer, blue) + sizeof(given->blue))
            return;
        found.red = given->red;
        found.green = given->green;
        found.blue = given->blue;
        sound &= field_fits(found.red, found.bits) && field_fits(found.green, found.bits) &&
                 field_fits(found.blue, found.bits);
    }
    if (sound || kind == FRAMEBUFFER_TEXT)
        boot_info.framebuffer = found;
}

static bool read_tag(const struct tag *tag)
{
    const struct tag_string *string = (const void *)tag;
    const struct tag_module *module = (const void *)tag;
    switch (tag->type) {
    case TAG_COMMAND_LINE:
        if (!terminated(tag, string->text))
            return false;
        string_copy(boot_info.command_line, string->text, sizeof(boot_info.command_line));
        return true;
    case TAG_LOADER_NAME:
        if (!terminated(tag, string->text))
            return false;
        string_copy(boot_info.loader, string->text, sizeof(boot_info.loader));
        return true;
    case TAG_MODULE:
        if (tag->size < sizeof(*module) || module->end < module->start ||
            !terminated(tag, module->name))
            return false;
        boot_info_add_module(module->start, module->end - module->start, module->name);
        return true;
    case TAG_MEMORY_MAP:
        return read_memory_map(tag);
    case TAG_FRAMEBUFFER:
        read_framebuffer(tag);
        return true;
    case TAG_ACPI_OLD:
        /* A copy of the root pointer; the newer one, if there is one too, is preferred. */
        if (!boot_info.rsdp)
            boot_info.rsdp = virt_to_phys(tag + 1);
        return true;
    case TAG_ACPI_NEW:
        boot_info.rsdp = virt_to_phys(tag + 1);
        return true;
    default:
        return true;
    }
}

bool multiboot2_read(uint64_t information)
{
    if (information % 8)
        return false;
    const struct information *info = phys_to_virt(information);
    const char *next = (const char *)(info + 1);
    const char *end = (const char *)info + info->total_size;
    while (next + sizeof(struct tag) <= end) {
        const struct tag *tag = (const void *)next;
        if (tag->type == TAG_END)
            return boot_info.memory_count != 0;
        if (tag->size < sizeof(struct tag) || tag->size > (size_t)(end - next) || !read_tag(tag))
            return false;
        next += (tag->size + 7) & ~UINT32_C(7);
    }
    return false;
}

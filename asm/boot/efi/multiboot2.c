/* Multiboot2 (specification 2.0): the header in the kernel's file, and what it demands. */
#include "loader.h"

#define MAGIC             UINT32_C(0xe85250d6) /* section 3.1.1 */
#define ARCHITECTURE_I386 0
#define SEARCH            32768 /* the header lies wholly within the first 32 KiB */

struct fields {
    uint32_t magic, architecture, length, checksum;
};

struct tag {
    uint16_t type, flags;
    uint32_t size;
    uint32_t value[3];
};

#define TAG_HEAD     8
#define TAG_OPTIONAL 1
enum tag_type { /* sections 3.1.3 to 3.1.13 */
    TAG_END = 0,
    TAG_REQUEST = 1,
    TAG_ENTRY = 3,
    TAG_CONSOLE = 4,
    TAG_FRAMEBUFFER = 5,
    TAG_ALIGN = 6,
    TAG_EFI_BOOT_SERVICES = 7,
    TAG_ENTRY_EFI32 = 8,
    TAG_ENTRY_EFI64 = 9,
    TAG_RELOCATABLE = 10,
};

static _Noreturn void malformed(void)
{
    fatal("kernel-multiboot2-header",
          "The kernel's Multiboot2 header is malformed (architecture, length or a tag).");
}

/* Every kind of information that the kernel cannot do without must be one that we give. */
static void check_request(const uint8_t *at, uint32_t size)
{
    for (uint32_t offset = TAG_HEAD; offset + 4 <= size; offset += 4) {
        uint32_t wanted;
        memcpy(&wanted, at + offset, sizeof(wanted));
        if (wanted > 31 || !(OFFERED_TAGS >> wanted & 1)) {
            say("\r\noro: loader=uefi requested-tag=");
            say_decimal(wanted);
            fatal("kernel-multiboot2-request",
                  "The kernel demands boot information that this loader does not have.");
        }
    }
}

static void read_tag(struct header *header, const uint8_t *at, const struct tag *tag)
{
    bool optional = tag->flags & TAG_OPTIONAL;
    switch (tag->type) {
    case TAG_REQUEST:
        if (!optional)
            check_request(at, tag->size);
        return;
    case TAG_ENTRY:
    case TAG_ENTRY_EFI64:
        if (tag->size < TAG_HEAD + 4)
            malformed();
        if (tag->type == TAG_ENTRY) {
            header->entry = tag->value[0];
            header->has_entry = true;
        } else {
            header->efi_entry = tag->value[0];
            header->has_efi_entry = true;
        }
        return;
    case TAG_FRAMEBUFFER:
        if (tag->size < TAG_HEAD + 12)
            malformed();
        header->width = tag->value[0];
        header->height = tag->value[1];
        header->depth = tag->value[2];
        header->wants_framebuffer = true;
        header->framebuffer_optional = optional;
        return;
    case TAG_EFI_BOOT_SERVICES:
        header->wants_boot_services = true;
        header->boot_services_optional = optional;
        return;
    case TAG_CONSOLE:     /* the framebuffer is what there is */
    case TAG_ALIGN:       /* modules always start on a page */
    case TAG_ENTRY_EFI32: /* this is 64-bit firmware */
    case TAG_RELOCATABLE: /* segments are put where p_paddr says */
        return;
    default:
        if (optional)
            return;
        say("\r\noro: loader=uefi header-tag=");
        say_decimal(tag->type);
        fatal("kernel-multiboot2-tag",
              "The kernel's Multiboot2 header demands something that this loader does not do.");
    }
}

static struct header read_header(const uint8_t *at, uint32_t room)
{
    struct header header = {0};
    struct fields fields;
    memcpy(&fields, at, sizeof(fields));
    if (fields.architecture != ARCHITECTURE_I386 || fields.length > room)
        malformed();
    uint32_t offset = sizeof(fields);
    for (;;) {
        struct tag tag = {0};
        if (offset > fields.length || fields.length - offset < TAG_HEAD)
            malformed();
        uint32_t left = fields.length - offset;
        memcpy(&tag, at + offset, left < sizeof(tag) ? left : sizeof(tag));
        if (tag.size < TAG_HEAD || tag.size > left)
            malformed();
        if (tag.type == TAG_END)
            break;
        read_tag(&header, at + offset, &tag);
        offset += (tag.size + 7) & ~UINT32_C(7);
    }
    if (header.wants_boot_services && !header.has_efi_entry && !header.boot_services_optional) {
        say("\r\noro: loader=uefi header-tag=7");
        fatal("kernel-multiboot2-tag",
              "The kernel wants to keep boot services, and has no 64-bit EFI entry (tag 9).");
    }
    return header;
}

struct header header_find(const uint8_t *file, uint64_t size)
{
    uint32_t room = size < SEARCH ? (uint32_t)size : SEARCH;
    for (uint32_t at = 0; at + sizeof(struct fields) <= room; at += 8) {
        struct fields fields;
        memcpy(&fields, file + at, sizeof(fields));
        if (fields.magic == MAGIC &&
            fields.magic + fields.architecture + fields.length + fields.checksum == 0)
            return read_header(file + at, room - at);
    }
    fatal("kernel-not-multiboot2",
          "The kernel has no Multiboot2 header within the first 32 KiB of its file.");
}

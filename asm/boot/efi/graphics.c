/* The screen: the graphics output protocol (UEFI 2.10, section 12.9) as Multiboot2 describes it. */
#include "loader.h"

#define TAG_TYPE_RGB 1

/* The first framebuffer that can be written to directly, or NULL. */
static struct efi_graphics_output *find_output(void)
{
    static const struct efi_guid guid = EFI_GRAPHICS_OUTPUT_GUID;
    efi_handle *handles;
    uint64_t count;
    void *interface;
    if (firmware->boot->locate_handle_buffer(EFI_BY_PROTOCOL, &guid, NULL, &count, &handles))
        return NULL;
    for (uint64_t i = 0; i < count; i++) {
        if (firmware->boot->handle_protocol(handles[i], &guid, &interface))
            continue;
        struct efi_graphics_output *output = interface;
        if (output->mode && output->mode->info && output->mode->framebuffer)
            return output;
    }
    return NULL;
}

static uint64_t distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* Sets the mode that is nearest to the wish; keeps the one there is where the kernel has none. */
static void choose_mode(struct efi_graphics_output *output, const struct header *header)
{
    uint64_t best = UINT64_MAX, size;
    uint32_t chosen = output->mode->mode;
    struct efi_graphics_mode_info *info;
    if (!header->wants_framebuffer || !header->width || !header->height)
        return;
    for (uint32_t number = 0; number < output->mode->max_mode; number++) {
        if (output->query_mode(output, number, &size, &info) || info->format == EFI_PIXEL_BLT_ONLY)
            continue;
        uint64_t far = distance(info->width, header->width) + distance(info->height, header->height);
        if (far < best) {
            best = far;
            chosen = number;
        }
    }
    if (chosen != output->mode->mode)
        output->set_mode(output, chosen);
}

static void put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

/* Position and size of the bits of a mask, as two bytes. */
static void put_mask(uint8_t *at, uint32_t mask)
{
    uint8_t position = 0, size = 0;
    while (mask && !(mask & 1)) {
        mask >>= 1;
        position++;
    }
    while (mask & 1) {
        mask >>= 1;
        size++;
    }
    at[0] = position;
    at[1] = size;
}

bool graphics_set(const struct header *header, uint8_t tag[FRAMEBUFFER_TAG_SIZE])
{
    static const uint32_t rgbx[3] = {0xff, 0xff00, 0xff0000}, bgrx[3] = {0xff0000, 0xff00, 0xff};
    struct efi_graphics_output *output = find_output();
    if (output)
        choose_mode(output, header);
    if (!output || output->mode->info->format >= EFI_PIXEL_BLT_ONLY) {
        if (header->wants_framebuffer && !header->framebuffer_optional)
            fatal("framebuffer",
                  "The kernel demands a framebuffer, and the firmware has none to offer.");
        return false;
    }
    const struct efi_graphics_mode_info *info = output->mode->info;
    const uint32_t *masks = info->format == EFI_PIXEL_RGBX   ? rgbx
                            : info->format == EFI_PIXEL_BGRX ? bgrx
                                                             : info->mask;
    uint32_t bits = 0, all = masks[0] | masks[1] | masks[2];
    if (info->format == EFI_PIXEL_MASK)
        all |= info->mask[3];
    while (all >> bits && bits < 32)
        bits++;
    if (info->format != EFI_PIXEL_MASK)
        bits = 32;
    memset(tag, 0, FRAMEBUFFER_TAG_SIZE);
    memcpy(tag, &output->mode->framebuffer, 8);
    put32(tag + 8, info->pixels_per_line * ((bits + 7) / 8));
    put32(tag + 12, info->width);
    put32(tag + 16, info->height);
    tag[20] = (uint8_t)bits;
    tag[21] = TAG_TYPE_RGB;
    for (int colour = 0; colour < 3; colour++)
        put_mask(tag + 24 + 2 * colour, masks[colour]);
    return true;
}

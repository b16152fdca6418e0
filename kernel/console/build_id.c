#include "console/build_id.h"

#include <stddef.h>
#include <stdint.h>

#include "console/printk.h"

/* A note with the owner "GNU" (System V gABI, Note Section). */
struct note {
    uint32_t name_size, size, type;
    char name[4];
    uint8_t bytes[];
};

enum { LONGEST = 32 };

extern const char _oro_build_id_start[], _oro_build_id_end[];

void build_id_print(void)
{
    static const char digits[] = "0123456789abcdef";
    const struct note *note = (const void *)_oro_build_id_start;
    size_t held = (size_t)(_oro_build_id_end - _oro_build_id_start);
    char text[2 * LONGEST + 1];
    if (held < sizeof(*note) || note->size > held - sizeof(*note) || note->size > LONGEST)
        return;
    for (uint32_t i = 0; i < note->size; i++) {
        text[2 * i] = digits[note->bytes[i] >> 4];
        text[2 * i + 1] = digits[note->bytes[i] & 15];
    }
    text[2 * note->size] = '\0';
    printk("oro: build-id=%s\n", text);
}

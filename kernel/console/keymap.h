/*
 * keymap.h - characters from the scan codes of a keyboard (set 1; US layout).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct keymap {
    bool left_shift, right_shift, control, capitals;
    bool extended; /* the code before was 0xe0 */
};

/* The character that this code completes, control characters included, or 0. */
char keymap_take(struct keymap *map, uint8_t code);

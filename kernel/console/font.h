/*
 * font.h - a bitmap font of the printable ASCII characters, for framebuffers.
 */
#pragma once

#include <stdint.h>

enum {
    FONT_FIRST = ' ',
    FONT_COUNT = '~' - ' ' + 1,
    FONT_ROWS = 7,
    FONT_COLUMNS = 5,
};

/* The rows of a character from the top; bit 4 is the leftmost of its five dots. */
extern const uint8_t font[FONT_COUNT][FONT_ROWS];

/*
 * vga_text.c - the VGA's text mode: 80 times 25 pairs of character and attribute at 0xb8000 (IBM
 * VGA Technical Reference, 2-29 and 4-33).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/cpu.h"
#include "boot/boot_info.h"
#include "console/screen.h"

enum {
    MEMORY = 0xb8000,
    COLUMNS = 80,
    ROWS = 25,
    GREY_ON_BLACK = 0x07,
    CRTC_INDEX = 0x3d4,
    CRTC_DATA = 0x3d5,
    CURSOR_HIGH = 0x0e,
    CURSOR_LOW = 0x0f,
};

static volatile uint16_t *cells;

static void draw(unsigned column, unsigned row, char character)
{
    cells[row * COLUMNS + column] = (uint16_t)((uint8_t)character | GREY_ON_BLACK << 8);
}

static void move_cursor(unsigned column, unsigned row)
{
    unsigned place = row * COLUMNS + column;
    outb(CRTC_INDEX, CURSOR_HIGH);
    outb(CRTC_DATA, (uint8_t)(place >> 8));
    outb(CRTC_INDEX, CURSOR_LOW);
    outb(CRTC_DATA, (uint8_t)place);
}

/* A machine without a VGA may have memory there all the same, but no cursor that keeps its place. */
static bool has_vga(void)
{
    for (uint8_t place = 1; place <= 2; place++) {
        outb(CRTC_INDEX, CURSOR_LOW);
        outb(CRTC_DATA, place);
        if (inb(CRTC_DATA) != place)
            return false;
    }
    return true;
}

const struct screen *vga_text_find(screen_map *map)
{
    static const struct screen screen = {"vga-text", COLUMNS, ROWS, draw, move_cursor};
    if (boot_info.framebuffer.kind == FRAMEBUFFER_COLOURS)
        return NULL; /* the loader switched the text mode off */
    if (!has_vga())
        return NULL;
    cells = map(MEMORY, COLUMNS * ROWS * sizeof(*cells));
    return cells ? &screen : NULL;
}

/*
 * framebuffer.c - characters drawn into a linear framebuffer, as the boot loader describes it
 * (Multiboot2 specification 3.6.12). A dot of the font is one pixel wide and two high, in a cell of
 * 8 times 16; on a screen that is wider than 160 cells, all of that several times as large.
 */
#include <stddef.h>
#include <stdint.h>

#include "boot/boot_info.h"
#include "console/font.h"
#include "console/screen.h"

enum { CELL_WIDTH = 8, CELL_HEIGHT = 16, MARGIN = 1, WIDEST = 160 };

static volatile uint8_t *memory;
static unsigned scale, pixel_bytes;
static uint32_t foreground;
static struct screen screen;

/* A level of `bits` bits that is three quarters of the brightest. */
static uint32_t bright(unsigned bits)
{
    return (UINT32_C(1) << bits) * 3 / 4;
}

static void pixel(unsigned x, unsigned y, uint32_t value)
{
    volatile uint8_t *at = memory + (uint64_t)y * boot_info.framebuffer.pitch + x * pixel_bytes;
    switch (pixel_bytes) {
    case 1:
        *at = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    case 3:
        at[0] = (uint8_t)value;
        at[1] = (uint8_t)(value >> 8);
        at[2] = (uint8_t)(value >> 16);
        break;
    default:
        *(volatile uint32_t *)at = value;
    }
}

/* The dots of a row of pixels of a cell, the leftmost in bit CELL_WIDTH - 1. */
static unsigned dots(char character, unsigned line)
{
    unsigned font_row = (line - MARGIN) / 2;
    if (line < MARGIN || font_row >= FONT_ROWS)
        return 0;
    return (unsigned)font[character - FONT_FIRST][font_row] << (CELL_WIDTH - MARGIN - FONT_COLUMNS);
}

static void draw(unsigned column, unsigned row, char character)
{
    unsigned left = column * CELL_WIDTH * scale, top = row * CELL_HEIGHT * scale;
    for (unsigned y = 0; y < CELL_HEIGHT * scale; y++) {
        unsigned row_dots = dots(character, y / scale);
        for (unsigned x = 0; x < CELL_WIDTH * scale; x++) {
            unsigned dot = row_dots >> (CELL_WIDTH - 1 - x / scale) & 1;
            pixel(left + x, top + y, dot ? foreground : 0);
        }
    }
}

static void move_cursor(unsigned column, unsigned row)
{
    (void)column;
    (void)row;
}

const struct screen *framebuffer_find(screen_map *map)
{
    const struct boot_framebuffer *given = &boot_info.framebuffer;
    if (given->kind != FRAMEBUFFER_COLOURS && given->kind != FRAMEBUFFER_PALETTE)
        return NULL;
    scale = (given->width + CELL_WIDTH * WIDEST - 1) / (CELL_WIDTH * WIDEST);
    screen = (struct screen){"framebuffer", given->width / (CELL_WIDTH * scale),
                             given->height / (CELL_HEIGHT * scale), draw, move_cursor};
    memory = map(given->base, (unsigned long)given->pitch * given->height);
    if (!memory || screen.columns == 0 || screen.rows == 0)
        return NULL;
    pixel_bytes = (given->bits + 7U) / 8;
    /* Number 7 is grey in the palette that loaders start with, the EGA's. */
    foreground = 7;
    if (given->kind == FRAMEBUFFER_COLOURS)
        foreground = bright(given->red.bits) << given->red.shift |
                     bright(given->green.bits) << given->green.shift |
                     bright(given->blue.bits) << given->blue.shift;
    return &screen;
}

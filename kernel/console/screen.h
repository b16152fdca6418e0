/*
 * screen.h - the text on the screen: in the VGA's text mode, or drawn into a linear framebuffer,
 * whichever the boot loader left.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Finds the screen and maps it; once the kernel's own page tables are loaded. */
void screen_init(void);

/* The same before that, on the boot page tables, for a panic that comes so early. */
void screen_init_early(void);

/* Appends to the text; the oldest lines leave at the top. '\n' begins a line, '\b' goes one
 * place back, what the font does not have is '?'. Nothing without a screen. */
void screen_write(const char *text, size_t size);

/* "vga-text", "framebuffer" or "none". */
const char *screen_kind(void);

/*
 * What a kind of screen does for screen.c: shows a character at a place of the grid of
 * `columns` times `rows`.
 */
struct screen {
    const char *kind;
    unsigned columns, rows;
    void (*draw)(unsigned column, unsigned row, char character);
    void (*move_cursor)(unsigned column, unsigned row);
};

/* Null if there is no such screen. `map` makes the bytes at a physical address accessible. */
typedef void *screen_map(unsigned long physical, unsigned long size);
const struct screen *vga_text_find(screen_map *map);
const struct screen *framebuffer_find(screen_map *map);

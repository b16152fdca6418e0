#include "console/screen.h"

#include <stdint.h>

#include "abi/layout.h"
#include "boot/boot_info.h"
#include "lib/string.h"
#include "memory/kernel_map.h"

enum { COLUMNS_MAX = 160, ROWS_MAX = 80, TAB = 8 };

static const struct screen *screen;
/* What is shown, so that scrolling never reads the screen's own memory, which is slow, and
 * draws only what changes. */
static char shown[ROWS_MAX][COLUMNS_MAX];
static unsigned columns, rows, column, row;

static void put(unsigned at_column, unsigned at_row, char character)
{
    if (shown[at_row][at_column] == character)
        return;
    shown[at_row][at_column] = character;
    screen->draw(at_column, at_row, character);
}

static void begin_line(void)
{
    column = 0;
    if (row + 1 < rows) {
        row++;
        return;
    }
    for (unsigned line = 0; line + 1 < rows; line++) {
        for (unsigned at = 0; at < columns; at++)
            put(at, line, shown[line + 1][at]);
    }
    for (unsigned at = 0; at < columns; at++)
        put(at, row, ' ');
}

static void show(char character)
{
    if (column == columns)
        begin_line();
    put(column++, row, character < ' ' || character > '~' ? '?' : character);
}

void screen_write(const char *text, size_t size)
{
    if (!screen)
        return;
    for (size_t i = 0; i < size; i++) {
        switch (text[i]) {
        case '\n':
            begin_line();
            break;
        case '\b':
            column -= column > 0;
            break;
        case '\t':
            do
                show(' ');
            while (column % TAB);
            break;
        default:
            show(text[i]);
        }
    }
    screen->move_cursor(column < columns ? column : columns - 1, row);
}

static unsigned at_most(unsigned value, unsigned limit)
{
    return value < limit ? value : limit;
}

static void start(screen_map *map)
{
    const struct screen *found = framebuffer_find(map);
    if (!found)
        found = vga_text_find(map);
    if (!found)
        return;
    columns = at_most(found->columns, COLUMNS_MAX);
    rows = at_most(found->rows, ROWS_MAX);
    column = row = 0;
    memset(shown, 0, sizeof(shown));
    screen = found;
    for (unsigned line = 0; line < rows; line++) {
        for (unsigned at = 0; at < columns; at++)
            put(at, line, ' ');
    }
}

static void *map_device(unsigned long physical, unsigned long size)
{
    return kernel_map_device(physical, size);
}

/* The boot page tables have all of the first BOOT_MAPPED_GIB GiB in the direct map. */
static void *map_early(unsigned long physical, unsigned long size)
{
    unsigned long limit = (unsigned long)BOOT_MAPPED_GIB << 30;
    return physical < limit && size <= limit - physical ? phys_to_virt(physical) : NULL;
}

void screen_init(void)
{
    start(map_device);
}

void screen_init_early(void)
{
    if (!screen && kernel_map_root() == 0)
        start(map_early);
}

const char *screen_kind(void)
{
    return screen ? screen->kind : "none";
}

/* The menu: which entry of BOOT.CFG to start. Shown where there are several.
 *
 * One line is written over again and again, so that screen and serial line need nothing but a
 * carriage return. Keys: a digit, arrows or j and k, Enter. The first key stops the clock. */
#include "loader.h"

#define TITLE_WIDTH      50
#define TICK_MICROSECOND 20000
#define TICKS_A_SECOND   50

static void say_title(uint32_t entry)
{
    char title[TITLE_WIDTH + 1];
    const char *at = entry_find(entry);
    for (size_t i = 0; i < TITLE_WIDTH; i++)
        title[i] = *at ? *at++ : ' ';
    title[TITLE_WIDTH] = 0;
    say_decimal(entry + 1);
    say(". ");
    say(title);
}

static void prompt(uint32_t entry, bool clock_runs, uint32_t seconds)
{
    say("\r> ");
    say_title(entry);
    if (clock_runs) {
        say(" in ");
        say_decimal(seconds);
        say(" s   ");
    } else {
        say("            ");
    }
}

static uint32_t let_choose(uint32_t entry)
{
    uint32_t left = config.timeout * TICKS_A_SECOND;
    bool clock_runs = true;
    if (firmware->con_out)
        firmware->con_out->clear_screen(firmware->con_out); /* the firmware's picture is behind it */
    say("\r\n");
    for (uint32_t i = 0; i < config.entries; i++) {
        say("  ");
        say_title(i);
        say("\r\n");
    }
    say("\r\nA number or the arrow keys choose, Enter starts.\r\n");
    prompt(entry, true, config.timeout);
    for (;;) {
        int key = key_read();
        if (key == KEY_ENTER)
            return entry;
        if (key != KEY_NONE) {
            clock_runs = false;
            if (key == KEY_UP && entry > 0)
                entry--;
            else if (key == KEY_DOWN && entry + 1 < config.entries)
                entry++;
            else if (key > KEY_DIGIT && (uint32_t)(key - KEY_DIGIT) <= config.entries)
                entry = (uint32_t)(key - KEY_DIGIT) - 1;
            prompt(entry, false, 0);
            continue;
        }
        firmware->boot->stall(TICK_MICROSECOND);
        if (!clock_runs)
            continue;
        if (--left == 0)
            return entry;
        if (left % TICKS_A_SECOND == 0)
            prompt(entry, true, left / TICKS_A_SECOND);
    }
}

uint32_t menu_choose(void)
{
    uint32_t entry = config.default_entry;
    if (config.entries > 1 && config.timeout) {
        entry = let_choose(entry);
        say("\r\n");
    }
    say("oro: loader=uefi entry-title=\"");
    say(entry_find(entry));
    say("\"\r\n");
    return entry;
}

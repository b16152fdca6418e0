#include "console/printk.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/core.h"
#include "arch/cpu.h"
#include "boot/boot_info.h"
#include "console/screen.h"
#include "console/serial.h"
#include "lib/format.h"
#include "lib/string.h"

enum { LINE = 512, KEPT = 2048, EARLY = 4096, NOBODY = 0, NAMELESS = 1 };

/* The lock, which is also the name of the core that holds it: both change in one instruction, so
 * that an NMI never finds it held by somebody unknown. */
static _Atomic uintptr_t holder;
static bool lock_broken;

/* What was said on the holder's core while it was printing: by an NMI or a machine check. Only
 * that core adds to it, each interruption a part of its own. */
static char kept[KEPT];
static atomic_uint kept_size;
static atomic_uint lost; /* characters that found no room there */

/* What was said before there was a screen. */
static char early[EARLY];
static size_t early_size;
static bool screen_started;

static enum log_level limit = LOG_INFO;

static void emit(const char *text, size_t size)
{
    serial_write(text, size);
    screen_write(text, size);
    if (screen_started)
        return;
    size_t room = sizeof(early) - early_size;
    size_t taken = size < room ? size : room;
    memcpy(early + early_size, text, taken);
    early_size += taken;
}

static void keep(const char *text, size_t size)
{
    unsigned at = atomic_fetch_add(&kept_size, (unsigned)size);
    if (at + size > sizeof(kept)) {
        atomic_fetch_sub(&kept_size, (unsigned)size);
        atomic_fetch_add(&lost, (unsigned)size);
        return;
    }
    memcpy(kept + at, text, size);
}

/* By the holder. An interruption in between only adds to the end. */
static void emit_kept(void)
{
    unsigned done = 0, size = atomic_load(&kept_size);
    while (size) {
        emit(kept + done, size - done);
        done = size;
        if (atomic_compare_exchange_strong(&kept_size, &size, 0))
            break;
    }
    unsigned missing = atomic_exchange(&lost, 0);
    if (missing) {
        static const char text[] = "(more was said than could be kept)\n";
        emit(text, sizeof(text) - 1);
    }
}

static bool anything_kept(void)
{
    return atomic_load(&kept_size) || atomic_load(&lost);
}

static bool try_hold(uintptr_t self)
{
    uintptr_t expected = NOBODY;
    return atomic_compare_exchange_strong(&holder, &expected, self);
}

void printk_text(const char *text, size_t size)
{
    if (lock_broken) {
        emit(text, size);
        return;
    }
    const struct core *core = this_core_or_null();
    uintptr_t self = core ? (uintptr_t)core : NAMELESS;
    if (atomic_load(&holder) == self) {
        keep(text, size);
        return;
    }
    while (!try_hold(self))
        cpu_pause();
    emit(text, size);
    do {
        emit_kept();
        atomic_store(&holder, NOBODY);
        /* What came after the last look; if somebody else holds the lock now, that one sees it. */
    } while (anything_kept() && try_hold(self));
}

static void print(enum log_level level, const char *format, va_list arguments)
{
    if (level > limit)
        return;
    char line[LINE];
    size_t length = format_list(line, sizeof(line), format, arguments);
    printk_text(line, length);
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(level, format, arguments);
    va_end(arguments);
}

void printk(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(LOG_ALWAYS, format, arguments);
    va_end(arguments);
}

void printk_choose_level(void)
{
    static const char *const words[] = {"log=always", "log=error", "log=warning", "log=info",
                                        "log=debug"};
    for (unsigned level = 0; level < sizeof(words) / sizeof(words[0]); level++) {
        if (boot_option(words[level]))
            limit = (enum log_level)level;
    }
}

static void show_early(void)
{
    screen_started = true;
    screen_write(early, early_size);
}

void printk_start_screen(void)
{
    screen_init();
    show_early();
}

void printk_break_lock(void)
{
    if (lock_broken)
        return;
    lock_broken = true;
    if (!screen_started) {
        screen_init_early();
        show_early();
    }
    if (anything_kept()) {
        emit("\n", 1);
        emit_kept();
    }
}

#include "console/printk.h"

#include <stdarg.h>
#include <stdint.h>

#include "console/serial.h"
#include "lib/format.h"
#include "lib/spinlock.h"

static struct spinlock lock;
static bool lock_broken;

void printk(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_list(line, sizeof(line), format, arguments);
    va_end(arguments);

    bool locked = !lock_broken;
    if (locked)
        spinlock_acquire(&lock);
    serial_write(line, length);
    if (locked)
        spinlock_release(&lock);
}

void printk_break_lock(void)
{
    lock_broken = true;
}

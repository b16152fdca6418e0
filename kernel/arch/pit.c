#include "arch/pit.h"

#include "arch/clock.h"
#include "arch/cpu.h"

enum pit_ports { CHANNEL2 = 0x42, COMMAND = 0x43, CONTROL = 0x61 };

enum {
    PIT_HZ = 1193182,
    CONTROL_GATE2 = 1 << 0,
    CONTROL_SPEAKER = 1 << 1,
    CONTROL_OUT2 = 1 << 5,
    CHANNEL2_LATCH = 0x80,
    ATTEMPTS = 3,
    PATIENCE = 1000, /* polls for a count, which takes a microsecond */
    CHANNEL2_MODE0 = 0xb0, /* low byte then high byte, interrupt on terminal count */
};

void pit_start(uint32_t microseconds)
{
    /* Intel 8254 data sheet, mode 0: the output goes high when the count reaches zero. */
    uint32_t count = (uint32_t)((uint64_t)microseconds * PIT_HZ / 1000000);
    if (count > 0xffff)
        count = 0xffff;
    if (count == 0)
        count = 1;
    outb(CONTROL, (uint8_t)((inb(CONTROL) & ~(CONTROL_SPEAKER | CONTROL_GATE2)) | CONTROL_GATE2));
    outb(COMMAND, CHANNEL2_MODE0);
    outb(CHANNEL2, (uint8_t)count);
    outb(CHANNEL2, (uint8_t)(count >> 8));
}

bool pit_running(void)
{
    return !(inb(CONTROL) & CONTROL_OUT2);
}

static uint16_t pit_count(void)
{
    outb(COMMAND, CHANNEL2_LATCH);
    uint8_t low = inb(CHANNEL2);
    return (uint16_t)(inb(CHANNEL2) << 8 | low);
}

bool pit_present(void)
{
    /* Where nothing is, the port reads as ones, or its output and the count never move. */
    if (inb(CONTROL) == 0xff)
        return false;
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        pit_start(CLOCK_MAX);
        uint16_t first = pit_count();
        /* An emulator may have been elsewhere until the end. */
        for (unsigned polls = 0; polls < PATIENCE && pit_running(); polls++) {
            if (pit_count() != first)
                return true;
        }
    }
    return false;
}

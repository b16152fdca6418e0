#include "arch/pit.h"

#include "arch/cpu.h"

enum pit_ports { CHANNEL2 = 0x42, COMMAND = 0x43, CONTROL = 0x61 };

enum {
    PIT_HZ = 1193182,
    CONTROL_GATE2 = 1 << 0,
    CONTROL_SPEAKER = 1 << 1,
    CONTROL_OUT2 = 1 << 5,
    PATIENCE = 1000000, /* polls for 10 microseconds */
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

bool pit_present(void)
{
    /* Where nothing is, the port reads as ones, or its output never moves. */
    if (inb(CONTROL) == 0xff)
        return false;
    pit_start(10);
    if (!pit_running())
        return false;
    for (unsigned polls = 0; polls < PATIENCE; polls++) {
        if (!pit_running())
            return true;
        cpu_pause();
    }
    return false;
}

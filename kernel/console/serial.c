#include "console/serial.h"

#include "abi/boot_protocol.h"
#include "arch/cpu.h"

/* Registers (National Semiconductor PC16550D data sheet, table II). */
enum {
    DATA = SERIAL_PORT,
    INTERRUPT_ENABLE = SERIAL_PORT + 1,
    FIFO_CONTROL = SERIAL_PORT + 2,
    LINE_CONTROL = SERIAL_PORT + 3,
    MODEM_CONTROL = SERIAL_PORT + 4,
    LINE_STATUS = SERIAL_PORT + 5,
};

enum {
    LINE_8N1 = 0x03,
    LINE_DIVISOR_ACCESS = 0x80,
    ENABLE_INPUT = 1 << 0,
    MODEM_READY = 0x03, /* DTR, RTS */
    MODEM_INTERRUPTS = 1 << 3, /* OUT2, which a PC has between the port and its interrupt line */
    MODEM_LOOP_BACK = 1 << 4,
    STATUS_INPUT = 1 << 0,
    STATUS_HOLDING_EMPTY = 1 << 5,
    STATUS_ALL_SENT = 1 << 6,
    PATIENCE = 1000000, /* polls before a port that never gets ready is taken for absent */
};

static bool present;

void serial_init(void)
{
    outb(INTERRUPT_ENABLE, 0);
    outb(LINE_CONTROL, LINE_DIVISOR_ACCESS);
    outb(DATA, 1); /* divisor: 115200 / 1 */
    outb(INTERRUPT_ENABLE, 0);
    outb(LINE_CONTROL, LINE_8N1);
    outb(FIFO_CONTROL, 0xc7);  /* on, cleared */
    outb(MODEM_CONTROL, MODEM_READY);
    present = inb(LINE_STATUS) != 0xff; /* a bus without a port reads as ones */
}

static void wait_for(uint8_t status)
{
    for (unsigned polls = 0; present && !(inb(LINE_STATUS) & status); polls++) {
        if (polls == PATIENCE)
            present = false;
        cpu_pause();
    }
}

static void put(char character)
{
    wait_for(STATUS_HOLDING_EMPTY);
    if (present)
        outb(DATA, (uint8_t)character);
}

void serial_write(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            put('\r');
        put(text[i]);
    }
}

bool serial_enable_input(void)
{
    if (!present)
        return false;
    outb(MODEM_CONTROL, MODEM_READY | MODEM_INTERRUPTS);
    outb(INTERRUPT_ENABLE, ENABLE_INPUT);
    return true;
}

bool serial_read(uint8_t *byte)
{
    if (!present || !(inb(LINE_STATUS) & STATUS_INPUT))
        return false;
    *byte = inb(DATA);
    return true;
}

void serial_loop_back(bool on)
{
    serial_drain();
    outb(MODEM_CONTROL, MODEM_READY | MODEM_INTERRUPTS | (on ? MODEM_LOOP_BACK : 0));
}

void serial_drain(void)
{
    wait_for(STATUS_ALL_SENT);
}

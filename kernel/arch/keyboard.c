#include "arch/keyboard.h"

#include "arch/cpu.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };

enum {
    STATUS_OUTPUT_FULL = 1 << 0, /* a byte waits at DATA */
    STATUS_INPUT_FULL = 1 << 1,  /* the controller has not taken the last one yet */
    STATUS_MOUSE = 1 << 5,
    COMMAND_READ_MODE = 0x20,
    COMMAND_WRITE_MODE = 0x60,
    COMMAND_ENABLE = 0xae,
    COMMAND_PRETEND = 0xd2,
    MODE_INTERRUPT = 1 << 0,
    MODE_DISABLED = 1 << 4,
    MODE_TRANSLATED = 1 << 6, /* set 2, which the keyboard sends, to set 1 */
    KEYBOARD_ENABLE = 0xf4,
    PATIENCE = 100000,    /* polls */
    BUFFERED_BYTES = 64,  /* more than a controller and a keyboard keep */
};

static bool present;

static bool wait_for(uint8_t bit, uint8_t value)
{
    for (unsigned polls = 0; polls < PATIENCE; polls++) {
        if ((inb(STATUS) & bit) == value)
            return true;
        cpu_pause();
    }
    return false;
}

static bool send(uint16_t port, uint8_t byte)
{
    if (!wait_for(STATUS_INPUT_FULL, 0))
        return false;
    outb(port, byte);
    return true;
}

/* The answer to a command. */
static bool answer(uint8_t *byte)
{
    if (!wait_for(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL))
        return false;
    *byte = inb(DATA);
    return true;
}

static void drop_buffered(void)
{
    for (unsigned i = 0; i < BUFFERED_BYTES && inb(STATUS) & STATUS_OUTPUT_FULL; i++)
        (void)inb(DATA);
}

bool keyboard_init(void)
{
    uint8_t mode;
    if (inb(STATUS) == 0xff) /* a bus without a controller reads as ones */
        return false;
    drop_buffered();
    if (!send(COMMAND, COMMAND_ENABLE) || !send(COMMAND, COMMAND_READ_MODE) || !answer(&mode))
        return false;
    mode = (uint8_t)((mode & ~MODE_DISABLED) | MODE_INTERRUPT | MODE_TRANSLATED);
    if (!send(COMMAND, COMMAND_WRITE_MODE) || !send(DATA, mode))
        return false;
    /* Its acknowledgement, if there is a keyboard at all, is no key. */
    if (send(DATA, KEYBOARD_ENABLE))
        answer(&mode);
    drop_buffered();
    return present = true;
}

bool keyboard_read(uint8_t *code)
{
    while (present) {
        uint8_t status = inb(STATUS);
        if (!(status & STATUS_OUTPUT_FULL))
            return false;
        *code = inb(DATA);
        if (!(status & STATUS_MOUSE))
            return true;
    }
    return false;
}

bool keyboard_pretend(uint8_t code)
{
    return present && send(COMMAND, COMMAND_PRETEND) && send(DATA, code);
}

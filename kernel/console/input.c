#include "console/input.h"

#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/ioapic.h"
#include "arch/keyboard.h"
#include "console/serial.h"
#include "lib/spinlock.h"

enum { QUEUE = 256, ISA_KEYBOARD = 1, ISA_SERIAL = 4 };

static struct spinlock lock;
static struct input queue[QUEUE];
static uint32_t taken, added; /* ever; their difference is how many wait */
static bool poll_serial, poll_keyboard;

static void add(enum input_source source, uint8_t byte)
{
    spinlock_acquire(&lock);
    if (added - taken < QUEUE)
        queue[added++ % QUEUE] = (struct input){(uint8_t)source, byte};
    spinlock_release(&lock);
}

bool input_take(struct input *input)
{
    spinlock_acquire(&lock);
    bool some = added != taken;
    if (some)
        *input = queue[taken++ % QUEUE];
    spinlock_release(&lock);
    return some;
}

void input_serial(void)
{
    uint8_t byte;
    /* Not for ever, should a broken port always have one more. */
    for (unsigned i = 0; i < QUEUE && serial_read(&byte); i++)
        add(INPUT_SERIAL, byte);
}

void input_keyboard(void)
{
    uint8_t code;
    for (unsigned i = 0; i < QUEUE && keyboard_read(&code); i++)
        add(INPUT_KEYBOARD, code);
}

void input_tick(void)
{
    if (poll_serial)
        input_serial();
    if (poll_keyboard)
        input_keyboard();
}

void input_init(void)
{
    uint32_t self = this_core()->apic_id;
    if (serial_enable_input())
        poll_serial = !ioapic_route_isa(ISA_SERIAL, VECTOR_SERIAL, self);
    if (keyboard_init())
        poll_keyboard = !ioapic_route_isa(ISA_KEYBOARD, VECTOR_KEYBOARD, self);
}

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
static bool poll_serial, poll_keyboard; /* no interrupt tells when to look */
static bool look_serial, look_keyboard; /* at the next tick: nor for what may be left there */

static bool has_room(void)
{
    return added - taken < QUEUE; /* only one core adds, so that room stays */
}

static void add(enum input_source source, uint8_t byte)
{
    spinlock_acquire(&lock);
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

/* Takes what a device has and the queue has room for, and tells whether something may be left: the
 * lines of ISA devices are edge triggered, so no interrupt will come for it. */
static bool take_all(enum input_source source, bool (*read)(uint8_t *))
{
    uint8_t byte;
    while (has_room()) {
        if (!read(&byte))
            return false;
        add(source, byte);
    }
    return true;
}

void input_serial(void)
{
    look_serial = poll_serial | take_all(INPUT_SERIAL, serial_read);
}

void input_keyboard(void)
{
    look_keyboard = poll_keyboard | take_all(INPUT_KEYBOARD, keyboard_read);
}

void input_tick(void)
{
    if (look_serial)
        input_serial();
    if (look_keyboard)
        input_keyboard();
}

void input_init(void)
{
    uint32_t self = this_core()->apic_id;
    if (serial_enable_input())
        look_serial = poll_serial = !ioapic_route_isa(ISA_SERIAL, VECTOR_SERIAL, self);
    if (keyboard_init())
        look_keyboard = poll_keyboard = !ioapic_route_isa(ISA_KEYBOARD, VECTOR_KEYBOARD, self);
}

/* input_test.c - interrupts of devices find their way through the I/O APIC: each device is made to
 * raise its line by itself, and the local APIC is asked, since interrupts are off here. */
#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/ioapic.h"
#include "arch/keyboard.h"
#include "arch/lapic.h"
#include "console/input.h"
#include "console/serial.h"
#include "firmware/routing.h"
#include "test/ktap.h"

/* Redirection entry (82093AA data sheet 3.2.4). */
enum { LINE_LOW = 1 << 13, LINE_LEVEL = 1 << 15, MASKED = 1 << 16, KEYBOARD = 1, SERIAL = 4 };
enum { PATIENCE = 1000000 };

static bool arrives(uint8_t vector)
{
    for (unsigned polls = 0; polls < PATIENCE; polls++) {
        if (lapic_requested(vector))
            return true;
        cpu_pause();
    }
    return false;
}

static void drop_input(void)
{
    struct input input;
    while (input_take(&input)) {
    }
}

/* Unmasked, to this core, with the polarity and trigger mode that the firmware says. */
static void check_entry(unsigned irq, uint8_t vector)
{
    const struct routing_line *line = &routing.lines[irq];
    uint64_t entry = ioapic_isa_entry(irq);
    CHECK_EQUAL(entry >> 56, this_core()->apic_id);
    CHECK_EQUAL(entry & (MASKED | LINE_LOW | LINE_LEVEL | 0xfff),
                vector | (line->active_low ? LINE_LOW : 0u) | (line->level ? LINE_LEVEL : 0u));
}

static void others_are_masked(void)
{
    ioapic_route_isa(5, VECTOR_ISA + 5, 0);
    ioapic_mask_all();
    input_init();
    for (unsigned irq = 0; irq < ROUTING_ISA_LINES; irq++) {
        if (irq != KEYBOARD && irq != SERIAL && irq != 2) /* 2 leads to the second 8259 */
            CHECK(ioapic_isa_entry(irq) & MASKED);
    }
}

static void keys_arrive(void)
{
    struct input input = {0};
    drop_input();
    if (!keyboard_pretend(0x1e))
        return; /* a machine without the controller */
    if (routing.ioapic_count) {
        CHECK(arrives(VECTOR_KEYBOARD));
        check_entry(KEYBOARD, VECTOR_KEYBOARD);
        input_keyboard();
    } else {
        for (unsigned polls = 0; polls < PATIENCE / 100 && !input_take(&input); polls++)
            input_tick();
        CHECK(input.source == INPUT_KEYBOARD && input.byte == 0x1e);
        return;
    }
    CHECK(input_take(&input) && input.source == INPUT_KEYBOARD && input.byte == 0x1e);
    CHECK(!input_take(&input));
}

static void characters_arrive(void)
{
    struct input input = {0};
    drop_input();
    serial_loop_back(true);
    serial_write("k", 1);
    serial_drain();
    bool arrived = !routing.ioapic_count || arrives(VECTOR_SERIAL);
    input_serial();
    serial_loop_back(false);
    CHECK(arrived);
    if (routing.ioapic_count)
        check_entry(SERIAL, VECTOR_SERIAL);
    CHECK(input_take(&input) && input.source == INPUT_SERIAL && input.byte == 'k');
}

/* As many as the queue holds, and some that the UART's FIFO (16 bytes) has to keep. */
static void what_has_no_room_waits_in_the_device(void)
{
    enum { IN_QUEUE = 256, IN_DEVICE = 10 };
    struct input input = {0};
    unsigned count = 0;
    drop_input();
    serial_loop_back(true);
    for (unsigned i = 0; i < IN_QUEUE + IN_DEVICE; i++) {
        serial_write((const char[]){(char)('a' + i % 26)}, 1);
        serial_drain();
        input_serial();
    }
    for (; input_take(&input); count++)
        CHECK_EQUAL(input.byte, 'a' + count % 26);
    CHECK_EQUAL(count, IN_QUEUE);
    input_tick();
    serial_loop_back(false);
    for (; input_take(&input); count++)
        CHECK_EQUAL(input.byte, 'a' + count % 26);
    CHECK_EQUAL(count, IN_QUEUE + IN_DEVICE);
}

TEST_SUITE(input, {"others_are_masked", others_are_masked}, {"keys_arrive", keys_arrive},
           {"characters_arrive", characters_arrive},
           {"what_has_no_room_waits_in_the_device", what_has_no_room_waits_in_the_device});

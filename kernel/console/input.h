/*
 * input.h - what comes in by the serial port and the keyboard. Their interrupts go to one core and
 * become the events EVENT_SERIAL and EVENT_KEYBOARD; a machine without an I/O APIC is polled at
 * that core's timer ticks instead. What there is no room for stays in the device until a tick finds
 * some, so nothing is lost here; how much a device holds back is its own affair.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum input_source { INPUT_SERIAL, INPUT_KEYBOARD };

struct input {
    uint8_t source; /* enum input_source */
    uint8_t byte;   /* a character, or a scan code of set 1 */
};

/* Readies the devices and routes their interrupts to the calling core; after ioapic_init(). */
void input_init(void);

/* For the funnel, on the first core only: takes what the device has. */
void input_serial(void);
void input_keyboard(void);

/* At each timer tick of the first core. */
void input_tick(void);

/* The oldest input that nobody has taken; false if there is none. */
bool input_take(struct input *input);

/*
 * serial.h - the first serial port: a 16550 at 115200 baud, 8 bits, no parity, 1 stop bit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void serial_init(void);
void serial_write(const char *text, size_t size);

/* Has the port interrupt when a byte comes in; false if there is no port. */
bool serial_enable_input(void);

/* The next byte that came in, if there is one. */
bool serial_read(uint8_t *byte);

/* Sends the port's output to its own input, or no longer; for tests. */
void serial_loop_back(bool on);

/* Waits until the last byte has left the wire. */
void serial_drain(void);

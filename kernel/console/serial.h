/*
 * serial.h - the first serial port: a 16550 at 115200 baud, 8 bits, no parity, 1 stop bit.
 */
#pragma once

#include <stddef.h>

void serial_init(void);
void serial_write(const char *text, size_t size);

/* Waits until the last byte has left the wire. */
void serial_drain(void);

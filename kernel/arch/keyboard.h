/*
 * keyboard.h - the keyboard behind the 8042 controller, whose bytes are scan codes of set 1 (IBM
 * PS/2 Hardware Interface Technical Reference, Keyboard and Auxiliary Device Controller).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Enables the keyboard and its interrupt; false if there is no controller. */
bool keyboard_init(void);

/* The next byte, if the controller has one of the keyboard's. Bytes of a mouse are dropped. */
bool keyboard_read(uint8_t *code);

/* Has the controller report a byte as if the keyboard had sent it; false if it is not ready. For
 * tests. */
bool keyboard_pretend(uint8_t code);

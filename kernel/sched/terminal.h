/*
 * terminal.h - the console as one program has it: lines that are typed there, and characters that
 * the program puts there.
 */
#pragma once

#include <stdint.h>

/* The console belongs to this process from now on; what is typed before stays where it is. */
void terminal_give(uint32_t pid);

/* Something was typed: takes it, shows it, and hands a finished line to whom the console belongs.
 * ^C ends the child that this one waits for. */
void terminal_input(void);

/* System calls of the current thread. */
int64_t terminal_read(uint64_t to, uint64_t size);
int64_t terminal_put(uint64_t text, uint64_t size);

/*
 * printk.h - the kernel's voice. A call prints one or more whole lines; lines of several cores
 * never mix.
 *
 * Lines that begin with "oro: " are for programs: facts as key=value, one fact a line.
 */
#pragma once

__attribute__((format(printf, 1, 2))) void printk(const char *format, ...);

/* From now on printing does not wait for the lock, which a stopped core may hold. */
void printk_break_lock(void);

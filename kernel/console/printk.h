/*
 * printk.h - the kernel's voice, on the serial port and the screen. A call prints one or more
 * whole lines; lines of several cores never mix.
 *
 * Lines that begin with "oro: " are for programs: facts as key=value, one fact a line.
 *
 * It may be called from anywhere, an NMI that interrupts a call of it included: what is said
 * there is kept, and follows the line that was interrupted.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* What `log=error`, `warning`, `info` or `debug` on the command line chooses between; it is
 * `info` without. */
enum log_level {
    LOG_ALWAYS, /* facts, test results, what somebody asked for */
    LOG_ERROR,  /* something that was asked for was not done */
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
};

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

/* log_line() at LOG_ALWAYS. */
__attribute__((format(printf, 1, 2))) void printk(const char *format, ...);

/* Characters that are no line of their own: what a program echoes. */
void printk_text(const char *text, size_t size);

/* Reads the level from the command line. */
void printk_choose_level(void);

/* Finds the screen; what was said so far appears there. Once the kernel's page tables are loaded. */
void printk_start_screen(void);

/* From now on printing does not wait for the lock, which a stopped core may hold. For the panic,
 * when nobody else runs; what is still kept is printed. */
void printk_break_lock(void);

/*
 * crash.h - ends the kernel on purpose, so that its last words can be tested: `crash=KIND` on the
 * command line, where KIND is
 *
 *   early   a read of an unmapped address, while only the early IDT is loaded
 *   page    a read of an unmapped address
 *   stack   a kernel stack that grows into its guard page: a double fault on a stack of its own
 *   free-twice      a page frame is given back twice
 *   use-after-free  one is written to after that; the profile debug notices
 *   check   a failed check, panic()
 *   tick    an undefined instruction on the last core, in its timer interrupt, while all run
 *   chatter the same while all other cores print without end
 *   nmi     a failed check in an NMI that interrupts the first core while it prints without end
 *   again   a failed check, and a fault while its block is printed
 *
 * `nmi=print` is no crash: the last core sends the first one NMIs while that prints.
 */
#pragma once

struct core;

/* On the first core, before its own tables are loaded. */
void crash_early_if_asked(void);

/* On the first core, before programs run. */
void crash_if_asked(void);

/* At each timer tick of a core. */
void crash_tick(const struct core *core);

/* In each NMI that does not stop the core. */
void crash_nmi(void);

/*
 * event.h - the funnel: whatever brings a core into the kernel becomes an event, and after it the
 * core leaves the kernel through run_context().
 *
 *   entry (assembly) -> *_entry() -> kernel_event() -> run_context() -> resume (assembly)
 *
 * The contract of the kernel stack: every entry starts at its top, so when the next event comes,
 * whatever this one left there is gone. Nothing may point into it, and what must survive is kept
 * in the thread. In the profile debug each entry fills the stack below its own frames with
 * KERNEL_STACK_POISON, so that a pointer that was kept all the same finds that. (A quick system call
 * returns to its entry, and a core's exception and IST stacks are evidence: neither is filled.)
 */
#pragma once

#include <stdint.h>

#include "abi/frame.h"

#define KERNEL_STACK_POISON UINT64_C(0xdeadbeefdeadbeef)

enum event_kind {
    EVENT_TICK,       /* the core's timer */
    EVENT_RESCHEDULE, /* another core has a thread for this one, or has killed its thread */
    EVENT_FLUSH,      /* another core took pages away */
    EVENT_SYSCALL,    /* frame: the call */
    EVENT_NO_PAGE,    /* frame: what the program did; address: where no page is */
    EVENT_FAULT,      /* frame: what the program did; address: cr2 */
    EVENT_REFUSED,    /* frame: it cannot be resumed */
    EVENT_NMI,        /* frame: the interrupted program */
    EVENT_SERIAL,     /* the serial port has input */
    EVENT_KEYBOARD,   /* the keyboard has */
    EVENT_APIC_ERROR,
    EVENT_SPURIOUS, /* nothing happened after all */
};

struct event {
    enum event_kind kind;
    struct frame *frame;
    uint64_t address;
};

/* Leaves the kernel: for the current thread if it may go on, else for the next one of this core,
 * else for the idle loop. */
_Noreturn void run_context(void);

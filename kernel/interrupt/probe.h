/*
 * probe.h - runs code that is expected to enter the kernel, and brings back the frame instead of
 * letting the kernel act on it. For the kernel's own tests, on the first core's boot stack, which
 * no entry uses.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/frame.h"
#include "abi/probe.h"

/* Calls function(argument). True if that raised an exception in ring 0, whose frame is then in
 * *frame; false if it returned. */
bool probe_call(void (*function)(uint64_t), uint64_t argument, struct frame *frame);

/* Enters a stub as the hardware would: with these registers and this hardware frame, in which the
 * hardware pushed an error code or did not. Fills *seen with what the C entry was given. */
void probe_stub(uint64_t handler, const struct frame *hardware, bool error_code,
                struct frame *seen);

/* Which C entry took the frame of the last probe, whether its stack was aligned as the System V
 * ABI wants it, and the flags it ran with. */
enum probe_entry { PROBE_NONE, PROBE_INTERRUPT, PROBE_EXCEPTION, PROBE_KERNEL, PROBE_IST };
enum probe_entry probe_entry(void);
bool probe_aligned(void);
uint64_t probe_flags(void);

/* For entry.c: if a probe is running, takes the frame and does not return. */
extern bool probe_running;
_Noreturn void probe_take(enum probe_entry entry, const struct frame *frame,
                          const void *frame_address);

#define PROBE_POINT(entry, frame)                                                                 \
    do {                                                                                          \
        if (__builtin_expect(probe_running, false))                                               \
            probe_take(entry, frame, __builtin_frame_address(0));                                 \
    } while (0)

/*
 * frames.h - the allocator of physical page frames: a buddy system.
 *
 * A block of order n is 2^n frames, aligned to its size. Free blocks of each order are linked
 * through their own first bytes in the direct map; one byte per frame of the machine says what a
 * block that begins there is, which is how a buddy is recognised and a double free found. The profile
 * debug fills what is freed with a pattern, and looks for it before it hands the memory out again:
 * whoever wrote to it meanwhile did so after the free.
 * Addresses are physical.
 */
#pragma once

#include <stdint.h>

struct core;

/* The largest block is 2^18 frames, 1 GiB: so large that handing memory over touches little of it,
 * which matters to a machine that is itself a guest. */
enum { FRAME_ORDERS = 19 };

/* Takes over what memory_map has from 1 MiB to 4 GiB, less the kernel image and the boot
 * modules. Panics if there is too little. Works on the boot direct map. */
void frames_init(void);

/* Takes over usable memory above 4 GiB; once the kernel's own direct map is loaded. */
void frames_add_high(void);

/* Returns the physical address of a block whose bytes are zero, or 0 if memory is out. */
uint64_t frames_alloc(unsigned order);

/* The same for one frame, once the calling core runs threads: a spare one of the core's if there is
 * one, which is zero already. */
uint64_t frames_alloc_page(void);

/* Has the calling core fill some spare frames with zeros: while it has nothing else to do. */
void frames_make_spares(struct core *core);

/* For tests: that many allocations succeed, and then one fails; UINT64_MAX: none does. */
void frames_fail_after(uint64_t successes);

/* Panics if no allocated block of this order begins there. */
void frames_free(uint64_t address, unsigned order);

uint64_t frames_free_count(void);
uint64_t frames_total_count(void);

/*
 * descriptors.h - the descriptor tables: each core's GDT and TSS, the IDTs they share, and the
 * registers of the system call instructions.
 */
#pragma once

#include <stdbool.h>

#include "abi/core.h"

/* Fills the two IDTs from the stubs' addresses; once, before the first descriptors_load(). */
void idt_fill(void);

/* Loads the IDT of threads with vector state, or of those without. */
void idt_load(bool vectors);

/* Loads GDT, TSS, IDT, GS.base and the system call MSRs of the calling core. `ist_tops` are the
 * tops of its IST_COUNT interrupt stacks, 16-byte aligned. */
void descriptors_load(struct core *core, const uint64_t *ist_tops);

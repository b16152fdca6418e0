/*
 * descriptors.h - the descriptor tables: each core's GDT and TSS, the IDT they share, and the
 * registers of the system call instructions.
 */
#pragma once

#include "abi/core.h"

/* Fills the IDT from the stubs' addresses; once, before the first descriptors_load(). */
void idt_fill(void);

/* Loads GDT, TSS, IDT, GS.base and the system call MSRs of the calling core. `ist_tops` are the
 * tops of its IST_COUNT interrupt stacks, 16-byte aligned. */
void descriptors_load(struct core *core, const uint64_t *ist_tops);

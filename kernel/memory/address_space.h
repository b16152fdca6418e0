/*
 * address_space.h - what the TLBs know of an address space (Intel SDM Vol. 3A 4.10.1, 4.10.4).
 *
 * Where the processor has PCIDs, translations carry the PCID that was current when they were
 * learnt, and loading CR3 need not forget them. So a core may remember pages of a space that it
 * has long left. `stale` says which cores must forget the space when they next load it: all of
 * them in the beginning, since another space may have had the PCID before; and those that did not
 * have it loaded when pages were taken away (smp/shootdown.h).
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct core;

struct address_space {
    uint64_t root; /* physical address of its top-level page table */
    uint32_t pcid; /* 1 to PCID_MAX, of no other space that is in use; 0 is the kernel's own */
    _Atomic uint64_t stale; /* one bit per core */
};

enum { PCID_MAX = 0xfff };

/* Makes it the calling core's. */
void address_space_load(struct core *core, struct address_space *space);

/* The value that does, which forgets what is stale. For address_space_load(), and tests. */
uint64_t address_space_cr3(const struct core *core, struct address_space *space);

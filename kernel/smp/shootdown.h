/*
 * shootdown.h - making other cores forget translations (Intel SDM Vol. 3A 4.10.5).
 *
 * A core that took pages away asks every core that has the same page tables loaded, and waits until
 * each has flushed its TLB. Interrupts are off in the kernel, so a core that waits here looks itself
 * whether it is asked too: two that ask each other both go on. It holds no lock meanwhile.
 */
#pragma once

struct core;
struct address_space;

/* The translations of the address space that are no longer in its tables are gone from every TLB that
 * is in use when this returns; from the others, before they use them. The calling core has flushed its own; it holds no lock. */
void shootdown(struct address_space *space);

/* Does what other cores have asked of the calling core. */
void shootdown_serve(struct core *core);

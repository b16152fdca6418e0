#include "smp/shootdown.h"

#include <stdatomic.h>

#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/lapic.h"
#include "memory/address_space.h"

void shootdown_serve(struct core *core)
{
    uint64_t wanted = atomic_load(&core->flushes_wanted);
    if (atomic_load(&core->flushes_done) == wanted)
        return;
    /* All translations of the current PCID but global ones, and a program has none of those. If the
     * core has left the space meanwhile, it is stale there. */
    write_cr3(read_cr3());
    atomic_store(&core->flushes_done, wanted);
}

void shootdown(struct address_space *space)
{
    struct core *self = this_core();
    uint64_t asked[MAX_CORES] = {0};
    /* The tables were changed before the roots are read: a core that loads them later sees that. */
    atomic_thread_fence(memory_order_seq_cst);
    atomic_fetch_or(&space->stale, ~(UINT64_C(1) << self->index));
    for (uint32_t i = 0; i < core_count; i++) {
        struct core *core = &cores[i];
        if (core == self || atomic_load(&core->root) != space->root)
            continue;
        asked[i] = atomic_fetch_add(&core->flushes_wanted, 1) + 1;
        lapic_send_vector(core->apic_id, VECTOR_FLUSH);
    }
    for (uint32_t i = 0; i < core_count; i++) {
        while (atomic_load(&cores[i].flushes_done) < asked[i]) {
            shootdown_serve(self);
            cpu_pause();
        }
    }
}

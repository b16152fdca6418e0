#include "smp/shootdown.h"

#include <stdatomic.h>

#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/lapic.h"

void shootdown_serve(struct core *core)
{
    uint64_t wanted = atomic_load(&core->flushes_wanted);
    if (atomic_load(&core->flushes_done) == wanted)
        return;
    write_cr3(read_cr3()); /* all but global translations, and a program has none of those */
    atomic_store(&core->flushes_done, wanted);
}

void shootdown(uint64_t root)
{
    struct core *self = this_core();
    uint64_t asked[MAX_CORES] = {0};
    /* The tables were changed before the roots are read: a core that loads them later sees that. */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < core_count; i++) {
        struct core *core = &cores[i];
        if (core == self || atomic_load(&core->root) != root)
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

#include "memory/address_space.h"

#include "abi/core.h"
#include "arch/cpu.h"
#include "arch/features.h"

uint64_t address_space_cr3(const struct core *core, struct address_space *space)
{
    if (!features.pcid)
        return space->root;
    uint64_t self = UINT64_C(1) << core->index;
    uint64_t value = space->root | space->pcid;
    if (!(atomic_load(&space->stale) & self))
        return value | CR3_NO_FLUSH;
    atomic_fetch_and(&space->stale, ~self);
    return value;
}

void address_space_load(struct core *core, struct address_space *space)
{
    /* In this order: whoever takes pages away marks the space as stale, and then looks who has it
     * loaded. Either it sees this core and asks it to flush, or this core sees the mark. */
    atomic_store(&core->root, space->root);
    write_cr3(address_space_cr3(core, space));
}

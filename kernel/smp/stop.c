#include "smp/stop.h"

#include <stdatomic.h>

#include "arch/lapic.h"

static atomic_bool requested;
static bool others;

void stop_others_exist(void)
{
    others = true;
}

bool stop_requested(void)
{
    return atomic_load(&requested);
}

bool stop_others_may_run(void)
{
    return others;
}

void stop_others(void)
{
    atomic_store(&requested, true);
    if (others)
        lapic_send_nmi_to_others();
}

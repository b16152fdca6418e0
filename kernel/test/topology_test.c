/* topology_test.c - the cores that came up, and the state of their APIC. */
#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/lapic.h"
#include "firmware/topology.h"
#include "test/ktap.h"

static void cores_are_counted_once(void)
{
    uint32_t before = topology.core_count;
    CHECK(before >= core_count);
    if (before)
        topology_add_core(topology.apic_ids[0]);
    CHECK_EQUAL(topology.core_count, before);
}

static void every_core_has_an_id_of_its_own(void)
{
    for (uint32_t i = 0; i < core_count; i++) {
        CHECK(cores[i].online && cores[i].self == &cores[i] && cores[i].index == i);
        for (uint32_t other = 0; other < i; other++)
            CHECK(cores[i].apic_id != cores[other].apic_id);
    }
    CHECK_EQUAL(this_core()->apic_id, lapic_id());
}

/* If the timer had been programmed while the spurious-vector register had the APIC disabled, a
 * strict APIC would have kept its LVT entry masked. */
static void timer_is_not_masked(void)
{
    lapic_timer_start(1);
    CHECK(!lapic_timer_masked());
    lapic_timer_stop();
}

TEST_SUITE(topology, {"cores_are_counted_once", cores_are_counted_once},
           {"every_core_has_an_id_of_its_own", every_core_has_an_id_of_its_own},
           {"timer_is_not_masked", timer_is_not_masked});

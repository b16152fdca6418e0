/* topology_test.c - the cores that came up, and the state of their APIC. */
#include "abi/core.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/lapic.h"
#include "arch/lapic_timer.h"
#include "firmware/topology.h"
#include "test/ktap.h"

static void cores_are_counted_once(void)
{
    uint32_t before = topology.core_count;
    CHECK(before + 1 >= core_count); /* the tables need not list the starting core */
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

/* Interrupts that nobody expects wait for the first program to run; then the APIC's error is
 * reported, and none of them keeps the timer out, not even 0xef, which has its priority. The spurious vector is not sent: some APICs
 * ignore the end of an interrupt there, as there is none when it is truly spurious. */
static void strays_are_sent(void)
{
    static const uint8_t vectors[] = {VECTOR_APIC_ERROR, 0x77, 0xef, VECTOR_PIC + 7};
    for (unsigned i = 0; i < sizeof(vectors); i++) {
        lapic_send_vector(lapic_id(), vectors[i]);
        for (unsigned polls = 0; polls < 1000000 && !lapic_requested(vectors[i]); polls++)
            cpu_pause();
        CHECK(lapic_requested(vectors[i]));
        CHECK(!lapic_in_service(vectors[i]));
    }
}

TEST_SUITE(topology, {"cores_are_counted_once", cores_are_counted_once},
           {"every_core_has_an_id_of_its_own", every_core_has_an_id_of_its_own},
           {"timer_is_not_masked", timer_is_not_masked}, {"strays_are_sent", strays_are_sent});

/* entries_test.c - all 256 stubs, entered as the hardware would, from ring 0 and from ring 3. */
#include "abi/processor.h"
#include "abi/vectors.h"
#include "arch/features.h"
#include "interrupt/probe.h"
#include "lib/string.h"
#include "test/ktap.h"

extern const uint64_t _oro_isr_handlers[VECTOR_COUNT];

/* The test's own opinion on which vectors have an error code of the hardware's (Intel SDM Vol. 3A
 * table 6-1; AMD APM Vol. 2 table 8-1). */
static bool hardware_pushes_error_code(uint64_t vector)
{
    static const uint8_t vectors[] = {8, 10, 11, 12, 13, 14, 17, 21, 29, 30};
    for (unsigned i = 0; i < sizeof(vectors); i++) {
        if (vectors[i] == vector)
            return true;
    }
    return false;
}

/* The entry that a vector must reach. */
static enum probe_entry wanted_entry(uint64_t vector, bool user)
{
    if (vector >= VECTOR_EXCEPTIONS)
        return PROBE_INTERRUPT;
    if (user)
        return PROBE_EXCEPTION;
    return (uint64_t)VECTORS_ON_IST >> vector & 1 ? PROBE_IST : PROBE_KERNEL;
}

static void enter_all(bool user)
{
    for (uint64_t vector = 0; vector < VECTOR_COUNT; vector++) {
        struct frame hardware, seen;
        for (uint64_t *word = (uint64_t *)&hardware; word < (uint64_t *)(&hardware + 1); word++)
            *word = test_random();
        hardware.vector = vector;
        hardware.cs = user ? SELECTOR_USER_CODE : SELECTOR_KERNEL_CODE;
        bool error_code = hardware_pushes_error_code(vector);
        probe_stub(_oro_isr_handlers[vector], &hardware, error_code, &seen);
        if (!error_code)
            hardware.error_code = 0;
        CHECK(memcmp(&seen, &hardware, sizeof(seen)) == 0);
        CHECK_EQUAL(probe_entry(), wanted_entry(vector, user));
        CHECK(probe_aligned());
        CHECK(!(probe_flags() & RFLAGS_DF));
        CHECK(!features.smap || !(probe_flags() & RFLAGS_AC));
    }
}

static void from_ring_0(void)
{
    enter_all(false);
}

static void from_ring_3(void)
{
    enter_all(true);
}

TEST_SUITE(entries, {"from_ring_0", from_ring_0}, {"from_ring_3", from_ring_3});

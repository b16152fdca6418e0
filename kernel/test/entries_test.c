/* entries_test.c - all 256 stubs, entered as the hardware would, from ring 0 and from ring 3. */
#include "abi/core.h"
#include "abi/layout.h"
#include "abi/processor.h"
#include "abi/vectors.h"
#include "arch/features.h"
#include "arch/vector_state.h"
#include "interrupt/event.h"
#include "interrupt/probe.h"
#include "lib/debug.h"
#include "lib/string.h"
#include "memory/kernel_map.h"
#include "test/ktap.h"

extern const uint64_t _oro_isr_handlers_novec[VECTOR_COUNT], _oro_isr_handlers_vec[VECTOR_COUNT];

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

static void enter(const uint64_t *handlers, uint64_t vector, bool user)
{
    struct frame hardware, seen;
    for (uint64_t *word = (uint64_t *)&hardware; word < (uint64_t *)(&hardware + 1); word++)
        *word = test_random();
    hardware.vector = vector;
    hardware.cs = user ? SELECTOR_USER_CODE : SELECTOR_KERNEL_CODE;
    bool error_code = hardware_pushes_error_code(vector);
    probe_stub(handlers[vector], &hardware, error_code, &seen);
    if (!error_code)
        hardware.error_code = 0;
    CHECK(memcmp(&seen, &hardware, sizeof(seen)) == 0);
    CHECK_EQUAL(probe_entry(), wanted_entry(vector, user));
    CHECK(probe_aligned());
    CHECK(!(probe_flags() & RFLAGS_DF));
    CHECK(!features.smap || !(probe_flags() & RFLAGS_AC));
}

static void enter_all(bool user)
{
    for (uint64_t vector = 0; vector < VECTOR_COUNT; vector++)
        enter(_oro_isr_handlers_novec, vector, user);
}

static void from_ring_0(void)
{
    enter_all(false);
}

static void from_ring_3(void)
{
    enter_all(true);
}

/* xmm0 to xmm15 in an area (Intel SDM Vol. 1 10.5.1, table 10-2), and the header's bits that say
 * which components are not as after initialisation (13.4.2). */
enum { XMM_OFFSET = 160, XMM_SIZE = 256, HEADER_OFFSET = 512, HEADER_X87_SSE = 3 };

/* The `vec` entries save the vector registers of a program, and leave the area alone when they
 * come from the kernel. */
static void with_vector_registers(void)
{
    uint8_t *area = vector_state_new(), *pattern = vector_state_new();
    for (unsigned i = 0; i < XMM_SIZE; i++)
        pattern[XMM_OFFSET + i] = (uint8_t)test_random();
    if (vector_state_size() > HEADER_OFFSET)
        pattern[HEADER_OFFSET] = HEADER_X87_SSE;
    vector_state_choose(this_core(), area);
    _oro_vector_load(pattern);
    for (uint64_t vector = 0; vector < VECTOR_COUNT; vector++) {
        memset(area + XMM_OFFSET, 0xa5, XMM_SIZE);
        enter(_oro_isr_handlers_vec, vector, true);
        CHECK(memcmp(area + XMM_OFFSET, pattern + XMM_OFFSET, XMM_SIZE) == 0);
        memset(area + XMM_OFFSET, 0xa5, XMM_SIZE);
        enter(_oro_isr_handlers_vec, vector, false);
        CHECK(area[XMM_OFFSET] == 0xa5 && memcmp(area + XMM_OFFSET, area + XMM_OFFSET + 1,
                                                 XMM_SIZE - 1) == 0);
    }
    vector_state_choose(this_core(), NULL);
    vector_state_free(area);
    vector_state_free(pattern);
}

/* What an earlier entry left on the kernel stack is gone after the next one, in the profile debug:
 * the tests run on the boot stack, so that stack is idle here. */
static void the_kernel_stack_is_poisoned(void)
{
    const uint64_t *top = (const uint64_t *)(this_core()->kernel_stack + sizeof(struct stack_start));
    volatile uint64_t *bottom = (volatile uint64_t *)top - STACK_PAGES * PAGE_SIZE / sizeof(*top);
    enum { NEAR_TOP = 128 }; /* words that the entry itself may use */
    uint64_t words = (uint64_t)(top - (const uint64_t *)bottom) - NEAR_TOP;
    for (uint64_t i = 0; i < words; i++)
        bottom[i] = i;
    enter(_oro_isr_handlers_novec, VECTOR_SPURIOUS, false);
    for (uint64_t i = 0; i < words; i++)
        CHECK_EQUAL(bottom[i], DEBUG_CHECKS ? KERNEL_STACK_POISON : i);
}

TEST_SUITE(entries, {"the_kernel_stack_is_poisoned", the_kernel_stack_is_poisoned},
            {"from_ring_0", from_ring_0}, {"from_ring_3", from_ring_3},
           {"with_vector_registers", with_vector_registers});

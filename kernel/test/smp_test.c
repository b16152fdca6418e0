/* smp_test.c - all cores at once on what they share. They wait for smp_release() otherwise, with
 * interrupts off, so what is measured here is the locks. */
#include <stdatomic.h>
#include <stddef.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "arch/cpu.h"
#include "arch/lapic.h"
#include "console/printk.h"
#include "lib/spinlock.h"
#include "memory/frames.h"
#include "memory/object_cache.h"
#include "sched/scheduler.h"
#include "sched/thread.h"
#include "smp/smp.h"
#include "test/ktap.h"

enum { HELD = 16, STRAY = 0x78, PATIENCE = 100000000 };

/* Rounds per core: fewer where there are many. */
static unsigned rounds(unsigned total)
{
    return total / core_count + 1;
}

static atomic_uint wrong; /* CHECK() is for one core */

/* Where a core's own sequence begins. */
static uint64_t random_start(const struct core *core)
{
    return UINT64_C(0x9e3779b97f4a7c15) * (core->index + 1);
}

static void everywhere(void (*work)(struct core *))
{
    atomic_store(&wrong, 0);
    smp_run_everywhere(work);
    CHECK_EQUAL(atomic_load(&wrong), 0);
}

static struct spinlock lock;
static volatile unsigned counter, handovers, last;
static atomic_uint counted;

/* Until the lock has gone from core to core often enough, however the cores share a host's. */
static void count_under_the_lock(struct core *core)
{
    enum { ENOUGH = 500, TOO_MANY = 3000000 };
    unsigned i = 0;
    for (; (i < 1000 || handovers < ENOUGH) && i < TOO_MANY; i++) {
        spinlock_acquire(&lock);
        counter = counter + 1;
        handovers = handovers + (last != core->index);
        last = core->index;
        spinlock_release(&lock);
    }
    atomic_fetch_add(&counted, i);
}

static void a_lock_lets_one_in(void)
{
    counter = handovers = last = 0;
    atomic_store(&counted, 0);
    if (core_count > 1)
        everywhere(count_under_the_lock);
    CHECK_EQUAL(counter, atomic_load(&counted));
}

struct block {
    uint64_t address; /* 0: none */
    unsigned order;
};

/* Each block's first word says who has it. */
static void take_block(const struct core *core, struct block *block, unsigned order)
{
    block->order = order;
    block->address = frames_alloc(order);
    if (!block->address)
        return;
    uint64_t *mark = phys_to_virt(block->address);
    wrong += *mark != 0;
    *mark = block->address + core->index;
}

static void give_block_back(const struct core *core, struct block *block)
{
    const uint64_t *mark = phys_to_virt(block->address);
    wrong += *mark != block->address + core->index;
    frames_free(block->address, block->order);
    block->address = 0;
}

static void use_frames(struct core *core)
{
    uint64_t state = random_start(core);
    struct block blocks[HELD] = {{0}};
    for (unsigned i = rounds(20000); i; i--) {
        struct block *block = &blocks[test_random_from(&state) % HELD];
        if (block->address)
            give_block_back(core, block);
        else
            take_block(core, block, (unsigned)(test_random_from(&state) % 3));
    }
    for (struct block *block = blocks; block < blocks + HELD; block++) {
        if (block->address)
            give_block_back(core, block);
    }
}

static void a_frame_is_given_once(void)
{
    uint64_t before = frames_free_count();
    everywhere(use_frames);
    CHECK_EQUAL(frames_free_count(), before);
}

static struct object_cache objects = {.size = 48};

static void use_objects(struct core *core)
{
    for (unsigned i = rounds(100000); i; i--) {
        uint64_t *object = object_alloc(&objects);
        wrong += object[1] != 0;
        object[1] = core->index + 1;
        cpu_pause();
        wrong += object[1] != core->index + 1;
        object_free(&objects, object);
    }
}

static void an_object_is_given_once(void)
{
    everywhere(use_objects);
    CHECK(objects.frames <= 1 + core_count * objects.size / PAGE_SIZE + 1);
}

enum { THREADS = 32 };
static struct thread threads[THREADS];
static atomic_uint owners[THREADS];

/* From whatever queue has one, into a random core's. */
static void pass_threads_on(struct core *core)
{
    uint64_t state = random_start(core);
    for (unsigned i = rounds(50000); i; i--) {
        struct thread *thread = scheduler_take(core);
        if (!thread)
            continue;
        wrong += atomic_fetch_add(&owners[thread - threads], 1) != 0;
        thread->core = &cores[test_random_from(&state) % core_count];
        atomic_fetch_sub(&owners[thread - threads], 1);
        scheduler_add(thread);
    }
}

static void a_thread_is_taken_once(void)
{
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.core = &cores[i % core_count], .weight = 1};
        scheduler_add(&threads[i]);
    }
    everywhere(pass_threads_on);
    unsigned left = 0;
    while (scheduler_take(this_core()))
        left++;
    CHECK_EQUAL(left, THREADS);
}

/* To the next core, and from the one before. Delivered when programs run: see topology_test.c. */
static void send_around(struct core *core)
{
    lapic_send_vector(cores[(core->index + 1) % core_count].apic_id, STRAY);
    unsigned polls = 0;
    while (!lapic_requested(STRAY) && polls < PATIENCE) {
        polls++;
        cpu_pause();
    }
    wrong += polls == PATIENCE;
}

static void interrupts_reach_every_core(void)
{
    everywhere(send_around);
}

/* Until the cores have interrupted each other often enough. Whoever reads the console looks whether
 * each line is whole. */
static void talk(struct core *core)
{
    enum { ENOUGH = 8 };
    unsigned most = core_count > 1 ? rounds(400) : 0;
    for (unsigned i = 0; i < 4 || (handovers < ENOUGH && i < most); i++) {
        handovers = handovers + (last != core->index);
        last = core->index;
        printk("  # core=%u line=%u the quick brown fox jumps over the lazy dog\n", core->index, i);
    }
}

static void lines_stay_whole(void)
{
    handovers = last = 0;
    everywhere(talk);
}

TEST_SUITE(smp, {"a_lock_lets_one_in", a_lock_lets_one_in},
           {"a_frame_is_given_once", a_frame_is_given_once},
           {"an_object_is_given_once", an_object_is_given_once},
           {"a_thread_is_taken_once", a_thread_is_taken_once},
           {"interrupts_reach_every_core", interrupts_reach_every_core},
           {"lines_stay_whole", lines_stay_whole});

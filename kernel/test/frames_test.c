/* frames_test.c - the frame allocator. */
#include "abi/core.h"
#include "abi/layout.h"
#include "memory/frames.h"
#include "memory/object_cache.h"
#include "test/ktap.h"

enum { HELD = 128, ROUNDS = 4000 };

static struct held {
    uint64_t address;
    unsigned order;
    uint64_t mark;
} held[HELD];

/* The first and last word of a block say whose it is. */
static void mark(struct held *block)
{
    uint64_t *first = phys_to_virt(block->address);
    uint64_t words = ((uint64_t)PAGE_SIZE << block->order) / sizeof(uint64_t);
    CHECK(first[0] == 0 && first[words - 1] == 0);
    first[0] = first[words - 1] = block->mark;
}

static bool intact(const struct held *block)
{
    const uint64_t *first = phys_to_virt(block->address);
    uint64_t words = ((uint64_t)PAGE_SIZE << block->order) / sizeof(uint64_t);
    return first[0] == block->mark && first[words - 1] == block->mark;
}

static void release(struct held *block)
{
    CHECK(intact(block));
    frames_free(block->address, block->order);
    block->address = 0;
}

/* Random allocations and frees: aligned, zeroed, apart from each other; and nothing is lost. */
static void random_use(void)
{
    uint64_t before = frames_free_count();
    uint64_t expected = before;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct held *block = &held[test_random() % HELD];
        if (block->address) {
            expected += UINT64_C(1) << block->order;
            release(block);
        } else {
            block->order = (unsigned)(test_random() % 4);
            block->address = frames_alloc(block->order);
            block->mark = test_random();
            CHECK(block->address % ((uint64_t)PAGE_SIZE << block->order) == 0);
            if (block->address) {
                expected -= UINT64_C(1) << block->order;
                mark(block);
            }
        }
        CHECK_EQUAL(frames_free_count(), expected);
    }
    for (unsigned i = 0; i < HELD; i++) {
        if (held[i].address)
            release(&held[i]);
    }
    CHECK_EQUAL(frames_free_count(), before);
}

/* A block that was split and freed in pieces can be had whole again. */
static void pieces_join(void)
{
    uint64_t block = frames_alloc(4);
    CHECK(block != 0);
    frames_free(block, 4);
    uint64_t pages[16];
    for (unsigned i = 0; i < 16; i++)
        pages[i] = frames_alloc(0);
    for (unsigned i = 0; i < 16; i++)
        frames_free(pages[(i * 7) % 16], 0);
    uint64_t again = frames_alloc(4);
    CHECK(again != 0);
    frames_free(again, 4);
}

/* Spare frames are free frames that are zero already, each its own. */
static void spares(void)
{
    uint64_t before = frames_free_count(), pages[20];
    for (unsigned i = 0; i < 8; i++)
        frames_make_spares(this_core());
    CHECK_EQUAL(frames_free_count(), before);
    for (unsigned i = 0; i < 20; i++) { /* more than there are spare ones */
        pages[i] = frames_alloc_page();
        uint64_t *words = phys_to_virt(pages[i]);
        for (unsigned word = 0; word < PAGE_SIZE / sizeof(uint64_t); word++)
            CHECK_EQUAL(words[word], 0);
        words[0] = words[511] = UINT64_MAX;
    }
    CHECK_EQUAL(frames_free_count(), before - 20);
    for (unsigned i = 0; i < 20; i++)
        frames_free(pages[i], 0);
    CHECK_EQUAL(frames_free_count(), before);
}

static void too_large(void)
{
    CHECK(frames_alloc(FRAME_ORDERS) == 0);
}

static void objects(void)
{
    static struct object_cache cache = {.size = 48};
    uint64_t *seen[200];
    for (unsigned i = 0; i < 200; i++) {
        seen[i] = object_alloc(&cache);
        CHECK(seen[i] && seen[i][0] == 0 && seen[i][5] == 0);
        seen[i][0] = seen[i][5] = i;
    }
    for (unsigned i = 0; i < 200; i++) {
        CHECK(seen[i][0] == i && seen[i][5] == i);
        object_free(&cache, seen[i]);
    }
    CHECK(object_alloc(&cache) == seen[199]);
}

TEST_SUITE(frames, {"random_use", random_use}, {"pieces_join", pieces_join},
           {"spares", spares},
           {"too_large", too_large}, {"objects", objects});

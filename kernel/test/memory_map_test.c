/* memory_map_test.c - what firmware may say about memory, and what the kernel makes of it. */
#include "boot/boot_info.h"
#include "boot/memory_map.h"
#include "test/ktap.h"

static struct memory_map map;

#define LIMIT (UINT64_C(1) << 40)
#define NORMALISE(...)                                                                            \
    do {                                                                                          \
        const struct memory_range given[] = {__VA_ARGS__};                                        \
        memory_map_normalise(&map, given, sizeof(given) / sizeof(given[0]), LIMIT);               \
    } while (0)

static bool is(uint32_t i, uint64_t start, uint64_t end)
{
    return i < map.count && map.ranges[i].start == start && map.ranges[i].end == end;
}

static void sorts_and_joins(void)
{
    NORMALISE({0x5000, 0x1000, MEMORY_USABLE}, {0x1000, 0x2000, MEMORY_USABLE},
              {0x3000, 0x2000, MEMORY_USABLE});
    CHECK(map.count == 1 && is(0, 0x1000, 0x6000));
}

static void reserved_wins(void)
{
    NORMALISE({0, 0x10000, MEMORY_USABLE}, {0x4000, 0x1800, MEMORY_RESERVED},
              {0x4000, 0x1000, MEMORY_USABLE});
    CHECK(map.count == 2 && is(0, 0, 0x4000) && is(1, 0x6000, 0x10000));
}

static void whole_pages_only(void)
{
    NORMALISE({0x1001, 0x1fff, MEMORY_USABLE}, {0x8001, 0xffe, MEMORY_USABLE});
    CHECK(map.count == 1 && is(0, 0x2000, 0x3000));
}

static void cut_at_the_limit(void)
{
    NORMALISE({LIMIT - 0x1000, 0x5000, MEMORY_USABLE}, {LIMIT + 0x10000, 0x1000, MEMORY_USABLE});
    CHECK(map.count == 1 && is(0, LIMIT - 0x1000, LIMIT));
}

/* Random maps over sixteen pages, against a page-by-page model. */
static void random_maps(void)
{
    for (unsigned round = 0; round < 300; round++) {
        struct memory_range given[6];
        bool usable[16] = {false}, taken[16] = {false};
        for (unsigned i = 0; i < 6; i++) {
            uint64_t first = test_random() % 16, count = test_random() % (17 - first);
            bool use = test_random() % 3 != 0;
            given[i] = (struct memory_range){first << 12, count << 12,
                                             use ? MEMORY_USABLE : MEMORY_ACPI};
            for (uint64_t page = first; page < first + count; page++)
                *(use ? &usable[page] : &taken[page]) = true;
        }
        memory_map_normalise(&map, given, 6, 16 << 12);
        for (uint64_t page = 0; page < 16; page++) {
            bool found = false;
            for (uint32_t i = 0; i < map.count; i++)
                found |= map.ranges[i].start <= page << 12 && page << 12 < map.ranges[i].end;
            CHECK(found == (usable[page] && !taken[page]));
        }
        for (uint32_t i = 1; i < map.count; i++)
            CHECK(map.ranges[i - 1].end < map.ranges[i].start);
    }
}

TEST_SUITE(memory_map, {"sorts_and_joins", sorts_and_joins}, {"reserved_wins", reserved_wins},
           {"whole_pages_only", whole_pages_only}, {"cut_at_the_limit", cut_at_the_limit},
           {"random_maps", random_maps});

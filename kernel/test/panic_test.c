/* panic_test.c - what a panic says, asked without one: names of code, the flag that denied. */
#include "abi/processor.h"
#include "interrupt/backtrace.h"
#include "interrupt/exceptions.h"
#include "interrupt/symbols.h"
#include "lib/string.h"
#include "memory/paging.h"
#include "test/ktap.h"

extern const char _oro_symbols_start[], _oro_symbols_end[];
extern const char _oro_user_copy[], _oro_text_start[];

static void code_has_names(void)
{
    if ((uint64_t)_oro_symbols_start == (uint64_t)_oro_symbols_end)
        return; /* another linker's kernel */
    struct symbol found;
    CHECK(symbol_find((uint64_t)symbol_find, &found) && string_equal(found.name, "symbol_find"));
    CHECK(found.offset == 0 && found.size > 1);
    CHECK(symbol_find((uint64_t)symbol_find + found.size - 1, &found) &&
          string_equal(found.name, "symbol_find"));
    CHECK(symbol_find((uint64_t)_oro_user_copy, &found) &&
          string_equal(found.name, "_oro_user_copy"));
    CHECK(!symbol_find(0, &found) && !symbol_find(UINT64_MAX, &found));
    CHECK(!symbol_find((uint64_t)_oro_text_start - 1, &found));
    char place[PLACE_TEXT];
    place_describe((uint64_t)symbol_find, false, place);
    CHECK(memcmp(place, "symbol_find+0x0/0x", 18) == 0);
}

/* A walk to the last level, all of whose entries are `all`, but for one. */
static struct paging_walk walk_with(uint64_t all, unsigned level, uint64_t entry)
{
    struct paging_walk walk = {.levels = paging_levels};
    for (unsigned i = 0; i < walk.levels; i++)
        walk.entries[i] = all;
    if (level)
        walk.entries[paging_levels - level] = entry;
    return walk;
}

static void check_denial(struct paging_walk walk, uint64_t error_code, const char *flag,
                         unsigned level)
{
    struct denial denial = exception_denial(&walk, error_code);
    CHECK(string_equal(denial.flag, flag));
    CHECK_EQUAL(denial.level, level);
}

/* Intel SDM Vol. 3A 4.6 and 4.7. */
static void the_flag_that_denies_is_found(void)
{
    enum { P = PAGE_PRESENT, W = PAGE_WRITE, U = PAGE_USER };
    enum { EP = 1, EW = 2, EU = 4, ER = 8, EF = 16, EK = 32, ES = 64 };
    struct paging_walk absent = walk_with(P | W | U, 0, 0);
    absent.levels = 2;
    absent.entries[1] = 0;
    check_denial(absent, 0, "present", paging_levels - 1);
    check_denial(walk_with(P | W | U, 2, P | U), EP | EW | EU, "write", 2);
    check_denial(walk_with(P | W | U, 1, P | W), EP | EU, "user", 1);
    check_denial(walk_with(P | W | U, 1, P | W | U | PAGE_NX), EP | EU | EF, "nx", 1);
    check_denial(walk_with(P | W, 3, P), EP | EW, "write", 3);
    check_denial(walk_with(P | W, 1, P | PAGE_NX), EP | EF, "nx", 1);
    check_denial(walk_with(P | W | U, 0, 0), EP, "smap", 1);
    check_denial(walk_with(P | W | U, 0, 0), EP | EW, "smap", 1);
    check_denial(walk_with(P | W | U, 0, 0), EP | EF, "smep", 1);
    check_denial(walk_with(P | W | U, 0, 0), EP | ER, "reserved", 1);
    check_denial(walk_with(P | W | U, 0, 0), EP | EU | EK, "protection-key", 1);
    check_denial(walk_with(P | W | U, 0, 0), EP | EU | ES, "shadow-stack", 1);
    check_denial(walk_with(P | W | U, 0, 0), EP | EU | EW, "none", 0);
    check_denial(walk_with(P | W, 0, 0), EP | EW, "none", 0);
}

TEST_SUITE(panic, {"code_has_names", code_has_names},
           {"the_flag_that_denies_is_found", the_flag_that_denies_is_found});

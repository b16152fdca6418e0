#include "test/ktap.h"

#include "boot/boot_info.h"
#include "console/printk.h"

extern const struct test_suite text_suite, memory_map_suite, frames_suite, paging_suite,
    elf_loader_suite, entries_suite, exceptions_suite, firmware_suite, topology_suite,
    scheduler_suite, smp_suite, input_suite, typing_suite, panic_suite, failures_suite;

static const struct test_suite *const suites[] = {
    &text_suite,       &memory_map_suite, &frames_suite,     &paging_suite,
    &elf_loader_suite, &entries_suite,    &exceptions_suite, &firmware_suite,
    &topology_suite,   &scheduler_suite,  &smp_suite, &input_suite,
    &typing_suite,     &panic_suite,      &failures_suite,
};

enum { SUITES = sizeof(suites) / sizeof(suites[0]) };

enum { FAILURES_SHOWN = 4 };

static unsigned failures; /* of the running case */

void test_fail(const char *file, int line, const char *what)
{
    if (failures++ < FAILURES_SHOWN)
        printk("  # %s:%d: %s\n", file, line, what);
}

void test_fail_equal(const char *file, int line, const char *what, uint64_t got, uint64_t wanted)
{
    if (failures++ < FAILURES_SHOWN)
        printk("  # %s:%d: %s is 0x%lx, not 0x%lx\n", file, line, what, got, wanted);
}

uint64_t test_random(void)
{
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    return test_random_from(&state);
}

static bool run_suite(const struct test_suite *suite)
{
    bool all_passed = true;
    printk("  KTAP version 1\n  # Subtest: %s\n  1..%lu\n", suite->name, suite->count);
    for (size_t i = 0; i < suite->count; i++) {
        failures = 0;
        suite->cases[i].run();
        if (failures > FAILURES_SHOWN)
            printk("  # %u more\n", failures - FAILURES_SHOWN);
        printk("  %s %lu %s\n", failures ? "not ok" : "ok", i + 1, suite->cases[i].name);
        all_passed &= failures == 0;
    }
    return all_passed;
}

static bool is_selected(const struct test_suite *suite)
{
    return boot_option_selects("test=", suite->name);
}

bool ktap_run(void)
{
    size_t selected = 0, number = 0;
    for (size_t i = 0; i < SUITES; i++)
        selected += is_selected(suites[i]);
    printk("KTAP version 1\n1..%lu%s\n", selected, selected ? "" : " # SKIP no suite is called so");
    bool all_passed = selected > 0;
    for (size_t i = 0; i < SUITES; i++) {
        if (!is_selected(suites[i]))
            continue;
        bool passed = run_suite(suites[i]);
        printk("%s %lu %s\n", passed ? "ok" : "not ok", ++number, suites[i]->name);
        all_passed &= passed;
    }
    return all_passed;
}

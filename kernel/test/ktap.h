/*
 * ktap.h - the kernel's own tests, reported as KTAP version 1 on the console: suites of cases,
 * "ok" or "not ok" for each.
 *
 * They run with `test` on the command line, on the first core, after the other cores have started
 * and before any program has. With `test=GLOB` beside it, once or more often, only these suites do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs every suite that is asked for; false if a check failed, or there is none. */
bool ktap_run(void);

struct test_case {
    const char *name;
    void (*run)(void);
};

struct test_suite {
    const char *name;
    const struct test_case *cases;
    size_t count;
};

#define TEST_SUITE(suite_name, ...)                                                               \
    static const struct test_case suite_name##_cases[] = {__VA_ARGS__};                           \
    const struct test_suite suite_name##_suite = {                                                \
        #suite_name, suite_name##_cases, sizeof(suite_name##_cases) / sizeof(struct test_case)}

/* Fails the running case, and goes on. */
void test_fail(const char *file, int line, const char *what);

#define CHECK(condition) ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, #condition))

/* Says more about a failure: the two numbers that should have been equal. */
void test_fail_equal(const char *file, int line, const char *what, uint64_t got, uint64_t wanted);

#define CHECK_EQUAL(got, wanted) check_equal(__FILE__, __LINE__, #got, (got), (wanted))

static inline void check_equal(const char *file, int line, const char *what, uint64_t got,
                               uint64_t wanted)
{
    if (got != wanted)
        test_fail_equal(file, line, what, got, wanted);
}

/* A reproducible sequence (xorshift64, Marsaglia 2003); its state is anything but 0. */
static inline uint64_t test_random_from(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The one that all cases share: for one core. */
uint64_t test_random(void);

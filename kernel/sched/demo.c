#include "sched/demo.h"

#include <stdbool.h>
#include <stdint.h>

#include "abi/core.h"
#include "boot/boot_info.h"
#include "console/exit.h"
#include "console/printk.h"
#include "memory/frames.h"
#include "sched/process.h"
#include "smp/smp.h"

enum {
    ENOUGH_TICKS = 20,                /* per core, for a verdict */
    ENOUGH_THREADS = 2,               /* per core */
    PATIENCE_TICKS = 20 * TICK_HZ,    /* of the first core, before it gives up */
};

/* Programs that end by themselves, and programs that the kernel must end. */
static const char *const good[] = {"hello", "yielder", "scrub", "registers", "flags"};
static const char *const bad[] = {"fault_write",     "fault_execute",    "fault_stack",
                                  "fault_privilege", "fault_breakpoint", "fault_step",
                                  "fault_vector"};
enum { GOOD = sizeof(good) / sizeof(good[0]), BAD = sizeof(bad) / sizeof(bad[0]) };

static bool forever, tests;
static uint64_t frames_at_start; /* free, or kept for processes, when only the hogs existed */

static uint64_t frames_accounted(void)
{
    return frames_free_count() + process_counts().kept_frames;
}

void demo_start(bool tests_passed)
{
    tests = tests_passed;
    forever = boot_option("run=forever");
    if (boot_option("measure")) {
        forever = true;
        process_spawn("measure", &cores[0]);
        process_spawn("measure", &cores[0]);
        return;
    }
    for (uint32_t i = 0; i < core_count; i++) {
        /* Two that never give the core up: only the timer can make them take turns. */
        process_spawn("hog", &cores[i]);
        process_spawn("hog", &cores[i]);
    }
    frames_at_start = frames_accounted();
    for (uint32_t i = 0; i < GOOD; i++)
        process_spawn(good[i], &cores[i % core_count]);
    for (uint32_t i = 0; i < BAD; i++)
        process_spawn(bad[i], &cores[(GOOD + i) % core_count]);
}

/* What waiting will not mend, or null. */
static const char *failure(struct process_counts counts)
{
    if (!tests)
        return "tests";
    if (counts.spawned != 2 * core_count + GOOD + BAD)
        return "programs-not-started";
    return counts.failed ? "program-failed" : 0;
}

/* What is still missing, or null. */
static const char *missing(struct process_counts counts)
{
    for (uint32_t i = 0; i < core_count; i++) {
        if (cores[i].ticks < ENOUGH_TICKS)
            return "timer-ticks";
        if (cores[i].threads < ENOUGH_THREADS)
            return "threads";
    }
    if (counts.exited != GOOD)
        return "programs-not-finished";
    if (counts.killed != BAD)
        return "faults-not-caught";
    if (counts.freed != GOOD + BAD)
        return "programs-not-freed";
    return frames_accounted() != frames_at_start ? "frames-lost" : 0;
}

static void report_cores(void)
{
    for (uint32_t i = 0; i < core_count; i++)
        printk("oro: core=%u apic=%u ticks=%lu threads=%lu\n", i, cores[i].apic_id, cores[i].ticks,
               cores[i].threads);
    printk("oro: memory frames=%lu free=%lu lost=%ld\n", frames_total_count(), frames_free_count(),
           (int64_t)(frames_at_start - frames_accounted()));
}

void demo_tick(struct core *core)
{
    if (core->index != 0 || forever)
        return;
    struct process_counts counts = process_counts();
    const char *failed = failure(counts);
    const char *reason = failed ? failed : missing(counts);
    if (!failed && reason && core->ticks < PATIENCE_TICKS)
        return;
    report_cores();
    if (reason) {
        printk("oro: verdict=fail reason=%s\n", reason);
        machine_exit(EXIT_FAIL);
    }
    printk("oro: verdict=pass\n");
    machine_exit(EXIT_PASS);
}

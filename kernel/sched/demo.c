#include "sched/demo.h"

#include <stdbool.h>
#include <stdint.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "boot/boot_info.h"
#include "console/exit.h"
#include "console/printk.h"
#include "lib/string.h"
#include "memory/frames.h"
#include "sched/process.h"
#include "sched/process_table.h"
#include "sched/terminal.h"
#include "smp/smp.h"

enum {
    MEASURING = 2,                    /* programs, if that is all it is about */
    ENOUGH_TICKS = 20,                /* per core, for a verdict */
    ENOUGH_THREADS = 2,               /* per core */
    PATIENCE = 30,   /* seconds of the first core's ticks without progress, before it gives up */
    IMPATIENCE = 3,  /* the same with `impatient` on the command line */
};

/* Programs that end by themselves, and programs that the kernel must end. */
static const char *const good[] = {"hello",     "yielder", "scrub",   "registers",
                                   "flags",     "vectors", "vectors", "vectors",
                                   "vectors",   "vectors", "vectors", "vectors",
                                   "family",    "ping",    "sieve",   "threads",
                                   "promises",  "primes",  "ways",    "fuzz"};
static const char *const bad[] = {"fault_write",     "fault_execute",    "fault_stack",
                                  "fault_privilege", "fault_breakpoint", "fault_step",
                                  "fault_undefined"};
enum { GOOD = sizeof(good) / sizeof(good[0]), BAD = sizeof(bad) / sizeof(bad[0]) };

static bool forever, measuring, tests, shell;
static uint64_t patience; /* ticks */
static uint32_t modules; /* programs among the loader's modules */
static uint64_t soak_until, soak_rounds; /* tick of the first core, and rounds, for a verdict */
static uint32_t rounds;
static uint64_t progress;         /* what was done by then, in any unit that only grows */
static uint64_t progressed;       /* tick at which there was more than before */
static uint64_t frames_at_start; /* free, or kept for processes, when only the hogs existed */

static uint64_t frames_accounted(void)
{
    return frames_free_count() + process_counts().kept_frames;
}

static void spawn(const char *name, uint32_t core, bool pinned)
{
    process_spawn(process_find_image(name), &cores[core % core_count], 0, pinned,
                  boot_number("seed=", 1) + rounds);
}

/* The loader's modules that are ELF files are programs too: each must end with status 0. */
static void spawn_modules(void)
{
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        const struct boot_module *module = &boot_info.modules[i];
        const char *start = phys_to_virt(module->base);
        struct user_image image = {module->name, start, start + module->size};
        printk("oro: module=\"%s\" base=0x%lx size=%lu\n", module->name, module->base,
               module->size);
        if (module->size < 4 || memcmp(start, "\177ELF", 4) != 0)
            continue;
        modules++;
        process_spawn(&image, &cores[i % core_count], 0, false, 0);
    }
}

static void start_round(uint64_t tick)
{
    rounds++;
    progressed = tick;
    for (uint32_t i = 0; i < GOOD; i++)
        spawn(good[i], i + rounds, false);
    for (uint32_t i = 0; i < BAD; i++)
        spawn(bad[i], GOOD + i + rounds, false);
}

void demo_start(bool tests_passed)
{
    tests = tests_passed;
    measuring = boot_option("measure");
    forever = boot_option("run=forever");
    patience = (uint64_t)tick_hz() * (boot_option("impatient") ? IMPATIENCE : PATIENCE);
    soak_until = tick_hz() * boot_number("soak=", 0);
    soak_rounds = boot_number("rounds=", 0);
    if (measuring) {
        for (uint32_t i = 0; i < MEASURING; i++)
            spawn("measure", 0, true);
        return;
    }
    shell = boot_option("shell");
    if (shell) {
        int64_t pid = process_spawn(process_find_image("shell"), &cores[0], 0, false, 0);
        if (pid > 0)
            terminal_give((uint32_t)pid);
        return;
    }
    for (uint32_t i = 0; i < core_count; i++) {
        /* Two that never give the core up: only the timer can make them take turns. */
        spawn("hog", i, true);
        spawn("hog", i, true);
    }
    frames_at_start = frames_accounted();
    start_round(0);
    spawn_modules();
}

/* What waiting will not mend, or null. */
static const char *failure(struct process_counts counts)
{
    if (!tests)
        return "tests";
    if (counts.spawned != 2 * core_count + modules + rounds * (GOOD + BAD))
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
    if (counts.exited != modules + rounds * GOOD)
        return "programs-not-finished";
    if (counts.killed != rounds * BAD)
        return "faults-not-caught";
    if (counts.freed != modules + rounds * (GOOD + BAD))
        return "programs-not-freed";
    if (counts.present != 2 * core_count)
        return "processes-left";
    if (counts.threads_made - counts.threads_freed != 2 * core_count)
        return "threads-left";
    /* Whoever sends at random may send to the hogs, which do not receive. */
    if (counts.messages_sent !=
        counts.messages_received + counts.messages_dropped + counts.messages_waiting)
        return "messages-lost";
    return frames_accounted() != frames_at_start ? "frames-lost" : 0;
}

/* A machine may be slow, for its own reasons or because it shares a processor with others: it has
 * time for as long as something still comes of it. */
static bool gets_on(const struct core *core, struct process_counts counts)
{
    uint64_t now = counts.exited + counts.killed + counts.freed + counts.threads_made +
                   counts.threads_freed + counts.messages_received;
    if (now != progress)
        progressed = core->ticks;
    progress = now;
    return core->ticks < progressed + patience;
}

static void report_cores(void)
{
    for (uint32_t i = 0; i < core_count; i++)
        printk("oro: core=%u apic=%u ticks=%lu threads=%lu\n", i, cores[i].apic_id, cores[i].ticks,
               cores[i].threads);
    printk("oro: memory frames=%lu free=%lu lost=%ld\n", frames_total_count(), frames_free_count(),
           (int64_t)(frames_at_start - frames_accounted()));
}

static void report_round(const struct core *core, struct process_counts counts)
{
    printk("oro: soak=%u tick=%lu frames_lost=%ld threads=%lu messages=%lu dropped=%lu\n", rounds,
           core->ticks, (int64_t)(frames_at_start - frames_accounted()), counts.threads_made,
           counts.messages_sent, counts.messages_dropped);
}

/* Why the run does not end: each thread that is left, but for the hogs. */
static void report_unfinished(void)
{
    static const char *const states[] = {"ready", "running", "blocked", "dead"};
    process_lock();
    for (uint32_t at = 0; at < MAX_PROCESSES;) {
        const struct process *process = process_table_next(&at);
        if (!process || string_equal(process->name, "hog"))
            continue;
        for (const struct thread *thread = process->threads; thread; thread = thread->sibling)
            printk("oro: unfinished=%s pid=%u parent=%u core=%u state=%s%s waits_for=%u rip=0x%lx\n",
                   process->name, process->pid, process->parent, thread->core->index,
                   thread->sleeping ? "sleeping/" : "", states[thread->state],
                   thread->waits_for ? thread->waits_for->pid : 0, thread->frame->rip);
    }
    process_unlock();
}

void demo_tick(struct core *core)
{
    if (core->index != 0 || forever)
        return;
    if (measuring) {
        if (!core->current && process_counts().exited == MEASURING)
            machine_exit(EXIT_PASS);
        return;
    }
    struct process_counts counts = process_counts();
    if (shell && counts.freed == 0)
        return;
    if (shell) {
        printk("oro: verdict=%s\n", counts.failed || counts.killed ? "fail reason=shell" : "pass");
        machine_exit(counts.failed || counts.killed ? EXIT_FAIL : EXIT_PASS);
    }
    const char *failed = failure(counts);
    const char *reason = failed ? failed : missing(counts);
    if (!failed && reason && gets_on(core, counts))
        return;
    if (!reason && (soak_until || soak_rounds)) {
        report_round(core, counts);
        if (core->ticks < soak_until || rounds < soak_rounds) {
            start_round(core->ticks);
            return;
        }
    }
    report_cores();
    if (reason) {
        report_unfinished();
        printk("oro: verdict=fail reason=%s\n", reason);
        machine_exit(EXIT_FAIL);
    }
    printk("oro: verdict=pass\n");
    machine_exit(EXIT_PASS);
}

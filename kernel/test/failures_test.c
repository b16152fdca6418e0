/* failures_test.c - memory that runs out at each place where a program's start asks for it: the
 * start fails, and nothing is lost. */
#include <stddef.h>

#include "abi/core.h"
#include "abi/syscall.h"
#include "memory/frames.h"
#include "sched/process.h"
#include "sched/process_table.h"
#include "sched/scheduler.h"
#include "test/ktap.h"

static uint64_t accounted(void)
{
    return frames_free_count() + process_counts().kept_frames;
}

/* Takes a program that was started on this core, and has not run, back out of its queue. */
static void undo(void)
{
    struct thread *thread = scheduler_take(this_core());
    CHECK(thread != NULL);
    if (!thread)
        return;
    process_end_killed(thread);
    process_release(thread);
}

static void each_allocation_of_a_start_may_fail(void)
{
    enum { MORE_THAN_A_START_NEEDS = 200 };
    const struct user_image *image = process_find_image("hello");
    uint64_t before = accounted();
    unsigned failures = 0;
    int64_t pid = -1;
    for (uint64_t point = 0; point < MORE_THAN_A_START_NEEDS && pid < 0; point++) {
        frames_fail_after(point);
        /* Of a parent that is gone: the run's verdict does not count it. */
        pid = process_spawn(image, this_core(), PARENT_GONE, true, 0);
        if (pid < 0) {
            failures++;
            CHECK_EQUAL((uint64_t)pid, (uint64_t)ERROR_NO_MEMORY);
            CHECK_EQUAL(accounted(), before);
        }
    }
    CHECK(pid > 0);
    CHECK(failures > 8); /* tables, segments, stack, the thread's page: each is a place */
    frames_fail_after(UINT64_MAX); /* none does */
    undo();
    CHECK_EQUAL(accounted(), before);
}

TEST_SUITE(failures, {"each_allocation_of_a_start_may_fail", each_allocation_of_a_start_may_fail});

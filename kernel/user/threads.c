/* threads.c - threads of one process on several cores: memory that one of them maps anew is what
 * the others see, at once. A core that went on using a translation it remembers would read the page
 * that was there before. */
#include <stdatomic.h>

#include "user/user.h"

enum {
    READERS = 1, /* more of them are seldom all running at once, and it takes that */
    TICKS = 120,   /* how long */
    PATIENCE = 1000000, /* looks before a thread gives its core away: while it looks, nothing makes the
                      * core forget its translations but the kernel's asking for it */
    STACK = 4096,
    PAGE = 4096,
    ELSEWHERE = MAP_START + 64 * PAGE,
    WRONG = 100, /* exit status of a reader that saw what was before */
};

static uint8_t stacks[READERS][STACK] __attribute__((aligned(16)));
static atomic_uint round_number; /* what the page holds now; 0 before the first */
static atomic_bool over;
static atomic_uint seen[READERS];

static volatile uint64_t *const page = (volatile uint64_t *)MAP_START;

_Noreturn static void exit_with(uint64_t status)
{
    user_syscall(SYSCALL_EXIT, status, 0);
    __builtin_unreachable();
}

/* Waits until the number is no longer `old`; returns what it is. */
static unsigned wait_change(atomic_uint *number, unsigned old)
{
    for (unsigned looks = 1; atomic_load(number) == old && !atomic_load(&over); looks++) {
        if (looks % PATIENCE == 0)
            user_syscall(SYSCALL_YIELD, 0, 0);
    }
    return atomic_load(number);
}

/* Each thread has a core of its own, as far as there are enough, and most of its time: only while
 * they look at the same time does one of them remember what the other changes. */
static void settle(uint64_t index)
{
    struct core_info info;
    user_syscall(SYSCALL_CORE_INFO, 0, (uint64_t)&info);
    user_syscall(SYSCALL_AFFINITY, index % info.count, 0);
    user_syscall(SYSCALL_WEIGHT, WEIGHT_MAX, 0);
}

/* rsp is 16-byte aligned here, not as after a call: the thread was started, not called. */
__attribute__((force_align_arg_pointer, noreturn)) static void reader(uint64_t self)
{
    unsigned round = 0;
    settle(1 + self);
    for (;;) {
        round = wait_change(&round_number, round);
        if (atomic_load(&over))
            break;
        if (*page != round)
            exit_with(WRONG);
        atomic_store(&seen[self], round);
    }
    user_syscall(SYSCALL_THREAD_EXIT, 0, 0);
    exit_with(WRONG + 1);
}

static int map(uint64_t address, uint64_t pages)
{
    return (int)user_syscall(SYSCALL_MAP, address, pages);
}

static int unmap(uint64_t address, uint64_t pages)
{
    return (int)user_syscall(SYSCALL_UNMAP, address, pages);
}

/* What no call may do. */
static bool refusals(void)
{
    return map(MAP_START + 1, 1) == ERROR_BAD_NUMBER && map(MAP_START, 0) == ERROR_BAD_NUMBER &&
           map(MAP_START - PAGE, 1) == ERROR_BAD_NUMBER && map(MAP_END, 1) == ERROR_BAD_NUMBER &&
           map(MAP_END - PAGE, 2) == ERROR_BAD_NUMBER &&
           map(MAP_START, MAP_PAGES_MAX + 1) == ERROR_BAD_NUMBER &&
           map(UINT64_MAX & ~(uint64_t)(PAGE - 1), 2) == ERROR_BAD_NUMBER &&
           unmap(MAP_START, 1) == ERROR_BAD_NUMBER &&
           user_syscall3(SYSCALL_THREAD, UINT64_MAX, 0, 0) == ERROR_BAD_ADDRESS;
}

int main(void)
{
    if (!refusals())
        return 1;
    for (uint64_t i = 0; i < READERS; i++) {
        if (user_syscall3(SYSCALL_THREAD, (uint64_t)reader, (uint64_t)(stacks[i] + STACK), i) != 0)
            return 2;
    }
    settle(0);
    int64_t end = user_syscall(SYSCALL_TICKS, 0, 0) + TICKS;
    for (unsigned round = 1; user_syscall(SYSCALL_TICKS, 0, 0) < end; round++) {
        /* The frame that was given back goes elsewhere, so that the page gets another one. */
        if (map(ELSEWHERE, MAP_PAGES_MAX) != 0)
            return 6;
        /* More of them or fewer, else the allocator would hand out the same frames in the same
         * order, and the page would have the frame that it had before. */
        for (unsigned i = 0; i < 1 + round % MAP_PAGES_MAX; i++)
            ((volatile uint8_t *)ELSEWHERE)[i * PAGE] = 1;
        if (map(MAP_START, 1) != 0 || map(MAP_START, 1) != ERROR_BAD_NUMBER)
            return 3;
        if (*page != 0)
            return 4;
        *page = round;
        atomic_store(&round_number, round);
        for (unsigned i = 0; i < READERS; i++)
            wait_change(&seen[i], round - 1);
        if (unmap(ELSEWHERE, MAP_PAGES_MAX) != 0)
            return 7;
        if (unmap(MAP_START, 2) != ERROR_BAD_NUMBER || unmap(MAP_START, 1) != 0)
            return 5;
    }
    atomic_store(&over, true);
    return 0;
}

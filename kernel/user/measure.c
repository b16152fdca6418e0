/* measure.c - what the ways into the kernel cost, in time stamp counts. Under QEMU's `-icount
 * shift=0` a count is an instruction. `measure` on the command line runs two of them, and nothing
 * else, on the first core: they yield to each other. benchmarks/kernel.py reads the lines. */
#include "user/user.h"

enum { ROUNDS = 1000 };

static uint64_t time_stamp(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* A count for every round of a statement, without the loop's own. */
#define COUNTS_OF(statement)                                                                      \
    ({                                                                                            \
        uint64_t start = time_stamp();                                                            \
        for (unsigned round = 0; round < ROUNDS; round++)                                         \
            __asm__ volatile("" : : : "memory");                                                  \
        uint64_t middle = time_stamp();                                                           \
        for (unsigned round = 0; round < ROUNDS; round++) {                                       \
            __asm__ volatile("" : : : "memory");                                                  \
            statement;                                                                            \
        }                                                                                         \
        (time_stamp() - middle - (middle - start)) / ROUNDS;                                      \
    })

int main(void)
{
    static struct message message;
    say("measured first_instruction=%lu", time_stamp());
    say("measured null_call=%lu", COUNTS_OF(user_syscall(SYSCALL_GETPID, 0, 0)));
    say("measured call_through_the_funnel=%lu", COUNTS_OF(user_syscall(SYSCALL_WEIGHT, 1, 0)));
    /* To the other process and back: two switches. */
    say("measured yield_and_back=%lu", COUNTS_OF(user_syscall(SYSCALL_YIELD, 0, 0)));
    int64_t pong = spawn("pong");
    /* To the other process and back: two messages, two wake-ups, two switches. */
    say("measured message_and_back=%lu", COUNTS_OF((send(pong, "x", 1), receive(&message))));
    send(pong, "", 0);
    wait_for(pong);
    return 0;
}

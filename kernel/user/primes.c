/* primes.c - a sieve of Eratosthenes on each core: as many threads, each settled on its own core
 * and there to the end, with a part of the numbers. The sum of what they find is known. */
#include <stdatomic.h>

#include "user/user.h"

enum {
    LIMIT = 50000,
    PRIMES_BELOW = 5133,
    ROOT = 224, /* the primes up to here sieve the rest */
    STACK = 4096,
    CROSSED_PER_YIELD = 1000,
};

static uint8_t stacks[THREADS_MAX][STACK] __attribute__((aligned(16)));
static uint8_t composite[LIMIT];
static atomic_uint found, finished, astray;
static unsigned parts;

static bool is_small_prime(unsigned number)
{
    for (unsigned divisor = 2; divisor * divisor <= number; divisor++) {
        if (number % divisor == 0)
            return false;
    }
    return number >= 2;
}

static void sieve_part(uint64_t part)
{
    unsigned first = (unsigned)(part * LIMIT / parts), end = (unsigned)((part + 1) * LIMIT / parts);
    unsigned crossed = 0, primes = 0;
    for (unsigned prime = 2; prime <= ROOT; prime++) {
        if (!is_small_prime(prime))
            continue;
        unsigned start = (first + prime - 1) / prime * prime;
        if (start < 2 * prime)
            start = 2 * prime;
        for (unsigned multiple = start; multiple < end; multiple += prime) {
            composite[multiple] = 1;
            if (++crossed % CROSSED_PER_YIELD == 0) {
                user_syscall(SYSCALL_YIELD, 0, 0);
                if (user_syscall(SYSCALL_CORE, 0, 0) != (int64_t)part)
                    atomic_fetch_add(&astray, 1);
            }
        }
    }
    for (unsigned number = first; number < end; number++)
        primes += number >= 2 && !composite[number];
    atomic_fetch_add(&found, primes);
}

/* rsp is 16-byte aligned here, not as after a call: the thread was started, not called. */
__attribute__((force_align_arg_pointer, noreturn)) static void worker(uint64_t part)
{
    if (user_syscall(SYSCALL_AFFINITY, part, 0) != 0)
        atomic_fetch_add(&astray, 1);
    sieve_part(part);
    atomic_fetch_add(&finished, 1);
    user_syscall(SYSCALL_THREAD_EXIT, 0, 0);
    __builtin_unreachable();
}

int main(void)
{
    struct core_info info;
    if (user_syscall(SYSCALL_AFFINITY, UINT64_MAX, 0) != ERROR_BAD_NUMBER)
        return 1;
    if (user_syscall(SYSCALL_CORE_INFO, 0, (uint64_t)&info) != 0)
        return 2;
    parts = info.count < THREADS_MAX ? info.count : THREADS_MAX - 1;
    for (uint64_t part = 0; part < parts; part++) {
        if (user_syscall3(SYSCALL_THREAD, (uint64_t)worker, (uint64_t)(stacks[part] + STACK), part) != 0)
            return 3;
    }
    while (atomic_load(&finished) != parts)
        user_syscall(SYSCALL_SLEEP, 1, 0);
    if (atomic_load(&astray))
        return 4;
    return atomic_load(&found) == PRIMES_BELOW ? 0 : 5;
}

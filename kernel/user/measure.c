/* measure.c - takes each way into the kernel that is counted, one function for each. `measure` on the
 * command line runs two of them, and nothing else, on the first core: they yield to each other.
 * benchmarks/kernel.py counts what a log of QEMU's says was executed between two instructions of
 * these functions; their names are the paths' names there. */
#include "user/user.h"

enum { ROUNDS = 6, PAGE = 4096 };

/* Without the function that other programs call. */
static inline int64_t call(int64_t number, int64_t a, int64_t b, int64_t c)
{
    register int64_t rax __asm__("rax") = number;
    __asm__ volatile("syscall"
                     : "+r"(rax), "+D"(a), "+S"(b), "+d"(c)
                     :
                     : "rcx", "r8", "r9", "r10", "r11", "memory");
    return rax;
}

__attribute__((noinline)) static void path_null_call(void)
{
    call(SYSCALL_GETPID, 0, 0, 0);
}

__attribute__((noinline)) static void path_funnel_call(void)
{
    call(SYSCALL_WEIGHT, 1, 0, 0);
}

/* To the other process, which has called this too. */
__attribute__((noinline)) static void path_yield(void)
{
    call(SYSCALL_YIELD, 0, 0, 0);
}

/* The other process has blocked in path_receive(). */
__attribute__((noinline)) static void path_send(int64_t to)
{
    call(SYSCALL_SEND, to, (int64_t) "x", 1);
}

/* Blocks; goes on in the process that sent, and there comes back from path_receive() itself. */
__attribute__((noinline)) static void path_receive(struct message *message)
{
    call(SYSCALL_RECEIVE, (int64_t)message, 0, 0);
}

/* The first use of a page. */
__attribute__((noinline)) static void path_touch(uint64_t address)
{
    *(volatile uint8_t *)address = 1;
}

/* The timer ends its turns. */
__attribute__((noinline)) static void path_tick(void)
{
    for (volatile unsigned i = 0; i < 40000; i++)
        continue;
}

/* The core has nothing to do, and readies page frames. */
static void rest(void)
{
    for (unsigned i = 0; i < MAP_PAGES_MAX / 2; i++)
        call(SYSCALL_SLEEP, 1, 0, 0);
}

int main(void)
{
    static struct message message;
    int64_t self = call(SYSCALL_GETPID, 0, 0, 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        path_null_call();
        path_funnel_call();
        path_yield();
    }
    path_tick();
    rest();
    call(SYSCALL_MAP, MAP_START, MAP_PAGES_MAX, 0);
    for (uint64_t page = 0; page < MAP_PAGES_MAX; page++)
        path_touch(MAP_START + page * PAGE);
    /* One of the two and its child are the two ends of the messages. */
    if (self % 2 == 0) {
        rest();
        return 0;
    }
    int64_t pong = spawn("pong");
    for (unsigned round = 0; round < ROUNDS; round++) {
        path_send(pong);
        path_receive(&message);
    }
    send(pong, "", 0);
    wait_for(pong);
    wait_for(spawn("fault_write"));
    return 0;
}

/* measure.c - what a way into the kernel and back costs, in time stamp counts. Under QEMU's
 * `-icount shift=0` a count is an instruction. `measure` on the command line runs two of them, and
 * nothing else, on the first core. */
#include "user/user.h"

enum { ROUNDS = 1000 };

static uint64_t time_stamp(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Counts for ROUNDS calls; with SYSCALL_COUNT for none, the cost of the loop itself. */
static uint64_t rounds_of(uint64_t number)
{
    uint64_t start = time_stamp();
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (number == SYSCALL_COUNT)
            __asm__ volatile("" : : : "memory");
        else
            user_syscall(number, 0, 0);
    }
    return time_stamp() - start;
}

static void say(const char *what, uint64_t counts)
{
    char line[64];
    char digits[20];
    unsigned length = 0, count = 0;
    while (*what)
        line[length++] = *what++;
    do
        digits[count++] = (char)('0' + counts % 10);
    while (counts /= 10);
    while (count)
        line[length++] = digits[--count];
    line[length] = '\0';
    print(line);
}

int main(void)
{
    uint64_t loop = rounds_of(SYSCALL_COUNT);
    uint64_t null_call = rounds_of(SYSCALL_GETPID) - loop;
    uint64_t yield = rounds_of(SYSCALL_YIELD) - loop;
    say("counts per null system call: ", null_call / ROUNDS);
    say("counts per yield to another process and back: ", yield / ROUNDS);
    return 0;
}

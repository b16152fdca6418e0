/* vectors.c - keeps a pattern of its own in every vector register through preemptions and system
 * calls: xmm or ymm, an x87 register, and MXCSR. Several run at once, beside programs that use no
 * vector registers. */
#include "user/user.h"

/* As long as this many ticks of its core, so that it is preempted however fast the machine is. */
enum { TICKS = 40, ROUNDS_PER_PATTERN = 10, ROUNDS_PER_YIELD = 2000 };

static uint64_t cpuid_ecx(uint32_t leaf)
{
    uint32_t eax = leaf, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ecx;
}

/* The processor has AVX and the kernel saves it (Intel SDM Vol. 1 14.3). */
static bool has_avx(void)
{
    enum { OSXSAVE = 1 << 27, AVX = 1 << 28, YMM_AND_XMM = 6 };
    if ((cpuid_ecx(1) & (OSXSAVE | AVX)) != (OSXSAVE | AVX))
        return false;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & YMM_AND_XMM) == YMM_AND_XMM;
}

static void fill(struct user_vectors *pattern, uint64_t seed)
{
    for (unsigned i = 0; i < sizeof(pattern->ymm) / sizeof(pattern->ymm[0]); i++)
        pattern->ymm[i] = seed += UINT64_C(0x9e3779b97f4a7c15);
    pattern->x87 = UINT64_C(0x3ff0000000000000) | (seed & 0xffff); /* a double between 1 and 2 */
    pattern->mxcsr = 0x1f80 | (uint32_t)(seed & 3) << 13;          /* a rounding mode */
}

static bool same(const struct user_vectors *left, const struct user_vectors *right, bool avx)
{
    const uint64_t *a = (const uint64_t *)left, *b = (const uint64_t *)right;
    for (unsigned word = 0; word < sizeof(*left) / sizeof(uint64_t); word++) {
        /* Without AVX the upper half of each register is not there to be compared. */
        bool upper = word < sizeof(left->ymm) / sizeof(uint64_t) && word % 4 >= 2;
        if (a[word] != b[word] && (avx || !upper))
            return false;
    }
    return true;
}

int main(void)
{
    static struct user_vectors pattern, seen;
    bool avx = has_avx();
    uint64_t pid = (uint64_t)user_syscall(SYSCALL_GETPID, 0, 0);
    int64_t end = user_syscall(SYSCALL_TICKS, 0, 0) + TICKS;
    for (uint64_t i = 0; user_syscall(SYSCALL_TICKS, 0, 0) < end; i++) {
        /* New ones all the time, so that what was saved earlier is not good enough. */
        if (i % ROUNDS_PER_PATTERN == 0) {
            fill(&pattern, pid << 32 | i);
            user_vectors_load(&pattern, avx);
        }
        if (i % ROUNDS_PER_YIELD == ROUNDS_PER_PATTERN / 2)
            user_syscall(SYSCALL_YIELD, 0, 0);
        user_vectors_store(&seen, avx);
        if (!same(&seen, &pattern, avx))
            return 1;
    }
    return 0;
}

/* fuzz.c - fuzz_child many times, each with another seed made from the argument. Whatever these do,
 * each can be killed and waited for. `seed=N` on the kernel's command line is where it begins. */
#include "user/user.h"

enum { ROUNDS = 8, AT_ONCE = 3, TICKS = 3 };

int main(uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        int64_t children[AT_ONCE];
        for (unsigned i = 0; i < AT_ONCE; i++) {
            children[i] = spawn_with("fuzz_child", random_next(&state));
            if (children[i] < 0)
                return 1;
        }
        user_syscall(SYSCALL_SLEEP, TICKS, 0);
        for (unsigned i = 0; i < AT_ONCE; i++) {
            user_syscall(SYSCALL_KILL, (uint64_t)children[i], 0);
            if (wait_for(children[i]) == ERROR_NO_PROCESS)
                return 2;
        }
    }
    return 0;
}

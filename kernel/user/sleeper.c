/* sleeper.c - sleeps for longer than any run lasts, for family.c. */
#include "user/user.h"

int main(void)
{
    user_syscall(SYSCALL_SLEEP, UINT64_MAX, 0);
    return 1;
}

/* yielder.c - gives the core away ten times and finds itself unharmed. */
#include "user/user.h"

int main(void)
{
    int64_t pid = user_syscall(SYSCALL_GETPID, 0, 0);
    for (unsigned i = 0; i < 10; i++) {
        user_syscall(SYSCALL_YIELD, 0, 0);
        if (user_syscall(SYSCALL_GETPID, 0, 0) != pid)
            return 1;
    }
    return 0;
}

/* hello.c - a line on the console, and every wrong way to call the kernel that must come back as
 * an error instead of a fault. */
#include "user/user.h"

int main(void)
{
    if (print("hello from ring 3") < 0)
        return 1;
    /* Pointers: null, kernel, across the end of the user half, wrapping around, not canonical. */
    static const uint64_t pointers[] = {0, 0xffffffff80100000, 0x00007fffffffefff,
                                        0xffffffffffffffff, 0x0000800000000000};
    for (unsigned i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        if (user_syscall(SYSCALL_WRITE, pointers[i], 16) != ERROR_BAD_ADDRESS)
            return 2;
    }
    if (user_syscall(SYSCALL_WRITE, (uint64_t)main, UINT64_MAX) != ERROR_TOO_LONG)
        return 3;
    /* Its own text, which no call may write to either. */
    if (user_syscall(SYSCALL_MEMORY_INFO, (uint64_t)(uintptr_t)main, 0) != ERROR_BAD_ADDRESS)
        return 6;
    if (user_syscall(SYSCALL_COUNT, 0, 0) != ERROR_NO_SYSCALL ||
        user_syscall(UINT64_MAX, 0, 0) != ERROR_NO_SYSCALL)
        return 4;
    return user_syscall(SYSCALL_GETPID, 0, 0) > 0 ? 0 : 5;
}

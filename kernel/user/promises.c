/* promises.c - memory that was asked for is there at its first use, whoever uses it first: the
 * program, or a system call that reads or writes it. The exit status says what was wrong. */
#include "user/user.h"

enum { PAGE = 4096, TEXT = MAP_START + PAGE - 2, MESSAGE = MAP_START + 4 * PAGE - 8 };

static volatile uint8_t *byte_at(uint64_t address)
{
    return (volatile uint8_t *)address;
}

static bool map(uint64_t pages)
{
    return user_syscall(SYSCALL_MAP, MAP_START, pages) == 0;
}

static bool unmap(uint64_t pages)
{
    return user_syscall(SYSCALL_UNMAP, MAP_START, pages) == 0;
}

int main(void)
{
    int64_t self = user_syscall(SYSCALL_GETPID, 0, 0);
    /* Never used, used in part, and used from the end. */
    if (!map(MAP_PAGES_MAX) || !unmap(MAP_PAGES_MAX) || !map(MAP_PAGES_MAX))
        return 1;
    for (uint64_t i = MAP_PAGES_MAX; i-- > 8;) {
        if (*byte_at(MAP_START + i * PAGE) != 0)
            return 2;
        *byte_at(MAP_START + i * PAGE) = (uint8_t)i;
    }
    /* The kernel is the first to read two pages, and the first to write two others. */
    if (send(self, (const void *)TEXT, 4) != 0 || receive((struct message *)MESSAGE) != 4)
        return 3;
    struct message *message = (struct message *)MESSAGE;
    if (message->sender != (uint64_t)self || message->size != 4 || message->bytes[3] != 0)
        return 4;
    /* What was not asked for is still not there. */
    if (send(self, (const void *)(MAP_START + MAP_PAGES_MAX * PAGE - 1), 2) != ERROR_BAD_ADDRESS)
        return 5;
    for (uint64_t i = 8; i < MAP_PAGES_MAX; i++) {
        if (*byte_at(MAP_START + i * PAGE) != i)
            return 6;
    }
    if (!unmap(MAP_PAGES_MAX) || !map(1) || *byte_at(MAP_START) != 0)
        return 7;
    return 0;
}

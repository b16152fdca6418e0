/* family.c - children: started, waited for, killed while they run, sleep and wait for a message;
 * and every wrong way to ask. Each check has a number, which is the exit status if it fails. */
#include "user/user.h"

static int64_t kill(int64_t pid)
{
    return user_syscall(SYSCALL_KILL, (uint64_t)pid, 0);
}

static void sleep(uint64_t ticks)
{
    user_syscall(SYSCALL_SLEEP, ticks, 0);
}

/* Starts a child, lets it come as far as it does in a few ticks, and kills it. */
static bool killed_in_the_middle(const char *program)
{
    int64_t pid = spawn(program);
    sleep(12);
    return pid > 0 && kill(pid) == 0 && wait_for(pid) == ERROR_KILLED;
}

int main(void)
{
    int64_t self = user_syscall(SYSCALL_GETPID, 0, 0);
    if (wait_for(spawn("status_7")) != 7)
        return 1;
    if (wait_for(spawn("fault_undefined")) != ERROR_KILLED)
        return 2;
    if (!killed_in_the_middle("hog") || !killed_in_the_middle("sleeper") ||
        !killed_in_the_middle("pong"))
        return 3;
    /* Not children: oneself, nobody, a child that has been waited for. */
    int64_t child = spawn("status_7");
    if (wait_for(child) != 7 || wait_for(child) != ERROR_NO_PROCESS)
        return 4;
    if (wait_for(self) != ERROR_NO_PROCESS || kill(self) != ERROR_NO_PROCESS ||
        kill(1 << 30) != ERROR_NO_PROCESS)
        return 5;
    if (spawn("no such program") != ERROR_NO_PROGRAM ||
        user_syscall(SYSCALL_SPAWN, 1, 8) != ERROR_BAD_ADDRESS ||
        user_syscall(SYSCALL_SPAWN, (uint64_t)&self, NAME_MAX + 1) != ERROR_TOO_LONG)
        return 6;
    if (send(1 << 30, "x", 1) != ERROR_NO_PROCESS || send(self, "x", MESSAGE_MAX + 1) != ERROR_TOO_LONG ||
        send(self, (const void *)1, 1) != ERROR_BAD_ADDRESS)
        return 7;
    /* A message to oneself, received to a place that is not there, is gone. */
    if (send(self, "x", 1) != 0 || receive((struct message *)1) != ERROR_BAD_ADDRESS)
        return 8;
    if (user_syscall(SYSCALL_WEIGHT, 0, 0) != ERROR_BAD_NUMBER ||
        user_syscall(SYSCALL_WEIGHT, WEIGHT_MAX + 1, 0) != ERROR_BAD_NUMBER ||
        user_syscall(SYSCALL_WEIGHT, 2, 0) != 0)
        return 9;
    /* Left behind: one that runs, one that has ended. */
    spawn("status_7");
    spawn("yielder");
    return 0;
}

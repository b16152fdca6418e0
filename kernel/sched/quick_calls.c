/*
 * quick_calls.c - the system calls that only look something up. asm/syscall_entry.S calls them
 * like any function: no frame is filled, no thread is switched, the preserved registers stay where
 * they are.
 */
#include <stdint.h>

#include "abi/core.h"
#include "abi/syscall.h"
#include "sched/process.h"

static int64_t getpid(void)
{
    return this_core()->current->process->pid;
}

static int64_t core(void)
{
    return this_core()->index;
}

static int64_t ticks(void)
{
    return (int64_t)this_core()->ticks;
}

extern int64_t (*const _oro_quick_calls[SYSCALL_QUICK_COUNT])(void);
int64_t (*const _oro_quick_calls[SYSCALL_QUICK_COUNT])(void) = {
    [SYSCALL_GETPID] = getpid,
    [SYSCALL_CORE] = core,
    [SYSCALL_TICKS] = ticks,
};

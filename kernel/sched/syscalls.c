#include "sched/syscalls.h"

#include "abi/core.h"
#include "abi/syscall.h"
#include "console/printk.h"
#include "memory/user_memory.h"
#include "sched/process.h"

/* One write is one line of the console, under the program's name. Its buffer is no burden to the
 * other calls. */
__attribute__((noinline)) static int64_t write_console(uint64_t text, uint64_t size)
{
    char line[WRITE_MAX];
    if (size > sizeof(line))
        return ERROR_TOO_LONG;
    if (!user_read(line, text, size))
        return ERROR_BAD_ADDRESS;
    uint64_t length = size;
    while (length && line[length - 1] == '\n')
        length--;
    for (uint64_t i = 0; i < length; i++) {
        /* A program cannot forge the lines that machines read. */
        if (line[i] < ' ' || line[i] > '~')
            line[i] = '?';
    }
    const struct process *process = this_core()->current->process;
    printk("[%s %u] %.*s\n", process->name, process->pid, (int)length, line);
    return (int64_t)size;
}

void syscall_dispatch(struct frame *frame)
{
    int64_t result = 0;
    switch (frame->rax) {
    case SYSCALL_EXIT:
        process_exit((int)frame->rdi);
        break;
    case SYSCALL_WRITE:
        result = write_console(frame->rdi, frame->rsi);
        break;
    case SYSCALL_YIELD:
        this_core()->reschedule = true;
        break;
    default:
        result = ERROR_NO_SYSCALL;
    }
    frame->rax = (uint64_t)result;
}

#include "sched/syscalls.h"

#include "abi/core.h"
#include "abi/syscall.h"
#include "console/printk.h"
#include "memory/user_memory.h"
#include "sched/info.h"
#include "sched/process.h"
#include "sched/scheduler.h"
#include "sched/terminal.h"

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

/* A child of the calling process. */
__attribute__((noinline)) static int64_t spawn(uint64_t name, uint64_t size, uint64_t argument)
{
    char text[NAME_MAX + 1] = "";
    if (size > NAME_MAX)
        return ERROR_TOO_LONG;
    if (!user_read(text, name, size))
        return ERROR_BAD_ADDRESS;
    const struct user_image *image = process_find_image(text);
    if (!image)
        return ERROR_NO_PROGRAM;
    return process_spawn(image, scheduler_spread(), this_core()->current->process->pid, false,
                         argument);
}

static int64_t set_weight(uint64_t weight)
{
    if (weight < 1 || weight > WEIGHT_MAX)
        return ERROR_BAD_NUMBER;
    this_core()->current->weight = (uint32_t)weight;
    return 0;
}

static int64_t call(const struct frame *frame)
{
    switch (frame->rax) {
    case SYSCALL_EXIT:
        process_exit((int)frame->rdi);
        return 0;
    case SYSCALL_WRITE:
        return write_console(frame->rdi, frame->rsi);
    case SYSCALL_YIELD:
        scheduler_leave(this_core());
        return 0;
    case SYSCALL_SLEEP:
        return process_sleep(frame->rdi);
    case SYSCALL_WEIGHT:
        return set_weight(frame->rdi);
    case SYSCALL_SPAWN:
        return spawn(frame->rdi, frame->rsi, frame->rdx);
    case SYSCALL_WAIT:
        return process_wait(frame->rdi);
    case SYSCALL_KILL:
        return process_kill_child(frame->rdi);
    case SYSCALL_SEND:
        return process_send(frame->rdi, frame->rsi, frame->rdx);
    case SYSCALL_RECEIVE:
        return process_receive(frame->rdi);
    case SYSCALL_THREAD:
        return process_thread(frame->rdi, frame->rsi, frame->rdx);
    case SYSCALL_THREAD_EXIT:
        return process_thread_exit();
    case SYSCALL_MAP:
        return process_map(frame->rdi, frame->rsi);
    case SYSCALL_UNMAP:
        return process_unmap(frame->rdi, frame->rsi);
    case SYSCALL_AFFINITY:
        return scheduler_settle(frame->rdi) ? 0 : ERROR_BAD_NUMBER;
    case SYSCALL_READ:
        return terminal_read(frame->rdi, frame->rsi);
    case SYSCALL_PUT:
        return terminal_put(frame->rdi, frame->rsi);
    case SYSCALL_PROCESS_INFO:
        return info_process(frame->rdi, frame->rsi);
    case SYSCALL_CORE_INFO:
        return info_core(frame->rdi, frame->rsi);
    case SYSCALL_MEMORY_INFO:
        return info_memory(frame->rdi);
    case SYSCALL_PROGRAM_NAME:
        return info_program(frame->rdi, frame->rsi);
    default:
        return ERROR_NO_SYSCALL;
    }
}

void syscall_dispatch(struct frame *frame)
{
    int64_t result = call(frame);
    /* A call that blocked stays in its frame as it was made: it will be made again. */
    if (!this_core()->current->call_again)
        frame->rax = (uint64_t)result;
}

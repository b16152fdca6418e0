/*
 * inbox.c - messages between processes: each has an inbox of at most INBOX_MAX, in the order in
 * which they were sent.
 */
#include <stdbool.h>
#include <stddef.h>

#include "abi/core.h"
#include "abi/syscall.h"
#include "memory/object_cache.h"
#include "memory/user_memory.h"
#include "sched/process.h"
#include "sched/process_table.h"

struct letter {
    struct letter *next;
    struct message message;
};

static struct object_cache cache = {.size = (sizeof(struct letter) + 15) & ~(size_t)15};

static void put(struct process *receiver, struct letter *letter)
{
    letter->next = NULL;
    if (receiver->inbox_last)
        receiver->inbox_last->next = letter;
    else
        receiver->inbox_first = letter;
    receiver->inbox_last = letter;
    receiver->inbox_count++;
}

static struct letter *get(struct process *receiver)
{
    struct letter *letter = receiver->inbox_first;
    if (!letter)
        return NULL;
    receiver->inbox_first = letter->next;
    if (!letter->next)
        receiver->inbox_last = NULL;
    receiver->inbox_count--;
    return letter;
}

void inbox_empty(struct process *process)
{
    struct letter *letter;
    while ((letter = get(process)))
        object_free(&cache, letter);
}

size_t inbox_kept_frames(void)
{
    return cache.frames;
}

/* Delivers, or blocks the sender until the receiver's inbox changes. Under the process lock. */
static int64_t deliver(uint64_t pid, const struct message *message)
{
    struct process *receiver = process_table_find(pid);
    if (!receiver || receiver->ended)
        return ERROR_NO_PROCESS;
    if (receiver->inbox_count == INBOX_MAX) {
        process_block(receiver);
        return 0;
    }
    struct letter *letter = object_alloc(&cache);
    if (!letter)
        return ERROR_NO_MEMORY;
    letter->message = *message;
    put(receiver, letter);
    process_wake_waiters(receiver);
    return 0;
}

int64_t process_send(uint64_t pid, uint64_t bytes, uint64_t size)
{
    struct message message = {.sender = this_core()->current->process->pid,
                              .size = (uint32_t)size};
    if (size > MESSAGE_MAX)
        return ERROR_TOO_LONG;
    if (!user_read(message.bytes, bytes, size))
        return ERROR_BAD_ADDRESS;
    process_lock();
    int64_t result = deliver(pid, &message);
    process_unlock();
    return result;
}

int64_t process_receive(uint64_t to)
{
    struct process *self = this_core()->current->process;
    process_lock();
    struct letter *letter = get(self);
    if (letter)
        process_wake_waiters(self); /* there is room again */
    else
        process_block(self);
    process_unlock();
    if (!letter)
        return 0;
    struct message message = letter->message;
    object_free(&cache, letter);
    return user_write(to, &message, sizeof(message)) ? (int64_t)message.size : ERROR_BAD_ADDRESS;
}

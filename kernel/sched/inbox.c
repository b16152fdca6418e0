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

static uint64_t sent, received, dropped; /* ever; guarded by the process lock */

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
    while ((letter = get(process))) {
        object_free(&cache, letter);
        dropped++;
    }
}

size_t inbox_kept_frames(void)
{
    return cache.frames;
}

void inbox_count(struct process_counts *counts)
{
    counts->messages_sent = sent;
    counts->messages_received = received;
    counts->messages_dropped = dropped;
}

/* Delivers the letter, or blocks the sender until the receiver's inbox changes. False if the letter
 * was not taken. Under the process lock. */
static bool deliver(uint64_t pid, struct letter *letter, int64_t *result)
{
    struct process *receiver = process_table_find(pid);
    *result = 0;
    if (!receiver || receiver->ended) {
        *result = ERROR_NO_PROCESS;
        return false;
    }
    if (receiver->inbox_count == INBOX_MAX) {
        process_block(receiver);
        return false;
    }
    put(receiver, letter);
    sent++;
    process_wake_waiters(receiver);
    return true;
}

int64_t process_send(uint64_t pid, uint64_t bytes, uint64_t size)
{
    if (size > MESSAGE_MAX)
        return ERROR_TOO_LONG;
    struct letter *letter = object_take(&cache);
    if (!letter)
        return ERROR_NO_MEMORY;
    int64_t result = ERROR_BAD_ADDRESS;
    bool taken = false;
    letter->message.sender = this_core()->current->process->pid;
    letter->message.size = (uint32_t)size;
    if (user_read(letter->message.bytes, bytes, size)) {
        process_lock();
        taken = deliver(pid, letter, &result);
        process_unlock();
    }
    if (!taken)
        object_free(&cache, letter);
    return result;
}

int64_t process_receive(uint64_t to)
{
    struct process *self = this_core()->current->process;
    process_lock();
    struct letter *letter = get(self);
    if (letter) {
        received++;
        process_wake_waiters(self); /* there is room again */
    } else {
        process_block(self);
    }
    process_unlock();
    if (!letter)
        return 0;
    int64_t size = letter->message.size;
    bool written = user_write(to, &letter->message,
                              offsetof(struct message, bytes) + letter->message.size);
    object_free(&cache, letter);
    return written ? size : ERROR_BAD_ADDRESS;
}

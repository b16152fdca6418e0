#include "sched/terminal.h"

#include <stdbool.h>
#include <stddef.h>

#include "abi/core.h"
#include "abi/syscall.h"
#include "console/input.h"
#include "console/keymap.h"
#include "console/line_editor.h"
#include "console/printk.h"
#include "lib/string.h"
#include "memory/user_memory.h"
#include "sched/process.h"
#include "sched/process_table.h"

enum { LINES = 4 * LINE_EDITOR_SIZE };

/* All guarded by the process lock. */
static uint32_t owner_pid;
static struct line_editor editor;
static struct keymap keyboard;
/* Finished lines, each with its '\n'; a zero is the end that ^D says. */
static char lines[LINES];
static size_t lines_size;

void terminal_give(uint32_t pid)
{
    process_lock();
    owner_pid = pid;
    process_unlock();
}

static bool belongs_to(const struct process *process)
{
    return process->pid == owner_pid;
}

static void edit(struct process *owner, char character)
{
    struct line_echo echo;
    switch (line_editor_take(&editor, character, &echo)) {
    case LINE_DONE:
        memcpy(lines + lines_size, editor.text, editor.size);
        lines_size += editor.size;
        editor.size = 0;
        owner->interrupted = false; /* a ^C is meant for what this line starts, or for a later one */
        process_wake_waiters(owner);
        break;
    case LINE_INTERRUPT:
        process_kill_awaited(owner);
        break;
    case LINE_GROWS:
        break;
    }
    printk_text(echo.text, echo.size);
}

void terminal_input(void)
{
    struct input input;
    process_lock();
    struct process *owner = owner_pid ? process_table_find(owner_pid) : NULL;
    /* While there is no room for one more line, what is typed waits for a tick. */
    while (owner && sizeof(lines) - lines_size >= LINE_EDITOR_SIZE && input_take(&input)) {
        char character = (char)input.byte;
        if (input.source == INPUT_KEYBOARD)
            character = keymap_take(&keyboard, input.byte);
        if (character)
            edit(owner, character);
    }
    process_unlock();
}

/* Takes the first line, or what of it fits; returns its size. */
static size_t take_line(char *to, size_t size)
{
    size_t length = 0;
    while (length < size && lines[length] != '\0') {
        to[length] = lines[length];
        if (lines[length++] == '\n')
            break;
    }
    size_t used = length ? length : 1; /* the zero of ^D */
    memmove(lines, lines + used, lines_size - used);
    lines_size -= used;
    return length;
}

int64_t terminal_read(uint64_t to, uint64_t size)
{
    char text[LINE_EDITOR_SIZE];
    struct process *self = this_core()->current->process;
    if (!belongs_to(self))
        return ERROR_DENIED;
    if (size == 0)
        return ERROR_BAD_NUMBER;
    if (size > sizeof(text))
        size = sizeof(text);
    size_t length = 0;
    process_lock();
    bool some = lines_size != 0;
    if (some)
        length = take_line(text, size);
    else
        process_block(self);
    process_unlock();
    if (!some)
        return 0;
    return user_write(to, text, length) ? (int64_t)length : ERROR_BAD_ADDRESS;
}

int64_t terminal_put(uint64_t text, uint64_t size)
{
    char copy[WRITE_MAX];
    if (!belongs_to(this_core()->current->process))
        return ERROR_DENIED;
    if (size > sizeof(copy))
        return ERROR_TOO_LONG;
    if (!user_read(copy, text, size))
        return ERROR_BAD_ADDRESS;
    for (uint64_t i = 0; i < size; i++) {
        if ((copy[i] < ' ' || copy[i] > '~') && copy[i] != '\n')
            copy[i] = '?';
    }
    printk_text(copy, size);
    return (int64_t)size;
}

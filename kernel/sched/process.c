#include "sched/process.h"

#include <stddef.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "abi/processor.h"
#include "abi/syscall.h"
#include "abi/vectors.h"
#include "arch/vector_state.h"
#include "console/printk.h"
#include "interrupt/exceptions.h"
#include "lib/string.h"
#include "memory/frames.h"
#include "memory/kernel_map.h"
#include "memory/object_cache.h"
#include "memory/paging.h"
#include "sched/elf_loader.h"
#include "sched/process_table.h"
#include "sched/scheduler.h"

extern const struct user_image _oro_user_images[], _oro_user_images_end[];

_Static_assert(sizeof(struct process) <= PAGE_SIZE, "must fit the object cache's page");
static struct object_cache cache = {.size = (sizeof(struct process) + 15) & ~(size_t)15};

/* Of the processes that the kernel started; guarded by the process lock. */
static struct process_counts counts;

const struct user_image *process_find_image(const char *name)
{
    for (const struct user_image *image = _oro_user_images; image < _oro_user_images_end; image++) {
        if (string_equal(image->name, name))
            return image;
    }
    return NULL;
}

const struct user_image *process_image_at(uint64_t index)
{
    uint64_t count = (uint64_t)(_oro_user_images_end - _oro_user_images);
    return index < count ? &_oro_user_images[index] : NULL;
}

static const char *map_stack(uint64_t root)
{
    for (unsigned i = 1; i <= USER_STACK_PAGES; i++) {
        uint64_t frame = frames_alloc(0);
        if (!frame)
            return "out of memory";
        if (!paging_map(root, USER_STACK_TOP - i * PAGE_SIZE, frame, PAGE_SIZE,
                        PAGE_USER | PAGE_WRITE | PAGE_NX, PAGE_SIZE)) {
            frames_free(frame, 0);
            return "out of memory";
        }
    }
    return NULL;
}

/* The address space, and the first thread in it; on failure the caller frees what there is. */
static const char *build(struct process *process, const struct user_image *image,
                         struct core *core, uint64_t argument)
{
    process->space.root = kernel_map_new_space();
    if (!process->space.root)
        return "out of memory";
    uint64_t entry;
    const char *wrong =
        elf_load(process->space.root, image->start, (size_t)(image->end - image->start), &entry);
    if (!wrong)
        wrong = map_stack(process->space.root);
    if (wrong)
        return wrong;
    process->threads = thread_new(process, core, entry, USER_STACK_TOP, argument);
    process->thread_count = 1;
    return process->threads ? NULL : "out of memory";
}

/* What `build` made, but for the threads. */
static void demolish(struct process *process)
{
    if (!process->space.root)
        return;
    paging_free_lower_half(process->space.root);
    frames_free(process->space.root, 0);
}

static int64_t refuse(const char *name, const char *why, int64_t error)
{
    log_line(LOG_ERROR, "cannot start %s: %s\n", name, why);
    return error;
}

int64_t process_spawn(const struct user_image *image, struct core *core, uint32_t parent,
                      bool pinned, uint64_t argument)
{
    if (!image)
        return refuse("a program", "the kernel has none of this name", ERROR_NO_PROGRAM);
    struct process *process = object_alloc(&cache);
    if (!process)
        return refuse(image->name, "out of memory", ERROR_NO_MEMORY);
    process->name = image->name;
    process->parent = parent;
    const char *wrong = build(process, image, core, argument);
    process_lock();
    if (!wrong && !process_table_add(process))
        wrong = "too many processes";
    if (wrong) {
        process_unlock();
        if (process->threads)
            thread_free(process->threads);
        demolish(process);
        object_free(&cache, process);
        return refuse(image->name, wrong, ERROR_NO_MEMORY);
    }
    int64_t pid = process->pid;
    counts.spawned += parent == 0;
    process->threads->pinned = pinned;
    scheduler_add(process->threads);
    process_unlock();
    return pid;
}

/* Nobody will ask for the process any more. Under the process lock. */
static void forget(struct process *process)
{
    process_table_remove(process);
    object_free(&cache, process);
}

/* The children of a process that is no more: those that have ended are forgotten, the others are
 * nobody's. Under the process lock. */
static void leave_children(uint32_t pid)
{
    struct process *child;
    for (uint32_t at = 0; (child = process_table_next(&at));) {
        if (child->parent != pid)
            continue;
        child->parent = PARENT_GONE;
        if (child->ended)
            forget(child);
    }
}

/* The last thread of a process is gone. */
static void release_process(struct process *process)
{
    demolish(process);
    process_lock();
    inbox_empty(process);
    leave_children(process->pid);
    counts.freed += process->parent == 0;
    process->ended = true;
    process_wake_waiters(process);
    if (process->parent == 0 || process->parent == PARENT_GONE)
        forget(process);
    process_unlock();
}

void process_release(struct thread *thread)
{
    struct process *process = thread->process;
    process_lock();
    struct thread **link = &process->threads;
    while (*link != thread)
        link = &(*link)->sibling;
    *link = thread->sibling;
    bool last = --process->thread_count == 0;
    process_unlock();
    thread_free(thread);
    if (last)
        release_process(process);
}

/* The process ends with this status; its threads as soon as a core meets them. Under the process
 * lock. */
static void end_process(struct process *process, int status)
{
    if (process->ending)
        return;
    process->ending = true;
    process->killed = true;
    process->status = status;
    if (process->parent == 0) {
        counts.exited += status >= 0;
        counts.failed += status > 0;
        counts.killed += status < 0;
    }
    for (struct thread *thread = process->threads; thread; thread = thread->sibling)
        process_interrupt(thread);
}

/* The current thread of this core will not be resumed, nor will its siblings. */
static void end(struct thread *thread, int status)
{
    process_lock();
    thread->state = THREAD_DEAD;
    end_process(thread->process, status);
    process_unlock();
    scheduler_leave(this_core());
}

void process_exit(int status)
{
    struct thread *thread = this_core()->current;
    log_line(LOG_INFO, "[%s %u] exited with status %d\n", thread->process->name,
             thread->process->pid, status);
    end(thread, status & STATUS_MASK);
}

static void say_killed(const struct process *process, const char *reason)
{
    printk("oro: killed=%s pid=%u reason=%s\n", process->name, process->pid, reason);
}

void process_kill(const char *reason)
{
    struct thread *thread = this_core()->current;
    say_killed(thread->process, reason);
    end(thread, ERROR_KILLED);
}

void process_end_killed(struct thread *thread)
{
    if (!thread->process->ending)
        say_killed(thread->process, "parent");
    end(thread, ERROR_KILLED);
}

int64_t process_thread_exit(void)
{
    struct thread *thread = this_core()->current;
    process_lock();
    thread->state = THREAD_DEAD;
    bool last = true;
    for (const struct thread *other = thread->process->threads; other; other = other->sibling)
        last &= other->state == THREAD_DEAD;
    process_unlock();
    if (last)
        process_exit(0);
    scheduler_leave(this_core());
    return 0;
}

int64_t process_thread(uint64_t entry, uint64_t stack, uint64_t argument)
{
    struct process *process = this_core()->current->process;
    if (entry >= USER_LIMIT)
        return ERROR_BAD_ADDRESS; /* `iretq` could not go there */
    struct thread *thread = thread_new(process, scheduler_spread(), entry, stack, argument);
    if (!thread)
        return ERROR_NO_MEMORY;
    process_lock();
    bool fits = process->thread_count < THREADS_MAX;
    if (fits) {
        thread->sibling = process->threads;
        process->threads = thread;
        process->thread_count++;
        scheduler_add(thread);
    }
    process_unlock();
    if (!fits)
        thread_free(thread);
    return fits ? 0 : ERROR_NO_MEMORY;
}

/* #NM: the thread's first vector instruction, which then starts anew. */
static bool start_using_vectors(struct thread *thread)
{
    if (thread->vector_area)
        return false;
    thread->vector_area = vector_state_new();
    if (!thread->vector_area) {
        process_kill("out-of-memory");
        return true;
    }
    vector_state_choose(this_core(), thread->vector_area);
    _oro_vector_load(thread->vector_area);
    return true;
}

void process_fault(const struct frame *frame, uint64_t address)
{
    struct thread *thread = this_core()->current;
    if (frame->vector == VECTOR_NO_DEVICE && start_using_vectors(thread))
        return;
    char text[EXCEPTION_TEXT];
    exception_describe_error(frame->vector, frame->error_code, text);
    printk("oro: killed=%s pid=%u vector=%lu name=%s error=0x%lx rip=0x%lx address=0x%lx\n%s%s",
           thread->process->name, thread->process->pid, frame->vector,
           exception_name(frame->vector), frame->error_code, frame->rip, address, text,
           *text ? "\n" : "");
    end(thread, ERROR_KILLED);
}

/* Under the process lock. */
static void kill_process(struct process *process)
{
    process->killed = true;
    for (struct thread *thread = process->threads; thread; thread = thread->sibling)
        process_interrupt(thread);
}

int64_t process_wait(uint64_t pid)
{
    struct process *self = this_core()->current->process;
    process_lock();
    struct process *child = process_table_find(pid);
    int64_t result = ERROR_NO_PROCESS;
    if (child && child->parent == self->pid && !child->ended) {
        if (self->interrupted) /* ^C came before the wait for whom it meant */
            kill_process(child);
        self->interrupted = false;
        process_block(child);
    } else if (child && child->parent == self->pid) {
        result = child->status;
        forget(child);
    }
    process_unlock();
    return result;
}

void process_kill_awaited(struct process *process)
{
    process->interrupted = true;
    for (struct thread *thread = process->threads; thread; thread = thread->sibling) {
        struct process *child = thread->waits_for;
        if (child && child->parent == process->pid && !child->ended) {
            kill_process(child);
            process->interrupted = false;
        }
    }
}

int64_t process_kill_child(uint64_t pid)
{
    struct process *self = this_core()->current->process;
    process_lock();
    struct process *child = process_table_find(pid);
    bool found = child && child->parent == self->pid && !child->ended;
    if (found)
        kill_process(child);
    process_unlock();
    return found ? 0 : ERROR_NO_PROCESS;
}

struct process_counts process_counts(void)
{
    process_lock();
    struct process_counts now = counts;
    now.messages_waiting = 0;
    const struct process *process;
    for (uint32_t at = 0; (process = process_table_next(&at));) {
        now.present++;
        now.messages_waiting += process->inbox_count;
    }
    inbox_count(&now);
    now.threads_made = threads_made();
    now.threads_freed = threads_freed();
    now.kept_frames = cache.frames + thread_kept_frames() + inbox_kept_frames();
    process_unlock();
    return now;
}

#include "sched/process.h"

#include <stdatomic.h>
#include <stddef.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "abi/processor.h"
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
#include "sched/scheduler.h"

extern const struct user_image _oro_user_images[], _oro_user_images_end[];

struct owned {
    struct process process;
    struct thread thread;
};

_Static_assert(sizeof(struct owned) <= PAGE_SIZE, "must fit the object cache's page");
static struct object_cache cache = {.size = (sizeof(struct owned) + 15) & ~(size_t)15};

static atomic_uint next_pid = 1;
static atomic_uint spawned, exited, failed, killed, freed;

const struct user_image *process_find_image(const char *name)
{
    for (const struct user_image *image = _oro_user_images; image < _oro_user_images_end; image++) {
        if (string_equal(image->name, name))
            return image;
    }
    return NULL;
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

/* Everything but the object itself; on failure the caller frees what there is. */
static const char *build(struct owned *owned, const struct user_image *image)
{
    owned->process.root = kernel_map_new_space();
    uint64_t frame_page = frames_alloc(0);
    if (frame_page)
        owned->thread.frame = (struct frame *)((char *)phys_to_virt(frame_page) + PAGE_SIZE) - 1;
    if (!owned->process.root || !frame_page)
        return "out of memory";

    uint64_t entry;
    const char *wrong = elf_load(owned->process.root, image->start,
                                 (size_t)(image->end - image->start), &entry);
    if (!wrong)
        wrong = map_stack(owned->process.root);
    if (wrong)
        return wrong;
    struct frame *frame = owned->thread.frame;
    frame->rip = entry;
    frame->cs = SELECTOR_USER_CODE;
    frame->rflags = RFLAGS_IF | RFLAGS_FIXED;
    frame->rsp = USER_STACK_TOP;
    frame->ss = SELECTOR_USER_DATA;
    return NULL;
}

static bool refuse(const char *name, const char *why)
{
    printk("cannot start %s: %s\n", name, why);
    return false;
}

bool process_spawn(const struct user_image *image, struct core *core)
{
    if (!image)
        return refuse("a program", "the kernel has none of this name");
    struct owned *owned = object_alloc(&cache);
    if (!owned)
        return refuse(image->name, "out of memory");
    owned->process.name = image->name;
    owned->process.pid = atomic_fetch_add(&next_pid, 1);
    owned->thread.process = &owned->process;
    const char *wrong = build(owned, image);
    if (wrong) {
        process_free(&owned->thread);
        return refuse(image->name, wrong);
    }
    atomic_fetch_add(&spawned, 1);
    scheduler_add(core, &owned->thread);
    return true;
}

void process_free(struct thread *thread)
{
    struct process *process = thread->process;
    if (process->root) {
        paging_free_lower_half(process->root);
        frames_free(process->root, 0);
    }
    if (thread->frame)
        frames_free(virt_to_phys(thread->frame) & ~(uint64_t)(PAGE_SIZE - 1), 0);
    vector_state_free(thread->vector_area);
    bool ran = thread->dead;
    object_free(&cache, (char *)process - offsetof(struct owned, process));
    if (ran)
        atomic_fetch_add(&freed, 1);
}

void process_exit(int status)
{
    struct thread *thread = this_core()->current;
    printk("[%s %u] exited with status %d\n", thread->process->name, thread->process->pid, status);
    atomic_fetch_add(&exited, 1);
    if (status != 0)
        atomic_fetch_add(&failed, 1);
    thread->dead = true;
}

void process_kill(const char *reason)
{
    struct thread *thread = this_core()->current;
    printk("oro: killed=%s pid=%u reason=%s\n", thread->process->name, thread->process->pid,
           reason);
    atomic_fetch_add(&killed, 1);
    thread->dead = true;
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
    char text[EXCEPTION_TEXT] = "";
    if (frame->vector == VECTOR_PAGE_FAULT)
        exception_describe_page_fault(frame->error_code, text);
    printk("oro: killed=%s pid=%u vector=%lu name=%s error=0x%lx rip=0x%lx address=0x%lx\n%s%s",
           thread->process->name, thread->process->pid, frame->vector,
           exception_name(frame->vector), frame->error_code, frame->rip, address, text,
           *text ? "\n" : "");
    atomic_fetch_add(&killed, 1);
    thread->dead = true;
}

struct process_counts process_counts(void)
{
    return (struct process_counts){
        .spawned = atomic_load(&spawned),
        .exited = atomic_load(&exited),
        .failed = atomic_load(&failed),
        .killed = atomic_load(&killed),
        .freed = atomic_load(&freed),
        .kept_frames = cache.frames,
    };
}

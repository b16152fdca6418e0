#include "interrupt/panic_dump.h"

#include <stddef.h>

#include "abi/core.h"
#include "abi/layout.h"
#include "abi/processor.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "console/printk.h"
#include "interrupt/backtrace.h"
#include "interrupt/exceptions.h"
#include "memory/paging.h"
#include "sched/process.h"

extern const char _oro_frame_names[FRAME_REGISTERS][8];
extern const char _oro_image_start[], _oro_image_end[], _oro_text_start[], _oro_text_end[];

enum { CODE_BEFORE = 16, CODE_AFTER = 16, STACK_WORDS = 16, WORDS_PER_LINE = 4 };

void dump_system(void)
{
    printk("oro: cr0=0x%lx cr2=0x%lx cr3=0x%lx cr4=0x%lx efer=0x%lx gs_base=0x%lx "
           "kernel_gs_base=0x%lx\n",
           read_cr0(), read_cr2(), read_cr3(), read_cr4(), read_msr(MSR_EFER),
           read_msr(MSR_GS_BASE), read_msr(MSR_KERNEL_GS_BASE));
    printk("oro: image=0x%lx image_end=0x%lx text=0x%lx text_end=0x%lx\n",
           (uint64_t)_oro_image_start, (uint64_t)_oro_image_end, (uint64_t)_oro_text_start,
           (uint64_t)_oro_text_end);
}

static void dump_registers(const struct frame *frame)
{
    const uint64_t *registers = &frame->r15;
    for (unsigned i = 0; i < FRAME_REGISTERS; i += 3)
        printk("oro: %s=0x%lx %s=0x%lx %s=0x%lx\n", _oro_frame_names[i], registers[i],
               _oro_frame_names[i + 1], registers[i + 1], _oro_frame_names[i + 2],
               registers[i + 2]);
}

/* Level 1 is the page table (Intel SDM Vol. 3A 4.5.4). */
static const char *level_name(unsigned level)
{
    static const char *const names[] = {"none", "pte", "pde", "pdpte", "pml4e", "pml5e"};
    return names[level];
}

/* What each level of the page tables says about an address, and what forbade the access. */
static void dump_walk(uint64_t address, uint64_t error_code)
{
    struct paging_walk walk = paging_walk(read_cr3() & PAGE_ADDRESS, address);
    for (unsigned i = 0; i < walk.levels; i++) {
        uint64_t entry = walk.entries[i];
        printk("oro: walk=%s entry=0x%lx present=%d write=%d user=%d nx=%d\n",
               level_name(paging_levels - i), entry, (int)(entry & PAGE_PRESENT),
               (int)(entry / PAGE_WRITE & 1), (int)(entry / PAGE_USER & 1), (int)(entry >> 63));
    }
    struct denial denial = exception_denial(&walk, error_code);
    printk("oro: denied=%s by=%s address=0x%lx\n", denial.flag, level_name(denial.level), address);
}

static void dump_code(uint64_t rip)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * (CODE_BEFORE + CODE_AFTER) + 1];
    size_t length = 0;
    uint64_t first = rip - CODE_BEFORE;
    if (rip < CODE_BEFORE || !kernel_readable(first, 1) || !kernel_readable(rip + CODE_AFTER - 1, 1))
        return;
    for (unsigned i = 0; i < CODE_BEFORE + CODE_AFTER; i++) {
        uint8_t byte = ((const uint8_t *)first)[i];
        text[length++] = digits[byte >> 4];
        text[length++] = digits[byte & 15];
    }
    text[length] = '\0';
    printk("oro: code=%s at=0x%lx\n", text, first);
}

static void dump_stack(uint64_t rsp)
{
    rsp &= ~UINT64_C(7);
    for (unsigned line = 0; line < STACK_WORDS / WORDS_PER_LINE; line++) {
        uint64_t at = rsp + line * WORDS_PER_LINE * sizeof(uint64_t);
        if (!kernel_readable(at, 1) || !kernel_readable(at + WORDS_PER_LINE * 8 - 1, 1))
            return;
        const uint64_t *words = (const uint64_t *)at;
        printk("oro: stack=0x%lx words=%016lx,%016lx,%016lx,%016lx\n", at, words[0], words[1],
               words[2], words[3]);
    }
}

void dump_exception(const struct frame *frame)
{
    char place[PLACE_TEXT], text[EXCEPTION_TEXT];
    uint64_t cr2 = read_cr2();
    place_describe(frame->rip, false, place);
    printk("oro: vector=%lu name=%s error=0x%lx rip=0x%lx cs=0x%lx rflags=0x%lx rsp=0x%lx "
           "ss=0x%lx cr2=0x%lx ring=%lu symbol=%s\n",
           frame->vector, exception_name(frame->vector), frame->error_code, frame->rip, frame->cs,
           frame->rflags, frame->rsp, frame->ss, cr2, frame->cs & SELECTOR_RING_MASK, place);
    dump_registers(frame);
    dump_system();
    exception_describe_error(frame->vector, frame->error_code, text);
    if (*text)
        printk("oro: meaning=\"%s\"\n", text);
    if (frame->vector == VECTOR_PAGE_FAULT)
        dump_walk(cr2, frame->error_code);
    dump_code(frame->rip);
    dump_stack(frame->rsp);
    backtrace_print("backtrace", frame->rip, frame->rbp);
}

void dump_core(const struct core *core)
{
    const struct frame *frame = atomic_load(&core->stopped);
    const struct thread *thread = core->current;
    const char *name = thread ? thread->process->name : "";
    uint32_t pid = thread ? thread->process->pid : 0;
    if (!frame) {
        printk("oro: stopped=no index=%u core_apic=%u pid=%u program=\"%s\" ticks=%lu\n",
               core->index, core->apic_id, pid, name, core->ticks);
        return;
    }
    char place[PLACE_TEXT];
    place_describe(frame->rip, false, place);
    bool user = frame->cs & SELECTOR_RING_MASK;
    printk("oro: stopped=yes index=%u core_apic=%u pid=%u program=\"%s\" ticks=%lu doing=%s "
           "at=0x%lx sp=0x%lx flags=0x%lx symbol=%s\n",
           core->index, core->apic_id, pid, name, core->ticks,
           user ? "program" : core->idle ? "idle" : "kernel", frame->rip, frame->rsp,
           frame->rflags, user ? "?" : place);
    if (!user)
        backtrace_print("stopped_backtrace", frame->rip, frame->rbp);
}

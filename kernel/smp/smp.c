#include "smp/smp.h"

#include <stdatomic.h>
#include <stddef.h>

#include "abi/layout.h"
#include "abi/trampoline.h"
#include "abi/vectors.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/descriptors.h"
#include "arch/features.h"
#include "arch/lapic.h"
#include "arch/lapic_timer.h"
#include "boot/boot_info.h"
#include "boot/memory_map.h"
#include "console/printk.h"
#include "firmware/topology.h"
#include "interrupt/event.h"
#include "interrupt/panic.h"
#include "lib/string.h"
#include "memory/frames.h"
#include "memory/kernel_map.h"
#include "smp/stop.h"

extern const char _oro_smp_trampoline_start[], _oro_smp_trampoline_long_mode[],
    _oro_smp_trampoline_end[];
extern const uint64_t _oro_boot_gdt[];

enum {
    BASE_MEMORY_END = 0xa0000,
    FIRST_TRAMPOLINE_PAGE = 0x1000, /* page 0 holds the BIOS's vectors */
    /* Milliseconds until a silent core is given up. Tables that list one core which does not exist
     * may list hundreds, so each silent core halves the patience for the next. */
    ANSWER_PATIENCE = 1000,
    ANSWER_PATIENCE_MIN = 50,
};

struct core cores[MAX_CORES];
uint32_t core_count;

static uint64_t ist_tops[MAX_CORES][IST_COUNT];
static atomic_bool released;
/* What all cores do together, how often there was something, how many have begun and ended it. */
static void (*common_work)(struct core *);
static atomic_uint common_works, begun, ended;
static unsigned patience = ANSWER_PATIENCE;

extern const char _oro_entered[];

/* rsp at the first instruction of a C handler on a stack with this top. */
static uint64_t first_rsp(uint64_t stack_top)
{
    struct stack_start *start = (struct stack_start *)stack_top - 1;
    start->entered = (uint64_t)_oro_entered;
    return (uint64_t)start;
}

void smp_prepare_core(struct core *core, uint32_t index, uint32_t apic_id)
{
    core->self = core;
    core->index = index;
    core->apic_id = apic_id;
    core->online = false;
    core->reschedule = true; /* it has no thread yet */
    if (core->kernel_stack)
        return; /* prepared for a core that did not answer */
    core->kernel_stack = first_rsp(kernel_map_stack());
    core->exception_stack = first_rsp(kernel_map_stack());
    for (unsigned i = 0; i < IST_COUNT; i++)
        ist_tops[index][i] = kernel_map_stack();
    uint64_t page = frames_alloc(0);
    if (!page)
        panic("no memory for core %u", index);
    core->idle_frame = (struct frame *)((char *)phys_to_virt(page) + PAGE_SIZE) - 1;
    core->frame = core->idle_frame;
    core->tss.rsp[0] = (uint64_t)(core->idle_frame + 1);
}

void smp_load_core(struct core *core)
{
    descriptors_load(core, ist_tops[core->index]);
}

/* The calling core's part, which it begins when all are there to begin theirs. */
static void work_with_all(struct core *core)
{
    atomic_fetch_add(&begun, 1);
    while (atomic_load(&begun) < core_count)
        cpu_pause();
    common_work(core);
    atomic_fetch_add(&ended, 1);
}

/* Does what every core is to do, if the calling one has not done it. */
static void share_work(struct core *core, unsigned *done)
{
    if (atomic_load(&common_works) != *done) {
        (*done)++;
        work_with_all(core);
    }
    cpu_pause();
}

/* The first C function of a secondary core, on its kernel stack. */
_Noreturn static void secondary_main(struct core *core)
{
    smp_load_core(core);
    features_enable();
    lapic_enable();
    core->online = true;
    unsigned done = 0;
    while (!atomic_load(&released))
        share_work(core, &done);
    flush_tlb_all(); /* forget the trampoline page and the boot segment */
    lapic_timer_start(tick_hz());
    run_context();
}

/* The highest usable page below 640 KiB. SIPI vectors A0 to BF, which are reserved (MultiProcessor
 * Specification B.4.2), lie above. */
static uint64_t find_trampoline_page(void)
{
    uint64_t best = 0;
    for (uint32_t i = 0; i < memory_map.count; i++) {
        uint64_t start = memory_map.ranges[i].start, end = memory_map.ranges[i].end;
        if (end > BASE_MEMORY_END)
            end = BASE_MEMORY_END;
        if (start < end && end - PAGE_SIZE >= FIRST_TRAMPOLINE_PAGE)
            best = end - PAGE_SIZE;
    }
    return best;
}

static struct trampoline *trampoline_install(uint64_t page)
{
    size_t size = (size_t)(_oro_smp_trampoline_end - _oro_smp_trampoline_start);
    size_t long_mode = (size_t)(_oro_smp_trampoline_long_mode - _oro_smp_trampoline_start);
    memcpy(phys_to_virt(page), _oro_smp_trampoline_start, size);

    struct trampoline *parameters = phys_to_virt(page + TRAMPOLINE_PARAMETERS);
    memset(parameters, 0, sizeof(*parameters));
    memcpy(parameters->gdt, _oro_boot_gdt, sizeof(parameters->gdt));
    parameters->gdt_limit = sizeof(parameters->gdt) - 1;
    parameters->gdt_base =
        (uint32_t)(page + TRAMPOLINE_PARAMETERS + offsetof(struct trampoline, gdt));
    parameters->long_mode_offset = (uint32_t)(page + long_mode);
    parameters->long_mode_selector = SELECTOR_KERNEL_CODE;
    parameters->cr0 = (uint32_t)CR0_KERNEL;
    parameters->cr3 = (uint32_t)kernel_map_root();
    parameters->cr4 = CR4_PAE | (uint32_t)(read_cr4() & CR4_LA57);
    parameters->efer = EFER_LME | EFER_NXE | EFER_SCE;
    parameters->entry = (uint64_t)secondary_main;
    return parameters;
}

static bool wait_online(const struct core *core, unsigned milliseconds)
{
    for (unsigned i = 0; i < milliseconds; i++) {
        if (core->online)
            return true;
        clock_delay(1000);
    }
    return core->online;
}

/* Intel SDM Vol. 3A 8.4.4.1 and MultiProcessor Specification B.4: INIT (sent before), then up to
 * two start-up IPIs, 200 microseconds apart. */
static bool start_core(const struct core *core, uint64_t page)
{
    lapic_send_startup(core->apic_id, (uint8_t)(page / PAGE_SIZE));
    clock_delay(200);
    if (!core->online)
        lapic_send_startup(core->apic_id, (uint8_t)(page / PAGE_SIZE));
    return wait_online(core, patience);
}

/* Prepares and starts the core with this APIC id as the next one. */
static void add_core(uint32_t apic_id, uint64_t page, struct trampoline *parameters)
{
    if (core_count == MAX_CORES)
        return; /* the tables did not list the starting core */
    struct core *core = &cores[core_count];
    smp_prepare_core(core, core_count, apic_id);
    parameters->stack = core->kernel_stack;
    parameters->core = (uint64_t)core;
    if (start_core(core, page)) {
        core_count++;
        return;
    }
    patience = patience / 2 > ANSWER_PATIENCE_MIN ? patience / 2 : ANSWER_PATIENCE_MIN;
    /* INIT puts it to sleep again, should it wake late. */
    lapic_send_init(apic_id);
    log_line(LOG_WARNING, "core with APIC id %u does not answer: left off\n", apic_id);
}

void smp_start_others(void)
{
    uint32_t self = cores[0].apic_id;
    uint64_t page = find_trampoline_page();
    if (topology.cores_beyond)
        printk("%u cores are more than the kernel can use: left off\n", topology.cores_beyond);
    if (topology.core_count <= 1)
        return;
    if (!page) {
        log_line(LOG_WARNING, "no usable page below 1 MiB: the other cores stay off\n");
        return;
    }
    kernel_map_trampoline(page);
    struct trampoline *parameters = trampoline_install(page);
    stop_others_exist();

    for (uint32_t i = 0; i < topology.core_count; i++) {
        if (topology.apic_ids[i] != self && lapic_reaches(topology.apic_ids[i]))
            lapic_send_init(topology.apic_ids[i]);
    }
    clock_delay(10000);
    for (uint32_t i = 0; i < topology.core_count; i++) {
        uint32_t apic_id = topology.apic_ids[i];
        if (apic_id != self && lapic_reaches(apic_id))
            add_core(apic_id, page, parameters);
        else if (apic_id != self)
            log_line(LOG_WARNING, "core with APIC id %u needs x2APIC mode: left off\n", apic_id);
    }
    kernel_unmap_trampoline();
}

uint32_t tick_hz(void)
{
    enum { SLOWEST = 10, FASTEST = 10000 };
    uint64_t wanted = boot_number("hz=", TICK_HZ);
    return wanted >= SLOWEST && wanted <= FASTEST ? (uint32_t)wanted : TICK_HZ;
}

void smp_run_everywhere(void (*work)(struct core *))
{
    common_work = work;
    atomic_store(&begun, 0);
    atomic_store(&ended, 0);
    atomic_fetch_add(&common_works, 1);
    work_with_all(this_core());
    while (atomic_load(&ended) < core_count)
        cpu_pause();
}

void smp_release(void)
{
    atomic_store(&released, true);
}

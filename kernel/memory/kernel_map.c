#include "memory/kernel_map.h"

#include "abi/layout.h"
#include "abi/processor.h"
#include "arch/cpu.h"
#include "arch/features.h"
#include "boot/memory_map.h"
#include "console/printk.h"
#include "interrupt/panic.h"
#include "lib/elf.h"
#include "lib/spinlock.h"
#include "memory/address_space.h"
#include "memory/frames.h"
#include "memory/paging.h"

enum { TOP_LEVEL_ENTRIES = 512 };
#define LARGEST_PAGE (features.gigabyte_pages ? UINT64_C(1) << 30 : UINT64_C(1) << 21)

extern const struct elf_header _oro_image_start;
extern const char _oro_image_end[], _oro_boot_stack_guard[];

static struct address_space space;
static struct spinlock lock; /* of the windows' next free addresses */
static uint64_t next_stack = STACK_WINDOW_BASE;
static uint64_t next_device = DEVICE_WINDOW_BASE;

static uint64_t page_up(uint64_t address)
{
    return (address + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

static uint64_t global_flag(void)
{
    return features.global_pages ? PAGE_GLOBAL : 0;
}

static void must_map(uint64_t virtual, uint64_t physical, uint64_t size, uint64_t flags,
                     uint64_t largest)
{
    if (!paging_map(space.root, virtual, physical, size, flags, largest))
        panic("no memory for page tables");
}

struct kernel_segments kernel_segments;

static void map_segment(const struct elf_program_header *segment, const char *name)
{
    if (segment->p_vaddr - segment->p_paddr != KERNEL_OFFSET)
        panic("segment %s is linked at 0x%lx but loaded at 0x%lx", name, segment->p_vaddr,
              segment->p_paddr);
    if (segment->p_flags & PF_W && segment->p_flags & PF_X)
        panic("segment %s is writable and executable", name);
    uint64_t flags = global_flag();
    if (segment->p_flags & PF_W)
        flags |= PAGE_WRITE;
    if (!(segment->p_flags & PF_X))
        flags |= PAGE_NX;
    uint64_t size = page_up(segment->p_memsz);
    must_map(segment->p_vaddr, segment->p_paddr, size, flags, PAGE_SIZE);
    kernel_segments.headers[kernel_segments.count++] = *segment;
    printk("oro: segment name=%s vaddr=0x%lx pages=%lu flags=%c%c%c\n", name, segment->p_vaddr,
           size / PAGE_SIZE, segment->p_flags & PF_R ? 'R' : '-',
           segment->p_flags & PF_W ? 'W' : '-', segment->p_flags & PF_X ? 'X' : '-');
}

static void map_image(void)
{
    /* Program headers have no names; the linker script fixes their order. */
    static const char *const names[KERNEL_SEGMENTS] = {".oro_boot", ".text", ".rodata", ".data"};
    const struct elf_header *header = &_oro_image_start;
    const struct elf_program_header *segments = elf_program_headers(header);
    unsigned loads = 0;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD)
            continue;
        if (loads == KERNEL_SEGMENTS)
            panic("the kernel has more segments than linker_scripts/kernel.ld defines");
        map_segment(&segments[i], names[loads++]);
    }
}

void kernel_map_forget_boot(void)
{
    const struct elf_program_header *boot = &kernel_segments.headers[0];
    for (uint64_t offset = 0; offset < boot->p_memsz; offset += PAGE_SIZE)
        paging_unmap(space.root, boot->p_vaddr + offset);
}

/* The direct map has no second, writable view of the kernel image: it goes around it. */
static void map_direct(uint64_t start, uint64_t end)
{
    uint64_t image = (uint64_t)&_oro_image_start - KERNEL_OFFSET;
    uint64_t image_end = (uint64_t)_oro_image_end - KERNEL_OFFSET;
    if (start < image_end && end > image) {
        if (start < image)
            map_direct(start, image);
        if (end > image_end)
            map_direct(image_end, end);
        return;
    }
    must_map(DIRECT_MAP_BASE + start, start, end - start, PAGE_WRITE | PAGE_NX | global_flag(),
             LARGEST_PAGE);
}

static void map_memory(void)
{
    for (uint32_t i = 0; i < memory_map.count; i++)
        map_direct(memory_map.ranges[i].start, memory_map.ranges[i].end);
}

void kernel_map_init(void)
{
    space.root = frames_alloc(0);
    if (!space.root)
        panic("no memory for page tables");
    map_image();
    map_memory();
    paging_unmap(space.root, (uint64_t)_oro_boot_stack_guard);
    /* The tables below the top level's entries exist from the start: spaces copy those. */
    if (!paging_prepare(space.root, STACK_WINDOW_BASE))
        panic("no memory for page tables");
    write_cr3(space.root);
}

uint64_t kernel_map_root(void)
{
    return space.root;
}

struct address_space *kernel_map_space(void)
{
    return &space;
}

uint64_t kernel_map_new_space(void)
{
    uint64_t made = frames_alloc(0);
    if (!made)
        return 0;
    const uint64_t *from = phys_to_virt(space.root);
    uint64_t *to = phys_to_virt(made);
    for (unsigned i = TOP_LEVEL_ENTRIES / 2; i < TOP_LEVEL_ENTRIES; i++)
        to[i] = from[i];
    return made;
}

void *kernel_map_device(uint64_t physical, uint64_t size)
{
    spinlock_acquire(&lock);
    uint64_t page = physical & ~(uint64_t)(PAGE_SIZE - 1);
    uint64_t length = page_up(physical + size) - page;
    uint64_t virtual = next_device;
    must_map(virtual, page, length,
             PAGE_WRITE | PAGE_NX | PAGE_CACHE_DISABLE | PAGE_WRITE_THROUGH | global_flag(),
             PAGE_SIZE);
    next_device += length;
    spinlock_release(&lock);
    return (void *)(virtual + (physical - page));
}

uint64_t kernel_map_stack(void)
{
    spinlock_acquire(&lock);
    next_stack += PAGE_SIZE; /* the guard */
    for (unsigned i = 0; i < STACK_PAGES; i++) {
        uint64_t frame = frames_alloc(0);
        if (!frame)
            panic("no memory for a stack");
        must_map(next_stack, frame, PAGE_SIZE, PAGE_WRITE | PAGE_NX | global_flag(), PAGE_SIZE);
        next_stack += PAGE_SIZE;
    }
    uint64_t top = next_stack;
    spinlock_release(&lock);
    return top;
}

static uint64_t trampoline_page;

void kernel_map_trampoline(uint64_t page)
{
    trampoline_page = page;
    must_map(page, page, PAGE_SIZE, 0, PAGE_SIZE);
}

void kernel_unmap_trampoline(void)
{
    paging_unmap(space.root, trampoline_page);
    paging_free_lower_half(space.root);
}

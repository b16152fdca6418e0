/* paging_test.c - page tables, and the permissions of the kernel's own pages. */
#include "abi/core.h"
#include "abi/layout.h"
#include "abi/processor.h"
#include "arch/cpu.h"
#include "arch/features.h"
#include "lib/elf.h"
#include "memory/address_space.h"
#include "memory/frames.h"
#include "memory/kernel_map.h"
#include "memory/paging.h"
#include "smp/shootdown.h"
#include "test/ktap.h"

extern const char _oro_boot_stack_guard[];

/* The entry of a 4 KiB page; 0 if there is none. */
static uint64_t leaf(uint64_t root, uint64_t virtual)
{
    const uint64_t *entry = paging_entry(root & PAGE_ADDRESS, virtual);
    return entry ? *entry : 0;
}

static void maps_and_forgets(void)
{
    uint64_t before = frames_free_count();
    uint64_t root = kernel_map_new_space();
    uint64_t frame = frames_alloc(0);
    CHECK(root && frame);
    CHECK(paging_map(root, 0x400000, frame, PAGE_SIZE, PAGE_USER | PAGE_NX, PAGE_SIZE));
    struct paging_walk walk = paging_walk(root, 0x400000);
    CHECK_EQUAL(walk.levels, paging_levels);
    CHECK_EQUAL(walk.entries[paging_levels - 1], frame | PAGE_PRESENT | PAGE_USER | PAGE_NX);
    CHECK_EQUAL(leaf(root, 0x401000), 0);
    CHECK_EQUAL(paging_walk(root, 0x8000000000).levels, paging_levels - 3);
    CHECK_EQUAL(paging_unmap(root, 0x400000), frame | PAGE_PRESENT | PAGE_USER | PAGE_NX);
    CHECK_EQUAL(paging_unmap(root, 0x400000), 0);
    frames_free(frame, 0);
    paging_free_lower_half(root);
    frames_free(root, 0);
    CHECK_EQUAL(frames_free_count(), before);
}

/* A promise is no page yet, can be taken back, and goes with the space. */
static void promises(void)
{
    enum { FLAGS = PAGE_USER | PAGE_WRITE };
    uint64_t before = frames_free_count();
    uint64_t root = kernel_map_new_space();
    CHECK(paging_promise(root, 0x10000000, FLAGS | PAGE_NX));
    CHECK(paging_promise(root, 0x10001000, FLAGS));
    CHECK_EQUAL(leaf(root, 0x10000000), FLAGS | PAGE_NX | PAGE_PROMISED);
    struct paging_walk walk = paging_walk(root, 0x10000000);
    CHECK(!paging_present(&walk));
    CHECK_EQUAL(paging_unmap(root, 0x10000000), FLAGS | PAGE_NX | PAGE_PROMISED);
    CHECK_EQUAL(paging_unmap(root, 0x10000000), 0);
    paging_free_lower_half(root);
    frames_free(root, 0);
    CHECK_EQUAL(frames_free_count(), before);
}

/* Five levels reach beyond bit 47: two addresses that four levels could not tell apart. */
static void five_levels_reach_further(void)
{
    if (paging_levels < 5)
        return;
    enum { PAGE = 0x400000 };
    uint64_t further = PAGE | UINT64_C(1) << 55;
    uint64_t root = kernel_map_new_space(), kernel_root = read_cr3();
    uint64_t near_frame = frames_alloc(0), further_frame = frames_alloc(0);
    CHECK(paging_map(root, PAGE, near_frame, PAGE_SIZE, PAGE_NX, PAGE_SIZE));
    CHECK(paging_map(root, further, further_frame, PAGE_SIZE, PAGE_NX, PAGE_SIZE));
    *(uint64_t *)phys_to_virt(near_frame) = 47;
    *(uint64_t *)phys_to_virt(further_frame) = 56;
    write_cr3(root);
    CHECK_EQUAL(*(volatile uint64_t *)PAGE, 47);
    CHECK_EQUAL(*(volatile uint64_t *)further, 56);
    write_cr3(kernel_root);
    paging_free_lower_half(root);
    frames_free(root, 0);
}

static void chooses_large_pages(void)
{
    uint64_t root = kernel_map_new_space();
    CHECK(paging_map(root, 0x1ff000, 0x1ff000, 0x202000, PAGE_NX, UINT64_C(1) << 21));
    CHECK_EQUAL(paging_walk(root, 0x1ff000).levels, paging_levels);
    CHECK_EQUAL(paging_walk(root, 0x200000).levels, paging_levels - 1);
    CHECK_EQUAL(paging_walk(root, 0x3fffff).levels, paging_levels - 1);
    CHECK_EQUAL(paging_walk(root, 0x400000).levels, paging_levels);
    /* The pages are not frames of ours to give back. */
    for (unsigned level = 0; level < 2; level++)
        CHECK(paging_unmap(root, level ? 0x400000 : 0x1ff000) != 0);
    uint64_t *entry = phys_to_virt(paging_walk(root, 0x200000).entries[paging_levels - 3] & PAGE_ADDRESS);
    entry[1] = 0;
    paging_free_lower_half(root);
    frames_free(root, 0);
}

/* A page of the segment has its permissions, and only those; no second view of it is in the direct
 * map. */
static void check_page(const struct elf_program_header *segment, uint64_t offset)
{
    uint64_t entry = leaf(read_cr3(), segment->p_vaddr + offset);
    CHECK_EQUAL(entry & PAGE_ADDRESS, segment->p_paddr + offset);
    CHECK(entry & PAGE_PRESENT);
    CHECK_EQUAL(!(entry & PAGE_NX), !!(segment->p_flags & PF_X));
    CHECK_EQUAL(!!(entry & PAGE_WRITE), !!(segment->p_flags & PF_W));
    CHECK(!(entry & PAGE_USER));
    struct paging_walk walk = paging_walk(read_cr3(), DIRECT_MAP_BASE + segment->p_paddr + offset);
    CHECK(!paging_present(&walk));
}

static void image_matches_its_headers(void)
{
    CHECK_EQUAL(kernel_segments.count, KERNEL_SEGMENTS);
    for (unsigned i = 0; i < KERNEL_SEGMENTS; i++) {
        const struct elf_program_header *segment = &kernel_segments.headers[i];
        for (uint64_t offset = 0; offset < segment->p_memsz; offset += PAGE_SIZE) {
            uint64_t address = segment->p_vaddr + offset;
            if (i == 0 || address == (uint64_t)_oro_boot_stack_guard)
                CHECK_EQUAL(leaf(read_cr3(), address), 0); /* gone after use; never there */
            else
                check_page(segment, offset);
        }
    }
}

/* Whether some entry below allows both writing and executing. */
static bool writable_and_executable(uint64_t table, unsigned level)
{
    const uint64_t *entries = phys_to_virt(table & PAGE_ADDRESS);
    for (unsigned i = level == paging_levels ? 256 : 0; i < 512; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PAGE_PRESENT) || entry & PAGE_NX)
            continue;
        if (level > 1 && !(entry & PAGE_LARGE)) {
            if (writable_and_executable(entry, level - 1))
                return true;
        } else if (entry & PAGE_WRITE) {
            return true;
        }
    }
    return false;
}

static void nothing_is_writable_and_executable(void)
{
    CHECK(!writable_and_executable(read_cr3(), paging_levels));
}

static void boot_maps_are_gone(void)
{
    const uint64_t *top = phys_to_virt(read_cr3() & PAGE_ADDRESS);
    for (unsigned i = 0; i < 256; i++)
        CHECK_EQUAL(top[i], 0);
}

static void stacks_have_guards(void)
{
    uint64_t top = kernel_map_stack();
    CHECK(leaf(read_cr3(), top - 1) & PAGE_PRESENT);
    CHECK(leaf(read_cr3(), top - STACK_PAGES * PAGE_SIZE) & PAGE_PRESENT);
    CHECK(!(leaf(read_cr3(), top - STACK_PAGES * PAGE_SIZE - 1) & PAGE_PRESENT));
}

/* What CR3 is loaded with: the space's PCID, and whether the TLB forgets it. */
static void stale_spaces_are_flushed(void)
{
    struct address_space space = {.root = 0x1234000, .pcid = 7, .stale = UINT64_MAX};
    const struct core *self = this_core();
    uint64_t self_bit = UINT64_C(1) << self->index;
    if (!features.pcid) {
        CHECK_EQUAL(address_space_cr3(self, &space), 0x1234000);
        return;
    }
    CHECK_EQUAL(address_space_cr3(self, &space), 0x1234007); /* the PCID was another space's */
    CHECK_EQUAL(space.stale, ~self_bit);
    CHECK_EQUAL(address_space_cr3(self, &space), 0x1234007 | CR3_NO_FLUSH);
    shootdown(&space); /* pages went away; this core has flushed its own TLB */
    CHECK_EQUAL(space.stale, ~self_bit);
    atomic_store(&space.stale, self_bit);
    CHECK_EQUAL(address_space_cr3(self, &space), 0x1234007);
    CHECK_EQUAL(space.stale, 0);
}

/* A page that is taken from a space which is not loaded is not seen in it any more. */
static void stale_translations_are_not_used(void)
{
    enum { PAGE = 0x400000 };
    uint64_t kernel_cr3 = read_cr3(), first = frames_alloc(0), second = frames_alloc(0);
    struct address_space space = {kernel_map_new_space(), PCID_MAX, UINT64_MAX};
    *(uint64_t *)phys_to_virt(first) = 1;
    *(uint64_t *)phys_to_virt(second) = 2;
    CHECK(paging_map(space.root, PAGE, first, PAGE_SIZE, PAGE_NX, PAGE_SIZE));
    write_cr3(address_space_cr3(this_core(), &space));
    CHECK_EQUAL(*(volatile uint64_t *)PAGE, 1);
    write_cr3(kernel_cr3 | (features.pcid ? CR3_NO_FLUSH : 0));
    *paging_entry(space.root, PAGE) = second | PAGE_PRESENT | PAGE_NX;
    atomic_fetch_or(&space.stale, UINT64_C(1) << this_core()->index);
    write_cr3(address_space_cr3(this_core(), &space));
    CHECK_EQUAL(*(volatile uint64_t *)PAGE, 2);
    write_cr3(kernel_cr3);
    frames_free(first, 0);
    paging_free_lower_half(space.root);
    frames_free(space.root, 0);
}

TEST_SUITE(paging, {"maps_and_forgets", maps_and_forgets},
           {"promises", promises}, {"five_levels_reach_further", five_levels_reach_further}, {"chooses_large_pages", chooses_large_pages},
           {"image_matches_its_headers", image_matches_its_headers},
           {"nothing_is_writable_and_executable", nothing_is_writable_and_executable},
           {"boot_maps_are_gone", boot_maps_are_gone}, {"stacks_have_guards", stacks_have_guards},
           {"stale_spaces_are_flushed", stale_spaces_are_flushed},
           {"stale_translations_are_not_used", stale_translations_are_not_used});

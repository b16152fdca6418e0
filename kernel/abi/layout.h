/*
 * layout.h - where things live in the virtual address space, and the sizes that assembly shares
 * with C.
 *
 *   0000000000400000  user programs (linker_scripts/user.ld)
 *   00007fffffffe000  top of the user stack; the last canonical page is never mapped
 *   ffff800000000000  direct map: physical address + DIRECT_MAP_BASE, RAM only, RW, NX
 *   ffffff0000000000  stacks of the cores, each above an unmapped guard page
 *   ffffff4000000000  device registers, uncached
 *   ffffffff80100000  the kernel image, loaded at 1 MiB, mapped by its own program headers
 */
#pragma once

#include <stdint.h>

enum layout {
    PAGE_SIZE = 4096,
    /*
     * Virtual minus physical address of the kernel image. It is written as the negative number
     * that sign-extends to 0xffffffff80000000, because an enumerator is an int.
     */
    KERNEL_BASE = -0x7fffffff - 1,
    /* Slots of the top one of four levels of page tables, bits 47:39 of an address (Intel SDM Vol. 3A 4.5.4). */
    DIRECT_MAP_SLOT = 256,
    KERNEL_SLOT = 511,
    /* The kernel image's slot in the page directory pointer table below it, bits 38:30. */
    KERNEL_DIRECTORY_SLOT = 510,
    BOOT_MAPPED_GIB = 4,
    BOOT_STACK_SIZE = 4 * PAGE_SIZE,
    EARLY_STUB_SIZE = 16,
};

#define KERNEL_OFFSET ((uint64_t)(int64_t)KERNEL_BASE)
#define DIRECT_MAP_BASE UINT64_C(0xffff800000000000)
#define DIRECT_MAP_SIZE (UINT64_C(1) << 46)
#define STACK_WINDOW_BASE UINT64_C(0xffffff0000000000)
#define DEVICE_WINDOW_BASE UINT64_C(0xffffff4000000000)

/* First address that is no user address: the last page below the canonical hole stays unmapped,
 * so that a system call cannot return to a non-canonical address. */
#define USER_LIMIT UINT64_C(0x00007ffffffff000)
#define USER_STACK_TOP UINT64_C(0x00007fffffffe000)
#define USER_STACK_PAGES 4

/* The direct map's view of a physical address. */
static inline void *phys_to_virt(uint64_t physical)
{
    return (void *)(physical + DIRECT_MAP_BASE);
}

static inline uint64_t virt_to_phys(const void *direct)
{
    return (uint64_t)direct - DIRECT_MAP_BASE;
}

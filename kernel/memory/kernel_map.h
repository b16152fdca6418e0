/*
 * kernel_map.h - the kernel's own address space: the image as its program headers say, the direct
 * map, the cores' stacks, device registers. Every other address space shares its upper half.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/elf.h"

struct address_space;

/* Builds the map from the ELF header in .oro_boot and loads it; the boot page tables, and with
 * them the identity map, are gone after that. Prints one line per segment. */
void kernel_map_init(void);

/* What the segments' program headers say, in the file's order; the header itself goes with the boot
 * segment, which is the first. */
enum { KERNEL_SEGMENTS = 4 };
struct kernel_segments {
    unsigned count;
    struct elf_program_header headers[KERNEL_SEGMENTS];
};
extern struct kernel_segments kernel_segments;

/* Takes the boot segment away: what only loaders and cores that start read. Each core that runs
 * must flush its TLB after this, global entries too. */
void kernel_map_forget_boot(void);

/* Physical address of the top level. */
uint64_t kernel_map_root(void);

/* The kernel's own space: PCID 0, and nothing in its lower half that could become stale. */
struct address_space *kernel_map_space(void);

/* A new top level that shares the kernel's half; 0 if memory is out. */
uint64_t kernel_map_new_space(void);

/* Maps device registers uncached; returns where. */
void *kernel_map_device(uint64_t physical, uint64_t size);

/* A new stack of STACK_PAGES pages above an unmapped one; returns its top, 16-byte aligned. */
uint64_t kernel_map_stack(void);

enum { STACK_PAGES = 4 };

/* Maps one page below 1 MiB at its physical address, readable and executable, so that a core can
 * switch on paging there; and takes it away again. */
void kernel_map_trampoline(uint64_t page);
void kernel_unmap_trampoline(void);

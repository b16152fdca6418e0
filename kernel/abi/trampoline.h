/*
 * trampoline.h - what the starting core writes for a secondary into the page that holds the
 * real-mode trampoline (asm/smp_trampoline.S), TRAMPOLINE_PARAMETERS bytes into it.
 */
#pragma once

#include <stdint.h>

enum trampoline_constants {
    TRAMPOLINE_PARAMETERS = 0xf00, /* the code fits below; checked by linker_scripts/kernel.ld */
    TRAMPOLINE_GDT_ENTRIES = 3,
};

struct trampoline {
    uint16_t reserved;
    uint16_t gdt_limit; /* operand of lgdt: limit and 32-bit base */
    uint32_t gdt_base;
    uint32_t long_mode_offset; /* operand of the far jump: offset and selector */
    uint16_t long_mode_selector;
    uint16_t reserved2;
    uint32_t cr0, cr3, cr4, efer;
    uint64_t gdt[TRAMPOLINE_GDT_ENTRIES];
    uint64_t stack; /* rsp of the first C function */
    uint64_t core;  /* its argument */
    uint64_t entry; /* its address */
};

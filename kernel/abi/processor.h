/*
 * processor.h - numbers the architecture fixed: selectors, control register bits, model-specific
 * registers, descriptor formats. Shared with assembly.
 */
#pragma once

#include <stdint.h>

/*
 * The order is the one `syscall` and `sysretq` demand: kernel code, kernel data; 32-bit user code
 * (absent here), user data, user code (Intel SDM Vol. 2B SYSCALL, SYSRET).
 */
enum selectors {
    SELECTOR_KERNEL_CODE = 0x08,
    SELECTOR_KERNEL_DATA = 0x10,
    SELECTOR_USER_BASE = 0x18 | 3,
    SELECTOR_USER_DATA = 0x20 | 3,
    SELECTOR_USER_CODE = 0x28 | 3,
    SELECTOR_TSS = 0x30,
    GDT_ENTRIES = 8, /* the TSS descriptor takes two */
    SELECTOR_RING_MASK = 3,
};

/* Intel SDM Vol. 3A 2.5. */
enum control_bits {
    CR0_PE = 1 << 0,
    CR0_MP = 1 << 1,
    CR0_TS = 1 << 3,
    CR0_ET = 1 << 4,
    CR0_NE = 1 << 5,
    CR0_WP = 1 << 16,
    CR0_PG = -0x7fffffff - 1, /* bit 31 */
    /*
     * The kernel's CR0. TS makes every x87, MMX, SSE and AVX instruction fault; it is clear while
     * a thread runs that has vector state (kernel/arch/vector_state.h).
     */
    CR0_KERNEL = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_TS | CR0_MP | CR0_PE,
    CR4_DE = 1 << 3,
    CR4_PAE = 1 << 5,
    CR4_MCE = 1 << 6,
    CR4_PGE = 1 << 7,
    CR4_OSFXSR = 1 << 9,
    CR4_OSXMMEXCPT = 1 << 10,
    CR4_UMIP = 1 << 11,
    CR4_LA57 = 1 << 12,
    CR4_PCIDE = 1 << 17,
    CR4_OSXSAVE = 1 << 18,
    CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21,
};

enum rflags_bits {
    RFLAGS_FIXED = 1 << 1,
    RFLAGS_TF = 1 << 8,
    RFLAGS_IF = 1 << 9,
    RFLAGS_DF = 1 << 10,
    RFLAGS_IOPL = 3 << 12,
    RFLAGS_NT = 1 << 14,
    RFLAGS_AC = 1 << 18,
    /* Cleared on `syscall`: everything that the kernel must not inherit. */
    RFLAGS_SYSCALL_MASK = RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC |
                          0x10000 /* RF */ | 0x8d5 /* the arithmetic flags */,
};

/* Intel SDM Vol. 4 2.1. */
enum msr {
    MSR_APIC_BASE = 0x1b,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC = 0x800,
    MSR_EFER = -0x3fffff80,          /* 0xc0000080 */
    MSR_STAR = -0x3fffff7f,          /* 0xc0000081 */
    MSR_LSTAR = -0x3fffff7e,         /* 0xc0000082 */
    MSR_FMASK = -0x3fffff7c,         /* 0xc0000084 */
    MSR_GS_BASE = -0x3ffffeff,       /* 0xc0000101 */
    MSR_KERNEL_GS_BASE = -0x3ffffefe /* 0xc0000102 */
};

enum efer_bits {
    EFER_SCE = 1 << 0,
    EFER_LME = 1 << 8,
    EFER_NXE = 1 << 11,
};

/* Intel SDM Vol. 2A CPUID, table 3-8: leaf 7, ecx; leaf 0x80000001, edx. */
enum cpuid_bits {
    CPUID_STRUCTURED = 7,
    CPUID_STRUCTURED_LA57 = 1 << 16,
    CPUID_EXTENDED = -0x7fffffff,      /* 0x80000001 */
    CPUID_EXTENDED_NX = 1 << 20,
    CPUID_EXTENDED_LM = 1 << 29,
};

/* Page table entry bits that fit an int (Intel SDM Vol. 3A 4.5.4, table 4-19). */
enum page_bits {
    PAGE_PRESENT = 1 << 0,
    PAGE_WRITE = 1 << 1,
    PAGE_USER = 1 << 2,
    PAGE_WRITE_THROUGH = 1 << 3,
    PAGE_CACHE_DISABLE = 1 << 4,
    PAGE_ACCESSED = 1 << 5,
    PAGE_DIRTY = 1 << 6,
    PAGE_LARGE = 1 << 7,
    PAGE_GLOBAL = 1 << 8,
    /* Of an entry that is not present, which the processor ignores but for bit 0: the page is provided
     * at its first use. */
    PAGE_PROMISED = 1 << 9,
};
#define PAGE_NX (UINT64_C(1) << 63)
/* In a value for CR3 while PCIDs are on: keep what the TLB knows of this PCID (4.10.4.1). */
#define CR3_NO_FLUSH (UINT64_C(1) << 63)
#define PAGE_ADDRESS UINT64_C(0x000ffffffffff000)

/* Interrupt gate, 64-bit (Intel SDM Vol. 3A 6.14.1). */
struct idt_gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

enum gate_types {
    GATE_INTERRUPT = 0x8e, /* present, DPL 0, interrupts off on entry */
    GATE_INTERRUPT_USER = 0xee,
};

/* Operand of lgdt and lidt. */
struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

/* 64-bit TSS (Intel SDM Vol. 3A 7.7). */
struct __attribute__((packed)) tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
};

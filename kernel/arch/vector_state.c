#include "arch/vector_state.h"

#include "abi/core.h"
#include "abi/layout.h"
#include "arch/cpu.h"
#include "arch/descriptors.h"
#include "memory/frames.h"

/* Intel SDM Vol. 1 13.1, table 13-1: the components of XCR0 that programs may use here. */
enum components {
    COMPONENT_X87 = 1 << 0,
    COMPONENT_SSE = 1 << 1,
    COMPONENT_AVX = 1 << 2,
    COMPONENTS_AVX512 = 7 << 5,
};

enum {
    LEAF_BASIC = 1,
    LEAF_XSAVE = 0xd,
    LEGACY_SIZE = 512, /* what FXSAVE writes (Intel SDM Vol. 1 10.5.1) */
    /* Offsets there, and the values after initialisation (Vol. 3A 9.1.1, table 9-1). */
    CONTROL_WORD = 0,
    CONTROL_WORD_INITIAL = 0x37f,
    MXCSR = 24,
    MXCSR_INITIAL = 0x1f80,
};

uint8_t _oro_has_xsave;
static uint32_t size = LEGACY_SIZE;

/* The components that both the processor and this kernel know; AVX-512's only all together. */
static uint32_t components(void)
{
    uint32_t offered = cpuid(LEAF_XSAVE, 0).eax;
    uint32_t chosen = COMPONENT_X87 | COMPONENT_SSE;
    if (offered & COMPONENT_AVX) {
        chosen |= COMPONENT_AVX;
        if ((offered & COMPONENTS_AVX512) == COMPONENTS_AVX512)
            chosen |= COMPONENTS_AVX512;
    }
    return chosen;
}

void vector_state_enable(void)
{
    uint64_t cr4 = read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT;
    bool has_xsave = cpuid(LEAF_BASIC, 0).ecx >> 26 & 1; /* Intel SDM Vol. 2A CPUID, table 3-10 */
    if (has_xsave)
        cr4 |= CR4_OSXSAVE;
    write_cr4(cr4);
    if (!has_xsave)
        return;
    write_xcr0(components());
    size = cpuid(LEAF_XSAVE, 0).ebx; /* of what XCR0 has now */
    _oro_has_xsave = 1;
}

static unsigned area_order(void)
{
    unsigned order = 0;
    while ((uint64_t)PAGE_SIZE << order < size)
        order++;
    return order;
}

void *vector_state_new(void)
{
    uint64_t frame = frames_alloc(area_order());
    if (!frame)
        return 0;
    /* An XSAVE header of zeros means initial values, MXCSR excepted (Intel SDM Vol. 1 13.8). */
    uint8_t *area = phys_to_virt(frame);
    *(uint16_t *)(area + CONTROL_WORD) = CONTROL_WORD_INITIAL;
    *(uint32_t *)(area + MXCSR) = MXCSR_INITIAL;
    return area;
}

void vector_state_free(void *area)
{
    if (area)
        frames_free(virt_to_phys(area), area_order());
}

const char *vector_state_kind(void)
{
    return _oro_has_xsave ? "xsave" : "fxsave";
}

uint32_t vector_state_size(void)
{
    return size;
}

void vector_state_choose(struct core *core, void *area)
{
    bool changes = !core->vector_area != !area;
    core->vector_area = area;
    if (!changes)
        return;
    write_cr0((uint32_t)(area ? CR0_KERNEL & ~CR0_TS : CR0_KERNEL));
    idt_load(area != 0);
}

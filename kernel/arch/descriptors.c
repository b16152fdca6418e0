#include "arch/descriptors.h"

#include "abi/vectors.h"
#include "arch/cpu.h"
#include "lib/string.h"

extern const uint64_t _oro_boot_gdt[SELECTOR_TSS / 8];
extern const uint64_t _oro_isr_handlers_novec[VECTOR_COUNT], _oro_isr_handlers_vec[VECTOR_COUNT];
extern const char _oro_syscall_entry[];

/* For threads without and with vector state. */
static struct idt_gate idt_novec[VECTOR_COUNT], idt_vec[VECTOR_COUNT];

static uint8_t gate_ist(unsigned vector)
{
    switch (vector) {
    case VECTOR_DEBUG:
        return IST_DEBUG;
    case VECTOR_NMI:
        return IST_NMI;
    case VECTOR_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    case VECTOR_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    default:
        return IST_NONE;
    }
}

static void fill(struct idt_gate *idt, const uint64_t *handlers)
{
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        uint64_t address = handlers[vector];
        idt[vector] = (struct idt_gate){
            .offset_low = (uint16_t)address,
            .offset_middle = (uint16_t)(address >> 16),
            .offset_high = (uint32_t)(address >> 32),
            .selector = SELECTOR_KERNEL_CODE,
            .ist = gate_ist(vector),
            .type = vector == VECTOR_BREAKPOINT ? GATE_INTERRUPT_USER : GATE_INTERRUPT,
        };
    }
}

void idt_fill(void)
{
    fill(idt_novec, _oro_isr_handlers_novec);
    fill(idt_vec, _oro_isr_handlers_vec);
}

void idt_load(bool vectors)
{
    struct table_pointer pointer = {sizeof(idt_novec) - 1,
                                    (uint64_t)(vectors ? idt_vec : idt_novec)};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

/* Intel SDM Vol. 3A 7.2.3, figure 7-4: a 16-byte descriptor with the base in four pieces. */
static void tss_describe(struct core *core)
{
    uint64_t base = (uint64_t)&core->tss;
    uint64_t limit = sizeof(core->tss) - 1;
    uint64_t available_tss = UINT64_C(0x89) << 40;

    core->gdt[SELECTOR_TSS / 8] = limit | (base & 0xffffff) << 16 | available_tss |
                                  (base >> 24 & 0xff) << 56;
    core->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

static void segments_load(void)
{
    /* A far return reloads cs; data segments are null except ss (Intel SDM Vol. 3A 5.8.5). */
    __asm__ volatile("pushq %0\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "movl %1, %%ss\n\t"
                     "movl %2, %%ds\n\t"
                     "movl %2, %%es\n\t"
                     "movl %2, %%fs\n\t"
                     "movl %2, %%gs\n\t"
                     :
                     : "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA), "r"(0)
                     : "rax", "memory");
}

void descriptors_load(struct core *core, const uint64_t *ist_tops)
{
    memcpy(core->gdt, _oro_boot_gdt, sizeof(_oro_boot_gdt));
    memset(&core->tss, 0, sizeof(core->tss));
    for (unsigned i = 0; i < IST_COUNT; i++)
        core->tss.ist[i] = ist_tops[i];
    core->tss.io_map_base = sizeof(core->tss); /* beyond the limit: no port is open to ring 3 */
    tss_describe(core);

    struct table_pointer gdt_pointer = {sizeof(core->gdt) - 1, (uint64_t)core->gdt};
    __asm__ volatile("lgdt %0" : : "m"(gdt_pointer));
    segments_load();
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
    core->self = core;
    write_msr(MSR_GS_BASE, (uint64_t)core);
    write_msr(MSR_KERNEL_GS_BASE, 0);
    idt_load(false);

    /* Intel SDM Vol. 3A 5.8.8: STAR holds the selectors of `syscall` and `sysretq`. */
    write_msr(MSR_STAR, (uint64_t)SELECTOR_USER_BASE << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    write_msr(MSR_LSTAR, (uint64_t)_oro_syscall_entry);
    write_msr(MSR_FMASK, RFLAGS_SYSCALL_MASK);
}

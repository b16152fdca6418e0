/* The end of boot services, and the way into the kernel. */
#include "handover.h"

#define EXIT_ATTEMPTS 8

#define PAGE_PRESENT_WRITABLE UINT64_C(3)
#define PAGE_LARGE            UINT64_C(0x80)
#define LARGE_PAGE            UINT64_C(0x200000)
#define ENTRIES               512
#define CR4_LA57              (UINT64_C(1) << 12)

/* Everything that the last steps need, in memory below 4 GiB that nothing else uses. */
struct low_memory {
    uint64_t pml5[ENTRIES], pml4[ENTRIES], pdpt[ENTRIES], high_pdpt[ENTRIES];
    uint64_t pd[4][ENTRIES], high_pd[ENTRIES];
    uint8_t code[4096];
    uint8_t stack[4096];
    struct copy copies[SEGMENTS_MAX];
    uint64_t gdt[3];
    struct handover handover;
};

static uint64_t table_entry(const void *table)
{
    return (uintptr_t)table | PAGE_PRESENT_WRITABLE;
}

/* Maps the GiB at `address` one to one by `pd`. */
static void map_gib(uint64_t *pd, uint64_t address)
{
    for (uint64_t i = 0; i < ENTRIES; i++)
        pd[i] = (address + i * LARGE_PAGE) | PAGE_PRESENT_WRITABLE | PAGE_LARGE;
}

/* Tables for the first 4 GiB and, wherever the firmware has put it, the code of handover.S. */
static uint64_t make_tables(struct low_memory *low)
{
    uint64_t high = (uintptr_t)&handover_start & ~((UINT64_C(1) << 30) - 1), cr4;
    low->pml5[0] = table_entry(low->pml4);
    low->pml4[0] = table_entry(low->pdpt);
    for (uint64_t i = 0; i < 4; i++) {
        map_gib(low->pd[i], i << 30);
        low->pdpt[i] = table_entry(low->pd[i]);
    }
    if (high >= FOUR_GIB) {
        uint64_t *pdpt = high >> 39 & 511 ? low->high_pdpt : low->pdpt;
        map_gib(low->high_pd, high);
        pdpt[high >> 30 & 511] = table_entry(low->high_pd);
        low->pml4[high >> 39 & 511] = table_entry(pdpt);
    }
    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    return (uintptr_t)(cr4 & CR4_LA57 ? low->pml5 : low->pml4);
}

static struct low_memory *prepare_low(void)
{
    struct low_memory *low = pages_below_4gib(sizeof(*low));
    if (!low)
        fatal("memory-small", "There is no memory for the way into the kernel.");
    uint64_t gdt = (uintptr_t)low->gdt;
    memcpy(low->code, handover_low, (size_t)(handover_low_end - handover_low));
    memcpy(low->copies, copies, sizeof(copies));
    low->gdt[1] = UINT64_C(0x00cf9b000000ffff); /* 32-bit code: base 0, limit 4 GiB */
    low->gdt[2] = UINT64_C(0x00cf93000000ffff); /* data likewise */
    low->handover.cr3 = make_tables(low);
    low->handover.code = (uintptr_t)low->code;
    low->handover.stack = (uintptr_t)(low->stack + sizeof(low->stack));
    low->handover.entry = kernel.entry;
    low->handover.copy_count = copy_count;
    low->handover.copies = (uintptr_t)low->copies;
    low->handover.gdt_limit = sizeof(low->gdt) - 1;
    memcpy(low->handover.gdt_base, &gdt, sizeof(gdt));
    return low;
}

/* A kernel that keeps boot services is copied now, and entered in the firmware's own mode. */
static _Noreturn void enter_with_boot_services(void)
{
    struct memory_map map;
    for (uint32_t i = 0; i < copy_count; i++) {
        uint8_t *to = (uint8_t *)(uintptr_t)copies[i].to;
        memcpy(to, (const void *)(uintptr_t)copies[i].from, copies[i].file_size);
        memset(to + copies[i].file_size, 0, copies[i].memory_size - copies[i].file_size);
    }
    if (!memory_map_read(&map))
        fatal("memory-map", "The firmware gives no memory map.");
    handover_efi(kernel.entry, information_finish(&map, true));
}

_Noreturn void kernel_enter(void)
{
    struct memory_map map;
    say("oro: loader=uefi entry=");
    say_hex(kernel.entry);
    say("\r\n");
    if (kernel.keep_boot_services)
        enter_with_boot_services();
    struct low_memory *low = prepare_low();
    /* The map may change until the very moment; a stale key is refused, and then nothing but these
     * two calls may be made (UEFI 2.10, section 7.4.6). */
    for (int attempt = 0; attempt < EXIT_ATTEMPTS; attempt++) {
        if (!memory_map_read(&map))
            break;
        low->handover.information = information_finish(&map, false);
        if (firmware->boot->exit_boot_services(image_handle, map.key) == EFI_SUCCESS)
            handover_start(&low->handover);
    }
    fatal("exit-boot-services", "The firmware does not end its boot services.");
}

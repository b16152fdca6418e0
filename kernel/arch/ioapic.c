#include "arch/ioapic.h"

#include <stddef.h>

#include "abi/layout.h"
#include "console/printk.h"
#include "firmware/routing.h"
#include "memory/kernel_map.h"

/* Data sheet 3.1: two registers through which the others are reached. */
enum { SELECT = 0x00 / 4, WINDOW = 0x10 / 4, REGISTERS_SIZE = 0x20 };
/* 3.2: the entry of input n takes two registers, ENTRIES + 2 n and the next. */
enum { VERSION = 0x01, ENTRIES = 0x10 };
enum {
    ENTRY_ACTIVE_LOW = 1 << 13,
    ENTRY_LEVEL = 1 << 15,
    ENTRY_MASKED = 1 << 16,
    VERSION_LAST_ENTRY_SHIFT = 16,
    DESTINATION_SHIFT = 24,
    DESTINATION_MAX = 0xfe, /* 8 bits, all ones meaning every core */
};

/* Inputs of each of routing.ioapics; 0 if nothing answers there. */
static uint32_t input_counts[ROUTING_IOAPICS];
static volatile uint32_t *registers[ROUTING_IOAPICS];

static uint32_t ioapic_read(uint32_t index, uint32_t number)
{
    registers[index][SELECT] = number;
    return registers[index][WINDOW];
}

static void ioapic_write(uint32_t index, uint32_t number, uint32_t value)
{
    registers[index][SELECT] = number;
    registers[index][WINDOW] = value;
}

void ioapic_mask_all(void)
{
    for (uint32_t i = 0; i < routing.ioapic_count; i++) {
        for (uint32_t input = 0; input < input_counts[i]; input++)
            ioapic_write(i, ENTRIES + 2 * input, ENTRY_MASKED);
    }
}

void ioapic_init(void)
{
    for (uint32_t i = 0; i < routing.ioapic_count; i++) {
        const struct routing_ioapic *ioapic = &routing.ioapics[i];
        registers[i] = kernel_map_device(ioapic->address, REGISTERS_SIZE);
        uint32_t version = ioapic_read(i, VERSION);
        if (version == 0 || version == UINT32_MAX) {
            printk("no I/O APIC answers at 0x%x: left alone\n", ioapic->address);
            continue;
        }
        input_counts[i] = (version >> VERSION_LAST_ENTRY_SHIFT & 0xff) + 1;
        printk("oro: ioapic=%u address=0x%x first_gsi=%u inputs=%u\n", i, ioapic->address,
               ioapic->first_gsi, input_counts[i]);
    }
    ioapic_mask_all();
}

/* The register of the entry for this GSI, with *index the I/O APIC's; 0 if there is none. */
static uint32_t entry_register(uint32_t gsi, uint32_t *index)
{
    for (uint32_t i = 0; i < routing.ioapic_count; i++) {
        uint32_t first = routing.ioapics[i].first_gsi;
        if (gsi >= first && gsi - first < input_counts[i]) {
            *index = i;
            return ENTRIES + 2 * (gsi - first);
        }
    }
    return 0;
}

bool ioapic_route_isa(unsigned irq, uint8_t vector, uint32_t apic_id)
{
    const struct routing_line *line = &routing.lines[irq];
    uint32_t index;
    uint32_t entry = entry_register(line->gsi, &index);
    if (!entry || apic_id > DESTINATION_MAX)
        return false;
    /* The destination first: the write of the lower half unmasks. Fixed delivery, physical
     * destination. */
    ioapic_write(index, entry + 1, apic_id << DESTINATION_SHIFT);
    ioapic_write(index, entry,
                 vector | (line->active_low ? ENTRY_ACTIVE_LOW : 0) |
                     (line->level ? ENTRY_LEVEL : 0));
    return true;
}

uint64_t ioapic_isa_entry(unsigned irq)
{
    uint32_t index;
    uint32_t entry = entry_register(routing.lines[irq].gsi, &index);
    if (!entry)
        return UINT64_MAX;
    return (uint64_t)ioapic_read(index, entry + 1) << 32 | ioapic_read(index, entry);
}

#include "firmware/mp_table.h"

#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "boot/boot_info.h"
#include "firmware/routing.h"
#include "firmware/scan.h"
#include "firmware/topology.h"
#include "lib/string.h"

struct floating_pointer {
    char signature[4]; /* "_MP_" */
    uint32_t table;
    uint8_t length; /* in units of 16 bytes */
    uint8_t revision, checksum;
    uint8_t features[5]; /* [0]: number of a default configuration; [1] bit 7: IMCRP */
};

struct configuration {
    char signature[4]; /* "PCMP" */
    uint16_t length;
    uint8_t revision, checksum;
    char oem[8], product[12];
    uint32_t oem_table;
    uint16_t oem_size, entry_count;
    uint32_t lapic_base;
    uint16_t extended_length;
    uint8_t extended_checksum, reserved;
};

enum {
    ENTRY_PROCESSOR = 0,
    ENTRY_BUS = 1,
    ENTRY_IOAPIC = 2,
    ENTRY_INTERRUPT = 3,
    ENTRY_PROCESSOR_SIZE = 20,
    ENTRY_OTHER_SIZE = 8,
    PROCESSOR_ENABLED = 1,
    IOAPIC_ENABLED = 1,
    INTERRUPT_VECTORED = 0,
    DEFAULT_IOAPIC = -0x1400000, /* 0xfec00000 */
    /* The table names an input by its I/O APIC and its number there; as GSIs, each I/O APIC has as
     * many as it can have inputs. */
    GSIS_OF_IOAPIC = 256,
    FEATURE_IMCRP = 0x80,
};

uint64_t mp_table_find(void)
{
    uint64_t named;
    if (boot_option_number("mp_table=", &named))
        return named;
    /* The size of base memory in KiB is at 0x413 (chapter 4). */
    const uint8_t *word = phys_to_virt(0x413);
    uint64_t base_end = (uint64_t)(word[0] | word[1] << 8) << 10;
    uint64_t ebda = scan_ebda(), found = 0;
    enum { SIZE = sizeof(struct floating_pointer) };
    if (ebda)
        found = scan_find(ebda, 1024, "_MP_", SIZE);
    if (!found && base_end >= 1024 && base_end <= 0xa0000)
        found = scan_find(base_end - 1024, 1024, "_MP_", SIZE);
    return found ? found : scan_find(0xf0000, 0x10000, "_MP_", SIZE);
}

/* The structure that mp_table_find() found, if this kernel understands it. */
static const struct floating_pointer *pointer_at(uint64_t address)
{
    const struct floating_pointer *pointer = scan_physical(address, sizeof(*pointer));
    return pointer && pointer->length == 1 ? pointer : NULL;
}

bool mp_table_has_imcr(uint64_t pointer)
{
    const struct floating_pointer *found = pointer_at(pointer);
    return found && found->features[1] & FEATURE_IMCRP;
}

static const struct configuration *table_at(uint64_t address)
{
    const struct configuration *table = scan_physical(address, sizeof(*table));
    if (!table || memcmp(table->signature, "PCMP", 4) || table->length < sizeof(*table) ||
        !scan_physical(address, table->length) || !scan_checksum(table, table->length))
        return NULL;
    return table;
}

/* Entries as 4.3.1 to 4.3.4 lay them out, the first byte being the type. */
static void read_entry(const uint8_t *entry, int *isa_bus)
{
    uint32_t address;
    switch (entry[0]) {
    case ENTRY_PROCESSOR:
        if (entry[3] & PROCESSOR_ENABLED)
            topology_add_core(entry[1]);
        break;
    case ENTRY_BUS:
        if (memcmp(entry + 2, "ISA   ", 6) == 0)
            *isa_bus = entry[1];
        break;
    case ENTRY_IOAPIC:
        memcpy(&address, entry + 4, sizeof(address));
        if (entry[3] & IOAPIC_ENABLED)
            routing_add_ioapic(address, routing.ioapic_count * GSIS_OF_IOAPIC, entry[1]);
        break;
    case ENTRY_INTERRUPT:
        for (uint32_t i = 0; i < routing.ioapic_count; i++) {
            const struct routing_ioapic *ioapic = &routing.ioapics[i];
            if (entry[1] == INTERRUPT_VECTORED && entry[4] == *isa_bus && entry[6] == ioapic->id)
                routing_override(entry[5], ioapic->first_gsi + entry[7],
                                 (uint16_t)(entry[2] | entry[3] << 8));
        }
        break;
    }
}

static void read_entries(const struct configuration *table)
{
    const uint8_t *entry = (const uint8_t *)(table + 1);
    const uint8_t *end = (const uint8_t *)table + table->length;
    int isa_bus = -1; /* the entries come in the order of their types */
    for (uint16_t i = 0; i < table->entry_count && entry < end; i++) {
        size_t size = entry[0] == ENTRY_PROCESSOR ? ENTRY_PROCESSOR_SIZE : ENTRY_OTHER_SIZE;
        if (size > (size_t)(end - entry))
            break;
        read_entry(entry, &isa_bus);
        entry += size;
    }
}

bool mp_table_read(uint64_t pointer)
{
    const struct floating_pointer *found = pointer_at(pointer);
    if (!found)
        return false;
    if (found->features[0]) {
        /* A default configuration (chapter 5): two processors, APIC ids 0 and 1, and an I/O APIC
         * whose inputs are in the order of the ISA lines. */
        topology_add_core(0);
        topology_add_core(1);
        routing_add_ioapic((uint32_t)DEFAULT_IOAPIC, 0, 2);
        return true;
    }
    const struct configuration *table = table_at(found->table);
    if (table)
        read_entries(table);
    return topology.core_count != 0;
}

#include "firmware/acpi.h"

#include <stddef.h>
#include <stdint.h>

#include "boot/boot_info.h"
#include "firmware/routing.h"
#include "firmware/scan.h"
#include "firmware/topology.h"
#include "lib/string.h"

struct __attribute__((packed)) rsdp {
    char signature[8]; /* "RSD PTR " */
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    /* since revision 2 */
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
};

enum {
    RSDP_OLD_SIZE = 20,
    TABLE_MAX_SIZE = 1 << 20, /* a longer one would be summed for long, across device registers */
};

struct __attribute__((packed)) table {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
};

struct __attribute__((packed)) madt {
    struct table header;
    uint32_t lapic_base, flags;
};

struct __attribute__((packed)) madt_entry {
    uint8_t type, length;
    union {
        struct __attribute__((packed)) {
            uint8_t processor, apic_id;
            uint32_t flags;
        } lapic;
        struct __attribute__((packed)) {
            uint16_t reserved;
            uint32_t apic_id, flags;
        } x2apic;
        struct __attribute__((packed)) {
            uint8_t id, reserved;
            uint32_t address, first_gsi;
        } ioapic;
        struct __attribute__((packed)) {
            uint8_t bus, irq;
            uint32_t gsi;
            uint16_t flags;
        } override;
    };
};

struct __attribute__((packed)) hpet {
    struct table header;
    uint32_t block;
    uint8_t address_space, width, offset, access; /* generic address (ACPI 6.5, 5.2.3.2) */
    uint64_t address;
    uint8_t number;
    uint16_t minimum_tick;
    uint8_t protection;
};

enum { ADDRESS_IN_MEMORY = 0 };

enum madt_types { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_X2APIC = 9 };
enum { MADT_CORE_ENABLED = 1 };

/* The table at this address, if it is readable and its checksum is right. */
static const struct table *table_at(uint64_t address)
{
    const struct table *table = scan_physical(address, sizeof(*table));
    if (!table || table->length < sizeof(*table) || table->length > TABLE_MAX_SIZE ||
        !scan_physical(address, table->length) || !scan_checksum(table, table->length))
        return NULL;
    return table;
}

/* The root pointer at this address, if it is one. */
static const struct rsdp *root_at(uint64_t address)
{
    const struct rsdp *rsdp = scan_physical(address, sizeof(*rsdp));
    if (!rsdp || memcmp(rsdp->signature, "RSD PTR ", 8) || !scan_checksum(rsdp, RSDP_OLD_SIZE))
        return NULL;
    return rsdp;
}

uint64_t acpi_find_root(void)
{
    uint64_t named;
    if (boot_option_number("acpi_rsdp=", &named))
        return named;
    if (root_at(boot_info.rsdp))
        return boot_info.rsdp;
    uint64_t ebda = scan_ebda();
    uint64_t found = ebda ? scan_find(ebda, 1024, "RSD PTR ", RSDP_OLD_SIZE) : 0;
    return found ? found : scan_find(BIOS_AREA, BIOS_AREA_SIZE, "RSD PTR ", RSDP_OLD_SIZE);
}

/* The table with this signature that a root table lists; entries are `width` bytes wide. */
static const struct table *find_in(const struct table *root, size_t width, const char *signature)
{
    if (!root)
        return NULL;
    const char *entry = (const char *)(root + 1);
    const char *end = (const char *)root + root->length;
    for (; entry + width <= end; entry += width) {
        uint64_t address = 0;
        memcpy(&address, entry, width);
        const struct table *table = table_at(address);
        if (table && memcmp(table->signature, signature, 4) == 0)
            return table;
    }
    return NULL;
}

static const struct table *find_table(uint64_t root, const char *signature)
{
    const struct rsdp *rsdp = root_at(root);
    if (!rsdp)
        return NULL;
    const struct table *found = NULL;
    if (rsdp->revision >= 2 && scan_checksum(rsdp, sizeof(*rsdp)))
        found = find_in(table_at(rsdp->xsdt), sizeof(uint64_t), signature);
    return found ? found : find_in(table_at(rsdp->rsdt), sizeof(uint32_t), signature);
}

static void read_entry(const struct madt_entry *entry)
{
    switch (entry->type) {
    case MADT_LAPIC:
        if (entry->lapic.flags & MADT_CORE_ENABLED)
            topology_add_core(entry->lapic.apic_id);
        break;
    case MADT_X2APIC:
        if (entry->x2apic.flags & MADT_CORE_ENABLED)
            topology_add_core(entry->x2apic.apic_id);
        break;
    case MADT_IOAPIC:
        routing_add_ioapic(entry->ioapic.address, entry->ioapic.first_gsi, entry->ioapic.id);
        break;
    case MADT_OVERRIDE:
        routing_override(entry->override.irq, entry->override.gsi, entry->override.flags);
        break;
    }
}

/* Bytes that an entry of this type has at least. */
static uint8_t entry_size(uint8_t type)
{
    switch (type) {
    case MADT_LAPIC:
        return 8;
    case MADT_IOAPIC:
        return 12;
    case MADT_OVERRIDE:
        return 10;
    case MADT_X2APIC:
        return 16;
    default:
        return 2;
    }
}

bool acpi_read_madt(uint64_t root)
{
    const struct madt *madt = (const void *)find_table(root, "APIC");
    if (!madt || madt->header.length < sizeof(*madt))
        return false;
    const char *next = (const char *)(madt + 1);
    const char *end = (const char *)madt + madt->header.length;
    while (next + 2 <= end) {
        const struct madt_entry *entry = (const void *)next;
        if (entry->length < entry_size(entry->type) || entry->length > end - next)
            break; /* what follows cannot be trusted */
        read_entry(entry);
        next += entry->length;
    }
    return topology.core_count != 0;
}

uint64_t acpi_read_hpet(uint64_t root)
{
    const struct hpet *hpet = (const void *)find_table(root, "HPET");
    if (!hpet || hpet->header.length < sizeof(*hpet) || hpet->address_space != ADDRESS_IN_MEMORY)
        return 0;
    return hpet->address;
}

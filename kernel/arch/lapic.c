#include "arch/lapic.h"

#include "abi/layout.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/lapic_registers.h"
#include "boot/boot_info.h"
#include "memory/kernel_map.h"

enum {
    BASE_X2APIC = 1 << 10,
    BASE_ENABLED = 1 << 11,
    SPURIOUS_ENABLED = 1 << 8,
    COMMAND_NMI = 4 << 8,
    COMMAND_INIT = 5 << 8,
    COMMAND_STARTUP = 6 << 8,
    COMMAND_PENDING = 1 << 12,
    COMMAND_ASSERT = 1 << 14,
    COMMAND_ALL_BUT_SELF = 3 << 18,
};

struct lapic_access lapic_access;

void lapic_init(void)
{
    uint64_t apic_base = read_msr(MSR_APIC_BASE);
    /* The firmware's choice stands, unless the command line wants to see the other mode work. */
    bool offered = cpuid(1, 0).ecx >> 21 & 1; /* Intel SDM Vol. 2A CPUID, table 3-10 */
    lapic_access.x2apic = apic_base & BASE_X2APIC || (offered && boot_option("apic=x2apic"));
    if (!lapic_access.x2apic)
        lapic_access.registers = kernel_map_device(apic_base & PAGE_ADDRESS, PAGE_SIZE);
}

void lapic_enable(void)
{
    /* A core may come up in another mode than the first one's (Intel SDM Vol. 3A 10.12.5). */
    uint64_t apic_base = read_msr(MSR_APIC_BASE) | BASE_ENABLED;
    if (lapic_access.x2apic)
        apic_base |= BASE_X2APIC;
    write_msr(MSR_APIC_BASE, apic_base);

    lapic_write(REGISTER_SPURIOUS, SPURIOUS_ENABLED | VECTOR_SPURIOUS);
    lapic_write(REGISTER_TASK_PRIORITY, 0);
    lapic_write(REGISTER_LVT_LINT0, LVT_MASKED);
    lapic_write(REGISTER_LVT_ERROR, VECTOR_APIC_ERROR);
    lapic_write(REGISTER_ERROR_STATUS, 0);
    lapic_end_of_interrupt();
}

uint32_t lapic_id(void)
{
    uint32_t id = lapic_read(REGISTER_ID);
    return lapic_access.x2apic ? id : id >> 24;
}

bool lapic_is_x2apic(void)
{
    return lapic_access.x2apic;
}

void lapic_end_of_interrupt(void)
{
    lapic_write(REGISTER_END_OF_INTERRUPT, 0);
}

/* A vector's bit in one of the 256-bit registers: eight of 32 bits, 0x10 apart. */
static bool vector_bit(enum lapic_register first, uint8_t vector)
{
    uint32_t bits = lapic_read((enum lapic_register)(first + 0x10 * (vector / 32)));
    return bits >> vector % 32 & 1;
}

bool lapic_requested(uint8_t vector)
{
    return vector_bit(REGISTER_REQUESTS, vector);
}

bool lapic_in_service(uint8_t vector)
{
    return vector_bit(REGISTER_IN_SERVICE, vector);
}

uint32_t lapic_errors(void)
{
    lapic_write(REGISTER_ERROR_STATUS, 0); /* updates it (Intel SDM Vol. 3A 10.5.3) */
    return lapic_read(REGISTER_ERROR_STATUS);
}

/* Intel SDM Vol. 3A 10.6.1 and 10.12.9: the command register, one 64-bit MSR in x2APIC mode. */
static void lapic_command(uint32_t apic_id, uint32_t command)
{
    if (lapic_access.x2apic) {
        write_msr((enum msr)(MSR_X2APIC + REGISTER_COMMAND_LOW / 16),
                  (uint64_t)apic_id << 32 | command);
        return;
    }
    while (lapic_read(REGISTER_COMMAND_LOW) & COMMAND_PENDING)
        cpu_pause();
    lapic_write(REGISTER_COMMAND_HIGH, apic_id << 24);
    lapic_write(REGISTER_COMMAND_LOW, command);
}

bool lapic_reaches(uint32_t apic_id)
{
    return lapic_access.x2apic || apic_id < 0xff;
}

void lapic_send_init(uint32_t apic_id)
{
    lapic_command(apic_id, COMMAND_INIT | COMMAND_ASSERT);
}

void lapic_send_startup(uint32_t apic_id, uint8_t page)
{
    lapic_command(apic_id, COMMAND_STARTUP | COMMAND_ASSERT | page);
}

void lapic_send_vector(uint32_t apic_id, uint8_t vector)
{
    lapic_command(apic_id, COMMAND_ASSERT | vector);
}

void lapic_send_nmi(uint32_t apic_id)
{
    lapic_command(apic_id, COMMAND_ASSERT | COMMAND_NMI);
}

void lapic_send_nmi_to_others(void)
{
    lapic_command(0, COMMAND_ALL_BUT_SELF | COMMAND_ASSERT | COMMAND_NMI);
}

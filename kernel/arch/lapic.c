#include "arch/lapic.h"

#include "abi/layout.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/pit.h"
#include "boot/boot_info.h"
#include "memory/kernel_map.h"

/* Register offsets (Intel SDM Vol. 3A 10.4.1, table 10-1); the x2APIC MSR of a register is
 * MSR_X2APIC plus its offset / 16 (10.12.1.2). */
enum lapic_register {
    REGISTER_ID = 0x20,
    REGISTER_TASK_PRIORITY = 0x80,
    REGISTER_END_OF_INTERRUPT = 0xb0,
    REGISTER_SPURIOUS = 0xf0,
    REGISTER_REQUESTS = 0x200, /* eight of them, 0x10 apart */
    REGISTER_ERROR_STATUS = 0x280,
    REGISTER_COMMAND_LOW = 0x300,
    REGISTER_COMMAND_HIGH = 0x310,
    REGISTER_LVT_TIMER = 0x320,
    REGISTER_LVT_LINT0 = 0x350,
    REGISTER_LVT_ERROR = 0x370,
    REGISTER_TIMER_INITIAL = 0x380,
    REGISTER_TIMER_CURRENT = 0x390,
    REGISTER_TIMER_DIVIDE = 0x3e0,
};

enum {
    BASE_X2APIC = 1 << 10,
    BASE_ENABLED = 1 << 11,
    SPURIOUS_ENABLED = 1 << 8,
    LVT_MASKED = 1 << 16,
    LVT_PERIODIC = 1 << 17,
    DIVIDE_BY_16 = 3,
    COMMAND_NMI = 4 << 8,
    COMMAND_INIT = 5 << 8,
    COMMAND_STARTUP = 6 << 8,
    COMMAND_PENDING = 1 << 12,
    COMMAND_ASSERT = 1 << 14,
    COMMAND_ALL_BUT_SELF = 3 << 18,
};

static bool x2apic;
static volatile uint32_t *registers;
static uint32_t timer_hz;

static uint32_t lapic_read(enum lapic_register reg)
{
    if (x2apic)
        return (uint32_t)read_msr((enum msr)(MSR_X2APIC + reg / 16));
    return registers[reg / sizeof(uint32_t)];
}

static void lapic_write(enum lapic_register reg, uint32_t value)
{
    if (x2apic)
        write_msr((enum msr)(MSR_X2APIC + reg / 16), value);
    else
        registers[reg / sizeof(uint32_t)] = value;
}

void lapic_init(void)
{
    uint64_t apic_base = read_msr(MSR_APIC_BASE);
    /* The firmware's choice stands, unless the command line wants to see the other mode work. */
    bool offered = cpuid(1, 0).ecx >> 21 & 1; /* Intel SDM Vol. 2A CPUID, table 3-10 */
    x2apic = apic_base & BASE_X2APIC || (offered && boot_option("apic=x2apic"));
    if (!x2apic)
        registers = kernel_map_device(apic_base & PAGE_ADDRESS, PAGE_SIZE);
}

void lapic_enable(void)
{
    /* A core may come up in another mode than the first one's (Intel SDM Vol. 3A 10.12.5). */
    uint64_t apic_base = read_msr(MSR_APIC_BASE) | BASE_ENABLED;
    if (x2apic)
        apic_base |= BASE_X2APIC;
    write_msr(MSR_APIC_BASE, apic_base);

    lapic_write(REGISTER_SPURIOUS, SPURIOUS_ENABLED | VECTOR_SPURIOUS);
    lapic_write(REGISTER_TASK_PRIORITY, 0);
    lapic_write(REGISTER_LVT_LINT0, LVT_MASKED);
    lapic_write(REGISTER_LVT_ERROR, VECTOR_APIC_ERROR);
    lapic_write(REGISTER_ERROR_STATUS, 0);
    lapic_end_of_interrupt();
}

/* Timer counts while 5 milliseconds pass. */
static uint32_t calibrate_once(void)
{
    lapic_write(REGISTER_TIMER_DIVIDE, DIVIDE_BY_16);
    lapic_write(REGISTER_LVT_TIMER, LVT_MASKED);
    pit_start(5000);
    lapic_write(REGISTER_TIMER_INITIAL, UINT32_MAX);
    pit_wait();
    uint32_t counted = UINT32_MAX - lapic_read(REGISTER_TIMER_CURRENT);
    lapic_write(REGISTER_TIMER_INITIAL, 0);
    return counted;
}

void lapic_timer_calibrate(void)
{
    /* An emulator that is descheduled while it counts reports too much: believe the least. */
    uint32_t least = UINT32_MAX;
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        uint32_t counted = calibrate_once();
        if (counted < least)
            least = counted;
    }
    timer_hz = least * 200;
}

void lapic_timer_start(uint32_t hz)
{
    uint32_t count = timer_hz / hz;
    lapic_write(REGISTER_TIMER_DIVIDE, DIVIDE_BY_16);
    lapic_write(REGISTER_LVT_TIMER, LVT_PERIODIC | VECTOR_TIMER);
    lapic_write(REGISTER_TIMER_INITIAL, count ? count : 1);
}

void lapic_timer_stop(void)
{
    lapic_write(REGISTER_LVT_TIMER, LVT_MASKED);
    lapic_write(REGISTER_TIMER_INITIAL, 0);
}

bool lapic_timer_masked(void)
{
    return lapic_read(REGISTER_LVT_TIMER) & LVT_MASKED;
}

uint32_t lapic_timer_hz(void)
{
    return timer_hz;
}

uint32_t lapic_id(void)
{
    uint32_t id = lapic_read(REGISTER_ID);
    return x2apic ? id : id >> 24;
}

bool lapic_is_x2apic(void)
{
    return x2apic;
}

void lapic_end_of_interrupt(void)
{
    lapic_write(REGISTER_END_OF_INTERRUPT, 0);
}

bool lapic_requested(uint8_t vector)
{
    uint32_t requests =
        lapic_read((enum lapic_register)(REGISTER_REQUESTS + 0x10 * (vector / 32)));
    return requests >> vector % 32 & 1;
}

/* Intel SDM Vol. 3A 10.6.1 and 10.12.9: the command register, one 64-bit MSR in x2APIC mode. */
static void lapic_command(uint32_t apic_id, uint32_t command)
{
    if (x2apic) {
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
    return x2apic || apic_id < 0xff;
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

void lapic_send_nmi_to_others(void)
{
    lapic_command(0, COMMAND_ALL_BUT_SELF | COMMAND_ASSERT | COMMAND_NMI);
}

/* firmware_test.c - ACPI and MP tables made by hand in base memory: sound ones are read, damaged
 * ones refused or read as far as they can be, and no damage takes the kernel beyond its bounds. */
#include "abi/layout.h"
#include "boot/memory_map.h"
#include "firmware/acpi.h"
#include "firmware/mp_table.h"
#include "firmware/routing.h"
#include "firmware/scan.h"
#include "firmware/topology.h"
#include "lib/string.h"
#include "test/ktap.h"

/* Where things lie in the page, and how large they are (ACPI 6.5, 5.2.5 to 5.2.12). */
enum {
    ROOT = 0,
    ROOT_SIZE = 36,
    XSDT = 64,
    XSDT_SIZE = 36 + 2 * 8,
    MADT = 128,
    MADT_SIZE = 44 + 3 * 8 + 16 + 12 + 10,
    HPET = 512,
    HPET_SIZE = 56,
    MP_POINTER = 1024,
    MP_TABLE = 1040,
    MP_SIZE = 44 + 2 * 20 + 5 * 8,
    PAGE_USED = 2048,
    /* Base memory, which the frame allocator leaves alone, and which goes on for long enough that
     * any 16-bit length stays in it. */
    PAGE_ADDRESS_USED = 0x10000,
    PAGE_ADDRESS_END = 0x30000,
};

static uint64_t frame;
static uint8_t *page;
static struct topology saved;
static struct routing saved_routing;

static void put32(unsigned offset, uint32_t value)
{
    memcpy(page + offset, &value, sizeof(value));
}

static void fix_checksum(unsigned table, unsigned size, unsigned checksum)
{
    uint8_t sum = 0;
    page[table + checksum] = 0;
    for (unsigned i = 0; i < size; i++)
        sum = (uint8_t)(sum + page[table + i]);
    page[table + checksum] = (uint8_t)-sum;
}

static void fix_checksums(void)
{
    fix_checksum(ROOT, 20, 8);
    fix_checksum(ROOT, ROOT_SIZE, 32);
    fix_checksum(XSDT, XSDT_SIZE, 9);
    fix_checksum(MADT, MADT_SIZE, 9);
    fix_checksum(HPET, HPET_SIZE, 9);
    fix_checksum(MP_POINTER, 16, 10);
    fix_checksum(MP_TABLE, MP_SIZE, 7);
}

/* Cores 3, 5 (disabled) and 7, and by x2APIC entry 300; an I/O APIC at 0xfec00000 whose inputs begin
 * with 24, and IRQ 4 at GSI 30, active low and level triggered. In the MP table cores 1 and 2, and
 * two I/O APICs, with IRQ 1 at input 3 of the second, level triggered. */
static void make_tables(void)
{
    memset(page, 0, PAGE_USED);
    memcpy(page + ROOT, "RSD PTR ", 8);
    page[ROOT + 15] = 2;
    put32(ROOT + 20, ROOT_SIZE);
    put32(ROOT + 24, (uint32_t)frame + XSDT);
    memcpy(page + XSDT, "XSDT", 4);
    put32(XSDT + 4, XSDT_SIZE);
    put32(XSDT + 36, (uint32_t)frame + MADT);
    put32(XSDT + 44, (uint32_t)frame + HPET);
    memcpy(page + HPET, "HPET", 4);
    put32(HPET + 4, HPET_SIZE);
    put32(HPET + 44, 0xfed00000);
    memcpy(page + MADT, "APIC", 4);
    put32(MADT + 4, MADT_SIZE);
    static const uint8_t entries[] = {0, 8, 0, 3, 1, 0, 0, 0, 0, 8, 1, 5, 0, 0,    0, 0, 0, 8, 2, 7,
                                      1, 0, 0, 0, 9, 16, 0, 0, 44, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                                      1, 12, 5, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0,
                                      2, 10, 0, 4, 30, 0, 0, 0, 0x0f, 0};
    memcpy(page + MADT + 44, entries, sizeof(entries));

    memcpy(page + MP_POINTER, "_MP_", 4);
    put32(MP_POINTER + 4, (uint32_t)frame + MP_TABLE);
    page[MP_POINTER + 8] = 1;
    memcpy(page + MP_TABLE, "PCMP", 4);
    page[MP_TABLE + 4] = MP_SIZE;
    page[MP_TABLE + 34] = 7;
    for (unsigned i = 0; i < 2; i++) {
        page[MP_TABLE + 44 + 20 * i + 1] = (uint8_t)(i + 1);
        page[MP_TABLE + 44 + 20 * i + 3] = 1;
    }
    static const uint8_t others[] = {1, 7, 'I', 'S', 'A', ' ', ' ', ' ', 2, 8, 0x11, 1, 0, 0, 0xc0, 0xfe,
                                     2, 9, 0x11, 1, 0, 0x10, 0xc0, 0xfe, 3, 0, 0x0c, 0, 7, 1, 9, 3,
                                     3, 0, 0x0f, 0, 6, 4, 9, 5};
    memcpy(page + MP_TABLE + 44 + 40, others, sizeof(others));
    fix_checksums();
}

static bool read_acpi(void)
{
    topology.core_count = topology.cores_beyond = 0;
    routing_reset();
    return acpi_read_madt(frame + ROOT);
}

static bool read_mp(void)
{
    topology.core_count = topology.cores_beyond = 0;
    routing_reset();
    return mp_table_read(frame + MP_POINTER);
}

/* Runs a check with a page of sound tables, and puts the machine's own topology back. */
static void with_tables(void (*check)(void))
{
    frame = PAGE_ADDRESS_USED;
    page = phys_to_virt(frame);
    CHECK(memory_map.ranges[0].start <= frame && memory_map.ranges[0].end >= PAGE_ADDRESS_END);
    saved = topology;
    saved_routing = routing;
    make_tables();
    check();
    topology = saved;
    routing = saved_routing;
}

static bool line_is(uint32_t irq, uint32_t gsi, bool active_low, bool level)
{
    const struct routing_line *line = &routing.lines[irq];
    return line->gsi == gsi && line->active_low == active_low && line->level == level;
}

static void check_acpi_routing(void)
{
    CHECK_EQUAL(routing.ioapic_count, 1);
    CHECK_EQUAL(routing.ioapics[0].address, 0xfec00000);
    CHECK_EQUAL(routing.ioapics[0].first_gsi, 24);
    CHECK(line_is(1, 1, false, false) && line_is(4, 30, true, true));
}

/* An interrupt of a bus that is not ISA is none of these lines. */
static void check_mp_routing(void)
{
    CHECK_EQUAL(routing.ioapic_count, 2);
    CHECK_EQUAL(routing.ioapics[1].address, 0xfec01000);
    CHECK(line_is(1, routing.ioapics[1].first_gsi + 3, false, true));
    CHECK(line_is(4, 4, false, false));
}

/* An HPET is believed if its table is sound and says that its registers are in memory. */
static void check_hpet(void)
{
    CHECK_EQUAL(acpi_read_hpet(frame + ROOT), 0xfed00000);
    page[HPET + 40] = 1; /* in I/O space */
    fix_checksums();
    CHECK_EQUAL(acpi_read_hpet(frame + ROOT), 0);
    page[HPET + 40] = 0;
    CHECK_EQUAL(acpi_read_hpet(frame + ROOT), 0); /* the checksum */
    fix_checksums();
}

static void check_sound(void)
{
    CHECK(read_acpi());
    CHECK_EQUAL(topology.core_count, 3);
    CHECK(topology.apic_ids[0] == 3 && topology.apic_ids[1] == 7 && topology.apic_ids[2] == 300);
    check_acpi_routing();
    check_hpet();
    CHECK(read_mp());
    CHECK(topology.core_count == 2 && topology.apic_ids[0] == 1 && topology.apic_ids[1] == 2);
    check_mp_routing();
    CHECK(scan_find(frame, PAGE_USED, "_MP_", 16) == frame + MP_POINTER);
    page[MP_POINTER + 12] = 0x80;
    CHECK(mp_table_has_imcr(frame + MP_POINTER));
    page[MP_POINTER + 11] = 5; /* a default configuration needs no table */
    put32(MP_POINTER + 4, 0);
    CHECK(read_mp() && topology.core_count == 2 && topology.apic_ids[0] == 0);
}

/* Each byte of each table under a checksum, changed: the table is not believed. */
static void check_checksums(void)
{
    for (unsigned i = 0; i < MADT_SIZE; i++) {
        page[MADT + i] ^= 0x55;
        CHECK(!read_acpi());
        page[MADT + i] ^= 0x55;
    }
    for (unsigned i = 0; i < XSDT_SIZE; i++) {
        page[XSDT + i] ^= 0x55;
        CHECK(!read_acpi());
        page[XSDT + i] ^= 0x55;
    }
    for (unsigned i = 0; i < MP_SIZE; i++) {
        page[MP_TABLE + i] ^= 0x55;
        CHECK(!read_mp());
        page[MP_TABLE + i] ^= 0x55;
    }
    CHECK(read_acpi() && read_mp());
}

/* Lies with right checksums. */
static void check_lies(void)
{
    for (unsigned round = 0; round < 3000; round++) {
        make_tables();
        for (unsigned i = 0; i < 4; i++) {
            static const uint16_t starts[] = {MADT + 44, MP_TABLE + 4, MP_TABLE + 34};
            page[starts[test_random() % 3] + test_random() % 40] = (uint8_t)test_random();
        }
        fix_checksums();
        read_acpi();
        CHECK(topology.core_count <= TOPOLOGY_CORES);
        read_mp();
        CHECK(topology.core_count <= TOPOLOGY_CORES);
    }
    make_tables();
    page[MADT + 44 + 1] = 0; /* an entry of no length must not be read for ever */
    fix_checksums();
    CHECK(!read_acpi());
}

static void sound_tables(void)
{
    with_tables(check_sound);
}

static void wrong_checksums(void)
{
    with_tables(check_checksums);
}

static void lies(void)
{
    with_tables(check_lies);
}

static void checksums(void)
{
    uint8_t bytes[] = {1, 2, 3, 250};
    CHECK(scan_checksum(bytes, sizeof(bytes)));
    CHECK(scan_checksum(bytes, 0));
    bytes[2]++;
    CHECK(!scan_checksum(bytes, sizeof(bytes)));
}

static void out_of_reach(void)
{
    CHECK(!scan_physical(0, 16));
    CHECK(!scan_physical(UINT64_C(1) << 32, 16));
    CHECK(!scan_physical((UINT64_C(1) << 32) - 8, 16));
    CHECK(!scan_physical(4096, UINT64_MAX));
    CHECK(scan_physical(4096, 16) != NULL);
    CHECK(!acpi_read_madt(0) && !mp_table_read(0) && !mp_table_has_imcr(0));
}

TEST_SUITE(firmware, {"checksums", checksums}, {"out_of_reach", out_of_reach},
           {"sound_tables", sound_tables}, {"wrong_checksums", wrong_checksums}, {"lies", lies});

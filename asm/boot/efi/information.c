/* Multiboot2 information (specification 2.0, section 3.6): tag after tag, as things become known. */
#include "loader.h"

enum tag_type {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_LOADER_NAME = 2,
    TAG_MODULE = 3,
    TAG_BASIC_MEMORY = 4,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_ELF_SECTIONS = 9,
    TAG_EFI64_SYSTEM_TABLE = 12,
    TAG_SMBIOS = 13,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
    TAG_EFI_MEMORY_MAP = 17,
    TAG_EFI_BOOT_SERVICES = 18,
    TAG_EFI64_IMAGE_HANDLE = 20,
    TAG_LOAD_BASE = 21,
    TAG_SECURE_BOOT = 0x6f726f01, /* ours; a kernel that does not know it passes over it */
};

#define TAG_HEAD         8
#define FIXED_MAX        UINT64_C(0x20000) /* bytes of everything but the memory maps */
#define INFORMATION_SIZE (FIXED_MAX + 3 * MEMORY_MAP_MAX)

#define RSDP_REVISION 15
#define RSDP_V1_SIZE  20
#define RSDP_LENGTH   20

#define LOWER_MEMORY_MAX 640 /* KiB */
#define ONE_MIB          UINT64_C(0x100000)

static uint8_t *information;
static uint64_t used = TAG_HEAD, before_map;

/* A new tag of `size` bytes behind its head, which is written; all else is 0. */
static uint8_t *tag_new(uint32_t type, uint64_t size)
{
    uint64_t limit = before_map ? INFORMATION_SIZE : FIXED_MAX;
    if (size > limit || used + TAG_HEAD + size + 2 * TAG_HEAD > limit)
        fatal("information-too-large",
              "Command line and module strings are too long for the boot information.");
    uint8_t *tag = information + used;
    uint32_t head[2] = {type, (uint32_t)(size + TAG_HEAD)};
    memset(tag, 0, (TAG_HEAD + size + 7) & ~UINT64_C(7));
    memcpy(tag, head, sizeof(head));
    used += (TAG_HEAD + size + 7) & ~UINT64_C(7);
    return tag + TAG_HEAD;
}

static void put32(uint8_t *at, uint64_t value)
{
    uint32_t low = (uint32_t)value;
    memcpy(at, &low, sizeof(low));
}

/* A tag of `fixed` bytes and a string behind them. */
static uint8_t *tag_string(uint32_t type, uint64_t fixed, const char *string)
{
    uint64_t length = 0;
    while (string[length])
        length++;
    uint8_t *tag = tag_new(type, fixed + length + 1);
    memcpy(tag + fixed, string, length);
    return tag;
}

void information_begin(uint32_t entry)
{
    information = pages_below_4gib(INFORMATION_SIZE);
    if (!information)
        fatal("memory-small", "There is no memory for the boot information.");
    const char *words = entry_next(entry_find(entry), "cmdline");
    tag_string(TAG_COMMAND_LINE, 0, words ? words : "");
    tag_string(TAG_LOADER_NAME, 0, "orobuild");
}

void modules_load(uint32_t entry)
{
    const char *line = entry_find(entry);
    while ((line = entry_next(line, "module"))) {
        struct reference module = reference_parse(line);
        uint8_t *bytes =
            reference_load(&module, "memory-module", "There is no usable memory for this module.");
        uint8_t *tag = tag_string(TAG_MODULE, 8, module.rest);
        put32(tag, (uintptr_t)bytes);
        put32(tag + 4, (uintptr_t)bytes + module.size);
    }
}

static const uint8_t *find_table(const struct efi_guid *guid)
{
    for (uint64_t i = 0; i < firmware->configuration_table_count; i++)
        if (!memcmp(&firmware->configuration_tables[i].guid, guid, sizeof(*guid)))
            return firmware->configuration_tables[i].table;
    return NULL;
}

static void tag_acpi(void)
{
    static const struct efi_guid new_guid = EFI_ACPI_20_GUID, old_guid = EFI_ACPI_GUID;
    const uint8_t *new = find_table(&new_guid), *old = find_table(&old_guid);
    if (!old)
        old = new;
    if (old)
        memcpy(tag_new(TAG_ACPI_OLD, RSDP_V1_SIZE), old, RSDP_V1_SIZE);
    if (new && new[RSDP_REVISION] >= 2) {
        uint32_t length;
        memcpy(&length, new + RSDP_LENGTH, sizeof(length));
        if (length >= RSDP_V1_SIZE && length <= 256)
            memcpy(tag_new(TAG_ACPI_NEW, length), new, length);
    }
}

static void tag_smbios(void)
{
    static const struct efi_guid new_guid = EFI_SMBIOS3_GUID, old_guid = EFI_SMBIOS_GUID;
    const uint8_t *new = find_table(&new_guid), *old = find_table(&old_guid);
    const uint8_t *entry = new ? new : old;
    if (!entry)
        return;
    uint64_t length = new ? new[6] : old[5]; /* DMTF DSP0134, section 5.2 */
    uint8_t *tag = tag_new(TAG_SMBIOS, 8 + length);
    memcpy(tag, new ? new + 7 : old + 6, 2); /* version */
    memcpy(tag + 8, entry, length);
}

/* Where `size` bytes at `offset` of the kernel's file are in memory; 0 if they are none, or not all
 * in the file. */
static uint64_t file_part(uint64_t offset, uint64_t size)
{
    if (!size || offset > kernel.size || size > kernel.size - offset)
        return 0;
    return (uintptr_t)kernel.file + offset;
}

/* Whether a section that has no address of its own has contents in the file. */
static bool is_only_in_file(uint32_t type, uint64_t flags, uint64_t address)
{
    return !address && !(flags & SHF_ALLOC) && type != SHT_NOBITS;
}

static void place_section(uint8_t *at)
{
    struct elf64_shdr section;
    memcpy(&section, at, sizeof(section));
    if (is_only_in_file(section.sh_type, section.sh_flags, section.sh_addr))
        section.sh_addr = file_part(section.sh_offset, section.sh_size);
    memcpy(at, &section, sizeof(section));
}

static void place_section32(uint8_t *at)
{
    struct elf32_shdr section;
    memcpy(&section, at, sizeof(section));
    if (is_only_in_file(section.sh_type, section.sh_flags, section.sh_addr))
        section.sh_addr = (uint32_t)file_part(section.sh_offset, section.sh_size);
    memcpy(at, &section, sizeof(section));
}

/* The kernel's section headers; sections that are no part of its segments are where its file is. */
static void tag_elf_sections(void)
{
    const struct elf64_ehdr *elf = &kernel.elf;
    bool narrow = elf->e_ident[EI_CLASS] == ELFCLASS32;
    uint32_t entry_size = narrow ? sizeof(struct elf32_shdr) : sizeof(struct elf64_shdr);
    uint64_t size = (uint64_t)elf->e_shnum * entry_size;
    if (!size || elf->e_shentsize != entry_size || elf->e_shoff > kernel.size ||
        size > kernel.size - elf->e_shoff || used + size + 6 * TAG_HEAD > FIXED_MAX / 2)
        return;
    uint8_t *tag = tag_new(TAG_ELF_SECTIONS, 12 + size);
    put32(tag, elf->e_shnum);
    put32(tag + 4, entry_size);
    put32(tag + 8, elf->e_shstrndx);
    memcpy(tag + 12, kernel.file + elf->e_shoff, size);
    for (uint8_t *at = tag + 12; at < tag + 12 + size; at += entry_size)
        narrow ? place_section32(at) : place_section(at);
}

void information_machine(enum secure_boot secure_boot)
{
    uint64_t table = (uintptr_t)firmware, handle = (uintptr_t)image_handle;
    tag_elf_sections();
    tag_smbios();
    tag_acpi();
    put32(tag_new(TAG_LOAD_BASE, 4), kernel.start);
    put32(tag_new(TAG_SECURE_BOOT, 4), secure_boot);
    memcpy(tag_new(TAG_EFI64_SYSTEM_TABLE, 8), &table, sizeof(table));
    memcpy(tag_new(TAG_EFI64_IMAGE_HANDLE, 8), &handle, sizeof(handle));
    if (kernel.keep_boot_services)
        tag_new(TAG_EFI_BOOT_SERVICES, 0);
}

void information_screen(const uint8_t *framebuffer_tag)
{
    memcpy(tag_new(TAG_FRAMEBUFFER, FRAMEBUFFER_TAG_SIZE), framebuffer_tag, FRAMEBUFFER_TAG_SIZE);
}

struct map_entry {
    uint64_t base, length;
    uint32_t type, zero;
};

/* The firmware's map with neighbours of one Multiboot2 type joined; it is sorted in practice, and
 * need not be. */
static void tag_memory_map(const struct memory_map *map)
{
    const struct efi_memory_descriptor *entry;
    uint64_t count = map->size / map->entry_size, written = 0;
    uint8_t *tag = tag_new(TAG_MEMORY_MAP, 8 + count * sizeof(struct map_entry));
    struct map_entry last = {0};
    put32(tag, sizeof(struct map_entry)); /* entry_version stays 0 */
    for (size_t i = 0; (entry = memory_map_entry(map, i)); i++) {
        struct map_entry next = {entry->physical_start, entry->pages * EFI_PAGE_SIZE,
                                 memory_type_e820(entry->type), 0};
        if (written && last.type == next.type && last.base + last.length == next.base) {
            last.length += next.length;
            written--;
        } else {
            last = next;
        }
        memcpy(tag + 8 + written * sizeof(last), &last, sizeof(last));
        written++;
    }
    uint64_t size = TAG_HEAD + 8 + written * sizeof(struct map_entry);
    put32(tag - 4, size);
    used = (uint64_t)(tag - TAG_HEAD - information) + ((size + 7) & ~UINT64_C(7));
}

/* Upper memory ends at the first hole above 1 MiB. */
static void tag_basic_memory(const struct memory_map *map)
{
    const struct efi_memory_descriptor *entry;
    uint64_t end = ONE_MIB;
    for (size_t i = 0; (entry = memory_map_entry(map, i));) {
        uint64_t last = entry->physical_start + entry->pages * EFI_PAGE_SIZE;
        if (memory_type_e820(entry->type) == 1 && entry->physical_start <= end && end < last) {
            end = last;
            i = 0;
        } else {
            i++;
        }
    }
    uint8_t *tag = tag_new(TAG_BASIC_MEMORY, 8);
    uint64_t upper = (end - ONE_MIB) >> 10;
    put32(tag, LOWER_MEMORY_MAX);
    put32(tag + 4, upper > UINT32_MAX ? UINT32_MAX : upper);
}

uint32_t information_finish(const struct memory_map *map, bool boot_services)
{
    if (!before_map)
        before_map = used;
    used = before_map;
    tag_basic_memory(map);
    tag_memory_map(map);
    if (!boot_services) {
        uint8_t *tag = tag_new(TAG_EFI_MEMORY_MAP, 8 + map->size);
        put32(tag, map->entry_size);
        put32(tag + 4, map->version);
        memcpy(tag + 8, map->entries, map->size);
    }
    tag_new(TAG_END, 0);
    put32(information, used);
    return (uint32_t)(uintptr_t)information;
}

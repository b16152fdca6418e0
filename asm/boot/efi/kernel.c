/* The kernel's ELF file: read, checked, and the memory of its segments claimed.
 *
 * Structures: System V gABI, ELF Header and Program Header. Nothing in the file is believed before
 * it has been compared with the file's size and the machine's memory.
 *
 * A segment's place may be in use by the firmware's boot services now and be free when they have
 * ended. So segments are copied only then (enter.c, handover.S); what is free now is allocated,
 * so that nothing else of the loader comes to lie there. */
#include "loader.h"

struct kernel kernel;
struct copy copies[SEGMENTS_MAX];
uint32_t copy_count;
static struct header header;
static struct elf64_phdr segments[SEGMENTS_MAX]; /* the PT_LOADs that occupy memory */
static uint32_t segment_count;

static void say_segment(const struct elf64_phdr *segment)
{
    say("\r\noro: loader=uefi p_paddr=");
    say_hex(segment->p_paddr);
    say(" p_memsz=");
    say_hex(segment->p_memsz);
}

/* The PT_LOAD with number `index` of those that occupy memory, or NULL behind the last. */
static const struct elf64_phdr *segment_at(uint32_t index)
{
    return index < segment_count ? &segments[index] : NULL;
}

/* The file's headers in the form of ELF64. The file is at least as large as an ELF64 header. */
static struct elf64_ehdr read_file_header(void)
{
    struct elf64_ehdr elf;
    struct elf32_ehdr narrow;
    memcpy(&elf, kernel.file, sizeof(elf));
    if (elf.e_ident[EI_CLASS] == ELFCLASS64)
        return elf;
    memcpy(&narrow, kernel.file, sizeof(narrow));
    elf.e_entry = narrow.e_entry;
    elf.e_phoff = narrow.e_phoff;
    elf.e_phentsize = narrow.e_phentsize;
    elf.e_phnum = narrow.e_phnum;
    elf.e_shoff = narrow.e_shoff;
    elf.e_shentsize = narrow.e_shentsize;
    elf.e_shnum = narrow.e_shnum;
    elf.e_shstrndx = narrow.e_shstrndx;
    return elf;
}

static struct elf64_phdr read_segment(const uint8_t *at)
{
    struct elf64_phdr segment;
    struct elf32_phdr narrow;
    if (kernel.elf.e_ident[EI_CLASS] == ELFCLASS64) {
        memcpy(&segment, at, sizeof(segment));
        return segment;
    }
    memcpy(&narrow, at, sizeof(narrow));
    segment.p_type = narrow.p_type;
    segment.p_flags = narrow.p_flags;
    segment.p_offset = narrow.p_offset;
    segment.p_vaddr = narrow.p_vaddr;
    segment.p_paddr = narrow.p_paddr;
    segment.p_filesz = narrow.p_filesz;
    segment.p_memsz = narrow.p_memsz;
    segment.p_align = narrow.p_align;
    return segment;
}

/* Checks the file header and reads the segments that occupy memory. */
static void read_segments(void)
{
    if (kernel.size < sizeof(struct elf64_ehdr) || memcmp(kernel.file, "\177ELF", 4))
        fatal("kernel-not-elf", "The kernel is not an ELF file.");
    kernel.elf = read_file_header();
    const struct elf64_ehdr *elf = &kernel.elf;
    bool narrow = elf->e_ident[EI_CLASS] == ELFCLASS32;
    if ((elf->e_ident[EI_CLASS] != ELFCLASS64 && !narrow) || elf->e_ident[EI_DATA] != ELFDATA2LSB)
        fatal("kernel-elf-class", "The kernel is not a little-endian ELF64 or ELF32 file.");
    if (elf->e_machine != (narrow ? EM_386 : EM_X86_64))
        fatal("kernel-elf-machine",
              "The kernel is not made for x86 (e_machine is not 62, or 3 in ELF32).");
    if (elf->e_type != ET_EXEC)
        fatal("kernel-elf-type", "The kernel is not an executable (e_type is not ET_EXEC).");
    uint64_t entry_size = narrow ? sizeof(struct elf32_phdr) : sizeof(struct elf64_phdr);
    uint64_t size = elf->e_phnum * entry_size;
    if (elf->e_phentsize != entry_size || !elf->e_phnum || elf->e_phoff > kernel.size ||
        size > kernel.size - elf->e_phoff)
        fatal("kernel-elf-segments",
              "The kernel's program header table is missing or outside the file.");
    for (uint32_t i = 0; i < elf->e_phnum; i++) {
        struct elf64_phdr segment = read_segment(kernel.file + elf->e_phoff + i * entry_size);
        if (segment.p_type != PT_LOAD || !segment.p_memsz)
            continue;
        if (segment_count == SEGMENTS_MAX)
            fatal("kernel-elf-segments", "The kernel has more segments than this loader takes.");
        segments[segment_count++] = segment;
    }
    if (!segment_count)
        fatal("kernel-elf-segments", "The kernel has no PT_LOAD segment.");
}

static void check_segment(const struct elf64_phdr *segment)
{
    if (segment->p_filesz > segment->p_memsz || segment->p_offset > kernel.size ||
        segment->p_filesz > kernel.size - segment->p_offset) {
        say_segment(segment);
        fatal("kernel-segment-file",
              "A segment of the kernel is outside its file, or larger there than in memory.");
    }
    if (segment->p_paddr >= FOUR_GIB || segment->p_memsz > FOUR_GIB - segment->p_paddr) {
        say_segment(segment);
        fatal("kernel-segment-address", "A segment of the kernel is not below 4 GiB physical.");
    }
}

static void check_apart(void)
{
    const struct elf64_phdr *one, *other;
    for (uint32_t i = 0; (one = segment_at(i)); i++)
        for (uint32_t j = 0; j < i && (other = segment_at(j)); j++)
            if (one->p_paddr < other->p_paddr + other->p_memsz &&
                other->p_paddr < one->p_paddr + one->p_memsz) {
                say_segment(one);
                fatal("kernel-segment-overlap",
                      "Two segments of the kernel overlap in physical memory.");
            }
}

/* What happened to a range of pages. */
enum claim { CLAIMED, CLAIMED_LATER, IN_USE, NO_MEMORY };

/* Claims the pages from `start` on that the map's entry and `end` allow; moves `start` behind. */
static enum claim claim_part(const struct efi_memory_descriptor *entry, uint64_t *start, uint64_t end)
{
    uint64_t last = entry->physical_start + entry->pages * EFI_PAGE_SIZE;
    uint64_t from = *start, to = last < end ? last : end;
    /* A kernel that runs in the firmware's mode needs pages that its tables let it execute. */
    uint32_t type = kernel.keep_boot_services ? EFI_LOADER_CODE : EFI_LOADER_DATA;
    *start = to;
    switch (entry->type) {
    case EFI_CONVENTIONAL:
        return firmware->boot->allocate_pages(EFI_ALLOCATE_ADDRESS, type,
                                              (to - from) / EFI_PAGE_SIZE, &from)
                   ? IN_USE
                   : CLAIMED;
    case EFI_BOOT_SERVICES_CODE:
    case EFI_BOOT_SERVICES_DATA:
        return CLAIMED_LATER;
    case EFI_LOADER_CODE:
    case EFI_LOADER_DATA:
        return IN_USE;
    default:
        return NO_MEMORY;
    }
}

static enum claim claim_range(uint64_t start, uint64_t end)
{
    enum claim worst = CLAIMED;
    while (start < end) {
        const struct efi_memory_descriptor *entry;
        struct memory_map map;
        if (!memory_map_read(&map))
            fatal("memory-map", "The firmware gives no memory map.");
        for (size_t i = 0; (entry = memory_map_entry(&map, i)); i++)
            if (entry->physical_start <= start &&
                start - entry->physical_start < entry->pages * EFI_PAGE_SIZE)
                break;
        if (!entry)
            return NO_MEMORY;
        enum claim part = claim_part(entry, &start, end);
        if (part > worst)
            worst = part;
    }
    return worst;
}

/* The segment with the lowest address that is not below `floor`; NULL if there is none. */
static const struct elf64_phdr *segment_above(uint64_t floor)
{
    const struct elf64_phdr *segment, *lowest = NULL;
    for (uint32_t i = 0; (segment = segment_at(i)); i++)
        if (segment->p_paddr >= floor && (!lowest || segment->p_paddr < lowest->p_paddr))
            lowest = segment;
    return lowest;
}

static void claim_segments(void)
{
    const struct elf64_phdr *segment;
    uint64_t claimed = 0; /* pages below this are dealt with: two segments may share one */
    for (uint64_t floor = 0; (segment = segment_above(floor)); floor = segment->p_paddr + 1) {
        uint64_t start = segment->p_paddr & ~PAGE_MASK;
        uint64_t end = (segment->p_paddr + segment->p_memsz + PAGE_MASK) & ~PAGE_MASK;
        enum claim result = claim_range(start > claimed ? start : claimed, end);
        claimed = end;
        if (result == NO_MEMORY) {
            say_segment(segment);
            fatal("kernel-segment-memory",
                  "A segment of the kernel is not in memory that the firmware calls usable.");
        }
        if (result == IN_USE) {
            say_segment(segment);
            fatal("memory-small", "There is not enough memory for the kernel file and its segments.");
        }
        if (result == CLAIMED_LATER && kernel.keep_boot_services) {
            say_segment(segment);
            fatal("kernel-segment-memory",
                  "A segment of the kernel lies where boot services are, which it wants to keep.");
        }
        copies[copy_count].to = (uint32_t)segment->p_paddr;
        copies[copy_count].from = (uint32_t)(uintptr_t)(kernel.file + segment->p_offset);
        copies[copy_count].file_size = (uint32_t)segment->p_filesz;
        copies[copy_count].memory_size = (uint32_t)segment->p_memsz;
        copy_count++;
        if (copy_count == 1)
            kernel.start = segment->p_paddr;
    }
}

/* e_entry as a physical address: through p_vaddr if it is an address in a segment, as it is if
 * not. */
static uint64_t elf_entry(void)
{
    const struct elf64_phdr *segment;
    uint64_t entry = kernel.elf.e_entry;
    for (uint32_t i = 0; (segment = segment_at(i)); i++)
        if (entry - segment->p_vaddr < segment->p_memsz)
            return entry - segment->p_vaddr + segment->p_paddr;
    return entry;
}

/* The entry must be in an executable segment's file contents: nothing else is jumped to. */
static void check_entry(uint64_t entry)
{
    const struct elf64_phdr *segment;
    for (uint32_t i = 0; (segment = segment_at(i)); i++)
        if (entry - segment->p_paddr < segment->p_filesz)
            break;
    if (segment && segment->p_flags & PF_X)
        return;
    say("\r\noro: loader=uefi entry=");
    say_hex(entry);
    if (!segment)
        fatal("kernel-entry", "The kernel's entry point is in none of its segments.");
    fatal("kernel-entry-not-executable",
          "The kernel's entry point is in a segment without execute permission (PF_X).");
}

void kernel_load(uint32_t entry)
{
    const struct elf64_phdr *segment;
    struct reference reference = reference_parse(entry_next(entry_find(entry), "kernel"));
    kernel.file = reference_load(&reference, "memory-kernel-file",
                                 "There is no usable memory to hold the kernel file.");
    kernel.size = reference.size;
    kernel.path = fatal_subject = reference.path;
    say("oro: loader=uefi kernel-bytes=");
    say_decimal(kernel.size);
    say("\r\n");
    read_segments();
    header = header_find(kernel.file, kernel.size);
    kernel.keep_boot_services = header.wants_boot_services && header.has_efi_entry;
    for (uint32_t i = 0; (segment = segment_at(i)); i++)
        check_segment(segment);
    check_apart();
    uint64_t start = kernel.keep_boot_services ? header.efi_entry
                     : header.has_entry        ? header.entry
                                               : elf_entry();
    check_entry(start);
    kernel.entry = (uint32_t)start;
    claim_segments();
    fatal_subject = NULL;
}

const struct header *kernel_header(void)
{
    return &header;
}

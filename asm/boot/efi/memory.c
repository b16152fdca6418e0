/* Memory: bytes, the firmware's map, and pages that 32-bit code can reach. */
#include "loader.h"

void *memcpy(void *to, const void *from, size_t size)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return start;
}

void *memset(void *at, int value, size_t size)
{
    void *start = at;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *left = a, *right = b;
    for (size_t i = 0; i < size; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

void *pages_below_4gib(uint64_t size)
{
    uint64_t address = FOUR_GIB - 1, pages = (size + PAGE_MASK) / EFI_PAGE_SIZE;
    if (pages == 0)
        pages = 1;
    if (firmware->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_LOADER_DATA, pages, &address))
        return NULL;
    return memset((void *)address, 0, pages * EFI_PAGE_SIZE);
}

bool memory_map_read(struct memory_map *map)
{
    static uint8_t *buffer;
    if (!buffer)
        buffer = pages_below_4gib(MEMORY_MAP_MAX);
    if (!buffer)
        return false;
    map->entries = buffer;
    map->size = MEMORY_MAP_MAX;
    return firmware->boot->get_memory_map(&map->size, map->entries, &map->key, &map->entry_size,
                                          &map->version) == EFI_SUCCESS &&
           map->entry_size >= sizeof(struct efi_memory_descriptor);
}

const struct efi_memory_descriptor *memory_map_entry(const struct memory_map *map, size_t index)
{
    if ((index + 1) * map->entry_size > map->size)
        return NULL;
    return (const void *)(map->entries + index * map->entry_size);
}

uint32_t memory_type_e820(uint32_t type)
{
    switch (type) {
    case EFI_LOADER_CODE:
    case EFI_LOADER_DATA:
    case EFI_BOOT_SERVICES_CODE:
    case EFI_BOOT_SERVICES_DATA:
    case EFI_CONVENTIONAL:
        return 1; /* usable */
    case EFI_ACPI_RECLAIM:
        return 3;
    case EFI_ACPI_NVS:
        return 4;
    case EFI_UNUSABLE:
        return 5; /* defective */
    default:
        return 2; /* reserved */
    }
}

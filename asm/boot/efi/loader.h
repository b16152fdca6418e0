/* The UEFI loader's parts. What happens in which order is main.c's. A failure stops the loader
 * where it is noticed: `fatal` does not return. */
#ifndef LOADER_H
#define LOADER_H

#include "kernel_file.h"
#include "uefi.h"

/* main.c */
extern efi_handle image_handle;
extern struct efi_system_table *firmware;

/* memory.c: bytes, and pages below 4 GiB */
#define PAGE_MASK      (EFI_PAGE_SIZE - 1)
#define FOUR_GIB       (UINT64_C(1) << 32)
#define MEMORY_MAP_MAX UINT64_C(0x20000) /* bytes of the firmware's map that there is room for */

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *at, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
/* Pages below 4 GiB that hold `size` bytes, cleared; NULL if there are none. */
void *pages_below_4gib(uint64_t size);

struct memory_map {
    uint8_t *entries;
    uint64_t size, key, entry_size;
    uint32_t version;
};

/* Reads the firmware's map into a buffer that is kept; false if the firmware refuses. */
bool memory_map_read(struct memory_map *map);
/* Entry `index` of a map, or NULL behind the last. */
const struct efi_memory_descriptor *memory_map_entry(const struct memory_map *map, size_t index);
/* The type that the Multiboot2 memory map has for one of UEFI. */
uint32_t memory_type_e820(uint32_t type);

/* console.c */
void console_init(void);
void say(const char *text);            /* UTF-8 */
void say_word(const char *text);       /* up to its first blank */
void say_decimal(uint64_t value);
void say_hex(uint64_t value);          /* 0x and at least eight digits */
void say_utf16(const uint16_t *text);
enum key { KEY_NONE, KEY_ENTER, KEY_UP, KEY_DOWN, KEY_OTHER, KEY_DIGIT }; /* KEY_DIGIT + n */
int key_read(void);
/* What the loader is working on, for the message of a failure; NULL for nothing. */
extern const char *fatal_subject;
_Noreturn void fatal(const char *slug, const char *text);

/* crc32.c: ISO 3309 */
uint32_t crc32(const void *data, size_t size);

/* seal.c: stops if the loader itself, loaded at `image`, is not what was linked */
void seal_check(const uint8_t *image);

/* archive.c: files inside the loader's own executable */
struct archive {
    const uint8_t *data;
    size_t size;
};
/* The section .orovol of the executable that runs; false if it has none. */
bool archive_find(const uint8_t *image, uint64_t image_size, struct archive *archive);
/* The contents of a file; false if there is none. `path` ends at a blank or NUL. */
bool archive_file(const struct archive *archive, const char *path, struct archive *contents);

/* files.c: the files of the boot medium */
void files_open(void);
/* Opens the file `path` (ended by a blank or NUL); false if there is none. */
bool file_find(const char *path, uint64_t *size);
/* Reads the file that was found last, `size` bytes, and closes it. */
void file_read(void *buffer, uint64_t size);

/* config.c: BOOT.CFG */
struct reference {
    const char *path; /* ended by a blank or NUL */
    uint64_t size;
    uint32_t crc32;
    bool sized, checked;
    const char *rest; /* what follows on its line */
};

struct config {
    uint32_t timeout, default_entry, entries;
};

extern struct config config;
void config_open(void);
/* The title line of an entry that exists. */
const char *entry_find(uint32_t number);
/* The entry's next line that begins with `keyword` after `line`, behind the keyword; or NULL. */
const char *entry_next(const char *line, const char *keyword);
struct reference reference_parse(const char *text);
/* Finds, reads and checks the file; its bytes are in pages below 4 GiB. */
uint8_t *reference_load(struct reference *reference, const char *no_room_slug,
                        const char *no_room_text);

/* menu.c */
uint32_t menu_choose(void);

/* kernel.c: the ELF file and where its segments go */
struct kernel {
    const char *path;
    const uint8_t *file;
    uint64_t size;
    uint64_t start;  /* physical, of its lowest segment */
    uint32_t entry;  /* physical */
    bool keep_boot_services;
    struct elf64_ehdr elf; /* its header; of an ELF32 file, what would stand in one of ELF64 */
};

#define SEGMENTS_MAX 64

/* A copy that is made when nobody else needs the memory any more. All below 4 GiB. */
struct copy {
    uint32_t to, from, file_size, memory_size;
};

extern struct kernel kernel;
extern struct copy copies[SEGMENTS_MAX];
extern uint32_t copy_count;
/* Reads and checks everything; claims the memory of the segments as far as it is free. */
void kernel_load(uint32_t entry);

/* multiboot2.c: the header in the kernel's file */
struct header {
    bool has_entry, has_efi_entry, wants_boot_services, boot_services_optional;
    bool wants_framebuffer, framebuffer_optional;
    uint32_t entry, efi_entry, width, height, depth;
};

struct header header_find(const uint8_t *file, uint64_t size);
/* The one of the kernel that was loaded. */
const struct header *kernel_header(void);

/* graphics.c */
#define FRAMEBUFFER_TAG_SIZE 30 /* behind type and size */
/* Sets the mode that the kernel asks for. Fills the framebuffer tag; false without a framebuffer. */
bool graphics_set(const struct header *header, uint8_t tag[FRAMEBUFFER_TAG_SIZE]);

/* information.c: the Multiboot2 information */
#define OFFERED_TAGS \
    (1U << 1 | 1U << 2 | 1U << 3 | 1U << 4 | 1U << 6 | 1U << 8 | 1U << 9 | 1U << 12 | 1U << 13 | \
     1U << 14 | 1U << 15 | 1U << 17 | 1U << 20 | 1U << 21)

enum secure_boot { SECURE_BOOT_UNKNOWN, SECURE_BOOT_OFF, SECURE_BOOT_ON, SECURE_BOOT_SETUP };

void information_begin(uint32_t entry);
void modules_load(uint32_t entry);
void information_machine(enum secure_boot secure_boot);
void information_screen(const uint8_t *framebuffer_tag);
/* Adds the memory map and the end. May be called again with another map: replaces both. */
uint32_t information_finish(const struct memory_map *map, bool boot_services);

/* enter.c */
_Noreturn void kernel_enter(void);

#endif

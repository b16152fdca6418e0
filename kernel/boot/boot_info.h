/*
 * boot_info.h - what the boot loader said, in one form for every protocol. It is a copy: the
 * loader's own structures may be overwritten once boot_info_read() has returned.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum memory_type {
    /* The numbers of ACPI's address range types (ACPI 6.5, 15), which every protocol uses. */
    MEMORY_USABLE = 1,
    MEMORY_RESERVED = 2,
    MEMORY_ACPI = 3,
    MEMORY_ACPI_NVS = 4,
};

struct memory_range {
    uint64_t base, size; /* physical, bytes */
    uint32_t type;
};

struct boot_module {
    uint64_t base, size;
    char name[32];
};

/* How the pixels of the screen are written, or that it has characters. */
enum framebuffer_kind {
    FRAMEBUFFER_UNKNOWN, /* the loader did not say */
    FRAMEBUFFER_PALETTE, /* a pixel is a number of the palette */
    FRAMEBUFFER_COLOURS, /* a pixel has its colours in itself */
    FRAMEBUFFER_TEXT,    /* the VGA's text mode */
};

struct colour_field {
    uint8_t shift, bits;
};

/* Checked: `pitch` bytes a line hold `width` pixels of `bits` bits, the fields lie in a pixel. */
struct boot_framebuffer {
    enum framebuffer_kind kind;
    uint64_t base;                 /* physical */
    uint32_t pitch, width, height; /* bytes, pixels, pixels */
    uint8_t bits;                  /* of a pixel: 8, 15, 16, 24 or 32 */
    struct colour_field red, green, blue;
};

enum { BOOT_MEMORY_RANGES = 64, BOOT_MODULES = 8 };

struct boot_info {
    const char *protocol; /* "pvh" or "multiboot2" */
    char loader[32];
    char command_line[256];
    uint64_t rsdp; /* physical address of the ACPI root pointer, 0 if the loader did not say */
    struct boot_framebuffer framebuffer;
    uint32_t memory_count, module_count;
    struct memory_range memory[BOOT_MEMORY_RANGES];
    struct boot_module modules[BOOT_MODULES];
};

extern struct boot_info boot_info;

/* Fills boot_info from the structure that `magic` announces; false if there is none that can be
 * believed. Reads physical memory below BOOT_MAPPED_GIB through the boot direct map. */
bool boot_info_read(uint32_t magic, uint64_t information);

/* For the protocols' readers: add one fact. Full tables and empty ranges are ignored. */
void boot_info_add_memory(uint64_t base, uint64_t size, uint32_t type);
void boot_info_add_module(uint64_t base, uint64_t size, const char *name);

/* The number that follows this prefix in a word of the command line ("acpi_rsdp=0xf5a0"), decimal or
 * with 0x hexadecimal; false if there is no such word, or no number. */
bool boot_option_number(const char *prefix, uint64_t *number);

/* The same, or `otherwise` if there is no such word, or no number in it. */
uint64_t boot_number(const char *prefix, uint64_t otherwise);

/* Whether the command line has this word ("run=forever"). */
bool boot_option(const char *word);

/* Whether a name is meant by the words with this prefix ("test=sm*"), which are globs of `*` and `?`;
 * every name is, if there is no such word. */
bool boot_option_selects(const char *prefix, const char *name);

/*
 * elf.h - the parts of ELF64 that a loader reads (gABI, chapters 4 and 5), under the
 * specification's names.
 */
#pragma once

#include <stdint.h>

struct elf_header {
    uint8_t e_ident[16];
    uint16_t e_type, e_machine;
    uint32_t e_version;
    uint64_t e_entry, e_phoff, e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};

struct elf_program_header {
    uint32_t p_type, p_flags;
    uint64_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
};

enum elf_constants {
    ELFCLASS64 = 2,
    ELFDATA2LSB = 1,
    ET_EXEC = 2,
    EM_X86_64 = 62,
    PT_LOAD = 1,
    PF_X = 1,
    PF_W = 2,
    PF_R = 4,
};

static inline const struct elf_program_header *elf_program_headers(const struct elf_header *header)
{
    return (const void *)((const char *)header + header->e_phoff);
}

#include "sched/elf_loader.h"

#include "abi/layout.h"
#include "abi/processor.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "memory/frames.h"
#include "memory/paging.h"

static const char *check_header(const struct elf_header *header, size_t size)
{
    if (size < sizeof(*header) || memcmp(header->e_ident, "\177ELF", 4))
        return "not an ELF file";
    if (header->e_ident[4] != ELFCLASS64 || header->e_ident[5] != ELFDATA2LSB ||
        header->e_machine != EM_X86_64 || header->e_type != ET_EXEC)
        return "not a static x86_64 executable";
    if (header->e_phentsize != sizeof(struct elf_program_header) || header->e_phoff % 8 ||
        header->e_phoff > size ||
        header->e_phnum > (size - header->e_phoff) / sizeof(struct elf_program_header))
        return "program headers outside the file";
    return NULL;
}

static const char *check_segment(const struct elf_program_header *segment, size_t size)
{
    if (segment->p_offset > size || segment->p_filesz > size - segment->p_offset)
        return "segment outside the file";
    if (segment->p_filesz > segment->p_memsz)
        return "segment larger in the file than in memory";
    if (segment->p_vaddr < PAGE_SIZE || segment->p_vaddr >= USER_LIMIT ||
        segment->p_memsz > USER_LIMIT - segment->p_vaddr)
        return "segment outside the user half";
    if (segment->p_vaddr % PAGE_SIZE)
        return "segment that does not begin on a page";
    if (segment->p_flags & PF_W && segment->p_flags & PF_X)
        return "segment that is writable and executable";
    return NULL;
}

static const char *load_segment(uint64_t root, const struct elf_program_header *segment,
                                const char *file)
{
    uint64_t flags = PAGE_USER;
    if (segment->p_flags & PF_W)
        flags |= PAGE_WRITE;
    if (!(segment->p_flags & PF_X))
        flags |= PAGE_NX;
    for (uint64_t offset = 0; offset < segment->p_memsz; offset += PAGE_SIZE) {
        uint64_t virtual = segment->p_vaddr + offset;
        struct paging_walk walk = paging_walk(root, virtual);
        if (paging_present(&walk))
            return "segments that share a page";
        uint64_t frame = frames_alloc(0);
        if (!frame)
            return "out of memory";
        if (offset < segment->p_filesz) {
            uint64_t left = segment->p_filesz - offset;
            memcpy(phys_to_virt(frame), file + segment->p_offset + offset,
                   left < PAGE_SIZE ? left : PAGE_SIZE);
        }
        if (!paging_map(root, virtual, frame, PAGE_SIZE, flags, PAGE_SIZE)) {
            frames_free(frame, 0);
            return "out of memory";
        }
    }
    return NULL;
}

const char *elf_load(uint64_t root, const void *file, size_t size, uint64_t *entry)
{
    const struct elf_header *header = file;
    const char *wrong = check_header(header, size);
    if (wrong)
        return wrong;
    const struct elf_program_header *segments = elf_program_headers(header);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD || segments[i].p_memsz == 0)
            continue;
        wrong = check_segment(&segments[i], size);
        if (!wrong)
            wrong = load_segment(root, &segments[i], file);
        if (wrong)
            return wrong;
    }
    if (header->e_entry >= USER_LIMIT)
        return "entry point outside the user half";
    *entry = header->e_entry;
    return NULL;
}

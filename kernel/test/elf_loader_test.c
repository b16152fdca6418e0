/* elf_loader_test.c - programs that the loader takes, and the ones it must refuse. */
#include "abi/layout.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "memory/frames.h"
#include "memory/kernel_map.h"
#include "memory/paging.h"
#include "sched/elf_loader.h"
#include "test/ktap.h"

static struct file {
    struct elf_header header;
    struct elf_program_header segment;
    uint8_t code[16];
} file;

static void make_file(void)
{
    memset(&file, 0, sizeof(file));
    memcpy(file.header.e_ident, "\177ELF\2\1\1", 7);
    file.header.e_type = ET_EXEC;
    file.header.e_machine = EM_X86_64;
    file.header.e_entry = 0x400000;
    file.header.e_phoff = sizeof(struct elf_header);
    file.header.e_phentsize = sizeof(struct elf_program_header);
    file.header.e_phnum = 1;
    file.segment.p_type = PT_LOAD;
    file.segment.p_flags = PF_R | PF_X;
    file.segment.p_offset = sizeof(file) - sizeof(file.code);
    file.segment.p_vaddr = 0x400000;
    file.segment.p_filesz = sizeof(file.code);
    file.segment.p_memsz = 2 * PAGE_SIZE;
}

/* Loads the first `size` bytes of the file; whether that worked. Nothing may leak either way. */
static bool loads(size_t size)
{
    uint64_t before = frames_free_count(), entry;
    uint64_t root = kernel_map_new_space();
    bool loaded = elf_load(root, &file, size, &entry) == NULL;
    paging_free_lower_half(root);
    frames_free(root, 0);
    CHECK_EQUAL(frames_free_count(), before);
    return loaded;
}

static void takes_a_sound_file(void)
{
    make_file();
    CHECK(loads(sizeof(file)));
}

static void refuses_prefixes(void)
{
    make_file();
    for (size_t size = 0; size < sizeof(file); size++)
        CHECK(!loads(size));
}

#define REFUSED(change)                                                                           \
    do {                                                                                          \
        make_file();                                                                              \
        change;                                                                                   \
        CHECK(!loads(sizeof(file)));                                                              \
    } while (0)

static void refuses_lies(void)
{
    REFUSED(file.header.e_ident[0] = 0);
    REFUSED(file.header.e_ident[4] = 1);
    REFUSED(file.header.e_machine = 3);
    REFUSED(file.header.e_type = 3);
    REFUSED(file.header.e_phentsize = 32);
    REFUSED(file.header.e_phnum = 100);
    REFUSED(file.header.e_phoff = UINT64_MAX - 7);
    REFUSED(file.header.e_entry = 0xffffffff80101000);
    REFUSED(file.segment.p_offset = UINT64_MAX);
    REFUSED(file.segment.p_filesz = UINT64_MAX);
    REFUSED(file.segment.p_memsz = 1);
    REFUSED(file.segment.p_memsz = UINT64_MAX);
    REFUSED(file.segment.p_vaddr = 0);
    REFUSED(file.segment.p_vaddr = 0x400001);
    REFUSED(file.segment.p_vaddr = 0xffffffff80100000);
    REFUSED(file.segment.p_vaddr = USER_LIMIT - PAGE_SIZE);
    REFUSED(file.segment.p_flags = PF_R | PF_W | PF_X);
}

/* A file of which random bytes are wrong is loaded or refused; either way the kernel lives. */
static void survives_damage(void)
{
    for (unsigned round = 0; round < 500; round++) {
        make_file();
        for (unsigned i = 0; i < 3; i++)
            ((uint8_t *)&file)[test_random() % sizeof(file)] = (uint8_t)test_random();
        if (file.segment.p_memsz < 64 * PAGE_SIZE)
            loads(sizeof(file));
    }
}

TEST_SUITE(elf_loader, {"takes_a_sound_file", takes_a_sound_file},
           {"refuses_prefixes", refuses_prefixes}, {"refuses_lies", refuses_lies},
           {"survives_damage", survives_damage});

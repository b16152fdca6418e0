#include "boot/boot_info.h"

#include "abi/boot_protocol.h"
#include "boot/multiboot2.h"
#include "boot/pvh.h"
#include "lib/string.h"

struct boot_info boot_info;

bool boot_info_read(uint32_t magic, uint64_t information)
{
    switch (magic) {
    case PVH_START_MAGIC:
        boot_info.protocol = "pvh";
        return pvh_read(information);
    case MULTIBOOT2_BOOTLOADER_MAGIC:
        boot_info.protocol = "multiboot2";
        return multiboot2_read(information);
    default:
        boot_info.protocol = "unknown";
        return false;
    }
}

void boot_info_add_memory(uint64_t base, uint64_t size, uint32_t type)
{
    if (boot_info.memory_count == BOOT_MEMORY_RANGES || size == 0 || base + size < base)
        return;
    boot_info.memory[boot_info.memory_count++] = (struct memory_range){base, size, type};
}

void boot_info_add_module(uint64_t base, uint64_t size, const char *name)
{
    if (boot_info.module_count == BOOT_MODULES || base + size < base)
        return;
    struct boot_module *module = &boot_info.modules[boot_info.module_count++];
    module->base = base;
    module->size = size;
    string_copy(module->name, name, sizeof(module->name));
}

/* The next word at or after *line, which is moved beyond it; its size is 0 at the end. */
static size_t next_word(const char **line, const char **word)
{
    while (**line == ' ')
        ++*line;
    *word = *line;
    while (**line && **line != ' ')
        ++*line;
    return (size_t)(*line - *word);
}

bool boot_option(const char *wanted)
{
    const char *line = boot_info.command_line, *word;
    for (size_t size; (size = next_word(&line, &word));) {
        if (size == strlen(wanted) && memcmp(word, wanted, size) == 0)
            return true;
    }
    return false;
}

/* Whether the glob of `size` characters matches the whole of `text`. */
static bool glob_matches(const char *glob, size_t size, const char *text)
{
    size_t at = 0, star = size; /* the last `*` */
    const char *after = text;   /* what follows the text that it stands for */
    while (*text) {
        if (at < size && glob[at] == '*') {
            star = at++;
            after = text;
        } else if (at < size && (glob[at] == '?' || glob[at] == *text)) {
            at++;
            text++;
        } else if (star < size) {
            at = star + 1;
            text = ++after;
        } else {
            return false;
        }
    }
    while (at < size && glob[at] == '*')
        at++;
    return at == size;
}

bool boot_option_selects(const char *prefix, const char *name)
{
    const char *line = boot_info.command_line, *word;
    size_t length = strlen(prefix);
    bool asked = false;
    for (size_t size; (size = next_word(&line, &word));) {
        if (size < length || memcmp(word, prefix, length) != 0)
            continue;
        if (glob_matches(word + length, size - length, name))
            return true;
        asked = true;
    }
    return !asked;
}

/* A digit's value; 16 if it is none. */
static uint64_t digit(char character)
{
    if (character >= '0' && character <= '9')
        return (uint64_t)(character - '0');
    if (character >= 'a' && character <= 'f')
        return (uint64_t)(character - 'a' + 10);
    return 16;
}

static bool read_number(const char *text, uint64_t *number)
{
    uint64_t base = 10;
    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    *number = 0;
    if (digit(*text) >= base)
        return false;
    for (; digit(*text) < base; text++)
        *number = *number * base + digit(*text);
    return *text == ' ' || *text == '\0';
}

bool boot_option_number(const char *prefix, uint64_t *number)
{
    const char *line = boot_info.command_line, *word;
    size_t length = strlen(prefix);
    for (size_t size; (size = next_word(&line, &word));) {
        if (size >= length && memcmp(word, prefix, length) == 0)
            return read_number(word + length, number);
    }
    return false;
}

uint64_t boot_number(const char *prefix, uint64_t otherwise)
{
    uint64_t number;
    return boot_option_number(prefix, &number) ? number : otherwise;
}

/* The UEFI loader's reading of BOOT.CFG as a program of the host: what it says of a file.
 *
 * Usage: read_config FILE. Prints either `reason` and a reason, or the menu line by line. Built with
 * the sanitizers, so that a read outside of the text is an error. */
#include <stdio.h>
#include <stdlib.h>

#include "loader.h"

const char *fatal_subject;
static const char *name;

void say(const char *text)
{
    fputs(text, stderr);
}

void say_word(const char *text)
{
    fputs(text, stderr);
}

void say_hex(uint64_t value)
{
    fprintf(stderr, "%#llx", (unsigned long long)value);
}

_Noreturn void fatal(const char *slug, const char *text)
{
    fprintf(stderr, "%s\n", text);
    printf("reason %s\n", slug);
    exit(0);
}

void *pages_below_4gib(uint64_t size)
{
    return calloc(1, size);
}

static FILE *opened;

bool file_find(const char *path, uint64_t *size)
{
    (void)path;
    opened = fopen(name, "rb");
    if (!opened || fseek(opened, 0, SEEK_END))
        return false;
    *size = (uint64_t)ftell(opened);
    rewind(opened);
    return true;
}

void file_read(void *buffer, uint64_t size)
{
    if (fread(buffer, 1, size, opened) != size)
        exit(2);
    fclose(opened);
}

static void print_reference(const char *what, const char *line)
{
    struct reference reference = reference_parse(line);
    int length = 0;
    while ((uint8_t)reference.path[length] > ' ')
        length++;
    printf("%s %.*s", what, length, reference.path);
    if (reference.sized)
        printf(" size=%llu", (unsigned long long)reference.size);
    if (reference.checked)
        printf(" crc32=%08x", reference.crc32);
    printf(" rest=%s\n", reference.rest);
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    name = arguments[1];
    config_open();
    printf("timeout %u\ndefault %u\n", config.timeout, config.default_entry);
    for (uint32_t entry = 0; entry < config.entries; entry++) {
        const char *line = entry_find(entry), *words = entry_next(line, "cmdline");
        printf("entry %s\n", line);
        print_reference("kernel", entry_next(line, "kernel"));
        printf("cmdline %s\n", words ? words : "");
        while ((line = entry_next(line, "module")))
            print_reference("module", line);
    }
    return 0;
}

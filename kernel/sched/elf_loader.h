/*
 * elf_loader.h - a static ELF64 program into an address space.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Maps the segments of the `size` bytes at `file`, with the permissions they ask for, into the
 * lower half of `root`. Returns null and sets *entry, or returns why not; what was mapped by then
 * stays in `root` for its owner to free. */
const char *elf_load(uint64_t root, const void *file, size_t size, uint64_t *entry);

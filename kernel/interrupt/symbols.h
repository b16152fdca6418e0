/*
 * symbols.h - the names of the kernel's code, from the table that the linker put into the image
 * (docs/code-symbols.md). Another linker puts none there: then nothing has a name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SYMBOL_NAME = 96 };

struct symbol {
    char name[SYMBOL_NAME]; /* cut if it is longer */
    uint64_t offset;        /* of the address that was asked for */
    uint64_t size;          /* 0 if nobody said */
};

/* The function or label that the code at `address` belongs to; false if it is in none. */
bool symbol_find(uint64_t address, struct symbol *found);

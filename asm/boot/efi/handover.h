/* What enter.c tells handover.S; offsets are written there again and compared here. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "loader.h"

/* Lies below 4 GiB, with the code that uses it. */
struct handover {
    uint64_t cr3;      /* tables that map the first 4 GiB and handover.S one to one */
    uint64_t code;     /* copy of handover_low */
    uint64_t stack;    /* its end */
    uint32_t entry;    /* of the kernel, physical */
    uint32_t information;
    uint32_t copy_count, pad;
    uint64_t copies;   /* struct copy[copy_count] */
    uint16_t gdt_limit;
    uint8_t gdt_base[8];
    uint8_t pad2[6];
};

_Static_assert(offsetof(struct handover, stack) == 16, "handover.S");
_Static_assert(offsetof(struct handover, entry) == 24, "handover.S");
_Static_assert(offsetof(struct handover, copy_count) == 32, "handover.S");
_Static_assert(offsetof(struct handover, copies) == 40, "handover.S");
_Static_assert(offsetof(struct handover, gdt_limit) == 48, "handover.S");
_Static_assert(sizeof(struct copy) == 16, "handover.S");

_Noreturn void handover_start(const struct handover *handover);
extern const uint8_t handover_low[], handover_low_end[];
_Noreturn void handover_efi(uint64_t entry, uint64_t information);

#endif

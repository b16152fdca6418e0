/*
 * user.h - what a user program has to work with.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/syscall.h"

int main(void);

/* asm/user/syscall.S */
int64_t user_syscall(uint64_t number, uint64_t a, uint64_t b);
uint64_t user_scrub_probe(void);

/* asm/user/registers.S */
uint64_t user_register_check(uint64_t rounds);

/* asm/user/flags.S */
uint64_t user_flags_check(uint64_t flags, uint64_t rounds);

/* asm/user/vectors.S: what of the vector registers can be seen at once. */
struct user_vectors {
    uint64_t ymm[16 * 4];
    uint64_t x87; /* a double, at the top of the stack */
    uint32_t mxcsr, unused;
};
void user_vectors_load(const struct user_vectors *from, uint64_t avx);
void user_vectors_store(struct user_vectors *to, uint64_t avx);

/* Writes one line to the console. */
static inline int64_t print(const char *text)
{
    uint64_t size = 0;
    while (text[size])
        size++;
    return user_syscall(SYSCALL_WRITE, (uint64_t)text, size);
}

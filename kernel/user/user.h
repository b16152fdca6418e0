/*
 * user.h - what a user program has to work with.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/syscall.h"
#include "user/libc/libc.h"

/* A program has `int main(void)` or `int main(uint64_t argument)`, what its parent gave. */

/* asm/user/syscall.S */
int64_t user_syscall3(uint64_t number, uint64_t a, uint64_t b, uint64_t c);
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

/* asm/user/garbage.S: every register, and how the kernel is entered with all of them. */
struct user_garbage {
    uint64_t registers[15]; /* as in struct frame, r15 first, rax last */
    uint64_t flags, rsp;
    uint64_t ds, es, fs, gs;
};
enum user_entry {
    ENTRY_SYSCALL,
    ENTRY_BREAKPOINT,
    ENTRY_UNDEFINED,
    ENTRY_PAGE_FAULT,
    ENTRY_TIMER, /* computes for ever */
    ENTRY_PUSH,
    ENTRY_COUNT,
};
_Noreturn void user_garbage(const struct user_garbage *garbage, enum user_entry entry);

static inline int64_t user_syscall(uint64_t number, uint64_t a, uint64_t b)
{
    return user_syscall3(number, a, b, 0);
}

static inline uint64_t text_size(const char *text)
{
    uint64_t size = 0;
    while (text[size])
        size++;
    return size;
}

/* Writes one line to the console. */
static inline int64_t print(const char *text)
{
    return user_syscall(SYSCALL_WRITE, (uint64_t)text, text_size(text));
}

/* Starts a program as a child; returns its pid or an error. */
static inline int64_t spawn_with(const char *name, uint64_t argument)
{
    return user_syscall3(SYSCALL_SPAWN, (uint64_t)name, text_size(name), argument);
}

static inline int64_t spawn(const char *name)
{
    return spawn_with(name, 0);
}

static inline int64_t wait_for(int64_t pid)
{
    return user_syscall(SYSCALL_WAIT, (uint64_t)pid, 0);
}

static inline int64_t send(int64_t pid, const void *bytes, uint64_t size)
{
    return user_syscall3(SYSCALL_SEND, (uint64_t)pid, (uint64_t)bytes, size);
}

static inline int64_t receive(struct message *message)
{
    return user_syscall(SYSCALL_RECEIVE, (uint64_t)message, 0);
}

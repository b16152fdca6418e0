/*
 * object_cache.h - equal-sized kernel objects, carved from page frames and kept on a free list.
 */
#pragma once

#include <stddef.h>

#include "lib/spinlock.h"

struct object_cache {
    size_t size; /* bytes of an object, a multiple of 16, at most PAGE_SIZE */
    void *free_list;
    size_t frames; /* how many page frames it has taken so far; it keeps them */
    struct spinlock lock;
};

/* A zeroed object, or null if memory is out. */
void *object_alloc(struct object_cache *cache);

/* The same with whatever bytes it has: for what is overwritten at once. */
void *object_take(struct object_cache *cache);

void object_free(struct object_cache *cache, void *object);

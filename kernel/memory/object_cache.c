#include "memory/object_cache.h"

#include <stdint.h>

#include "abi/layout.h"
#include "lib/string.h"
#include "memory/frames.h"

/* A free object's first word links to the next one. */

static void push(struct object_cache *cache, void *object)
{
    *(void **)object = cache->free_list;
    cache->free_list = object;
}

static void refill(struct object_cache *cache)
{
    uint64_t frame = frames_alloc(0);
    if (!frame)
        return;
    cache->frames++;
    char *page = phys_to_virt(frame);
    for (size_t offset = 0; offset + cache->size <= PAGE_SIZE; offset += cache->size)
        push(cache, page + offset);
}

void *object_take(struct object_cache *cache)
{
    spinlock_acquire(&cache->lock);
    if (!cache->free_list)
        refill(cache);
    void *object = cache->free_list;
    if (object)
        cache->free_list = *(void **)object;
    spinlock_release(&cache->lock);
    return object;
}

void *object_alloc(struct object_cache *cache)
{
    void *object = object_take(cache);
    if (object)
        memset(object, 0, cache->size);
    return object;
}

void object_free(struct object_cache *cache, void *object)
{
    spinlock_acquire(&cache->lock);
    push(cache, object);
    spinlock_release(&cache->lock);
}

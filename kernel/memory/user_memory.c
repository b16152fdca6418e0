#include "memory/user_memory.h"

#include "abi/layout.h"
#include "arch/features.h"

extern uint64_t _oro_user_copy(void *to, const void *from, size_t size);
extern uint64_t _oro_user_copy_nosmap(void *to, const void *from, size_t size);

static bool in_user_half(uint64_t address, size_t size)
{
    return address < USER_LIMIT && size <= USER_LIMIT - address;
}

static bool copy(void *to, const void *from, size_t size)
{
    return (features.smap ? _oro_user_copy : _oro_user_copy_nosmap)(to, from, size) == 0;
}

bool user_read(void *to, uint64_t from, size_t size)
{
    return in_user_half(from, size) && copy(to, (const void *)from, size);
}

bool user_write(uint64_t to, const void *from, size_t size)
{
    return in_user_half(to, size) && copy((void *)to, from, size);
}

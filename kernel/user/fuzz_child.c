/* fuzz_child.c - calls the kernel at random, with arguments of the kind that break kernels, and
 * then enters it once more with garbage in every register. The argument is the seed. */
#include "user/user.h"

enum { MOST_CALLS = 64, PAGE = 4096 };

static uint64_t state;
static uint8_t buffer[2 * PAGE];

static uint64_t any(uint64_t limit)
{
    return random_next(&state) % limit;
}

/* Addresses and numbers at the borders of what is allowed. */
static uint64_t value(void)
{
    switch (any(14)) {
    case 0:
        return any(8);
    case 1:
        return UINT64_MAX - any(PAGE);
    case 2:
        return UINT64_C(0x00007ffffffff000) - any(2 * PAGE);
    case 3:
        return UINT64_C(0x0000800000000000) + any(PAGE);
    case 4:
        return UINT64_C(0xffff800000000000) + any(1 << 30);
    case 5:
        return UINT64_C(0xffffffff80100000) + any(1 << 20);
    case 6:
        return (uint64_t)buffer + any(sizeof(buffer));
    case 7:
        return (uint64_t)buffer + sizeof(buffer) - any(16);
    case 8:
        return MAP_START + any(64) * PAGE;
    case 9:
        return (uint64_t)(uintptr_t)value; /* text: not to be written */
    case 10:
        return UINT64_C(0x7fffffffe000) - any(6 * PAGE);
    case 11:
        return any(512);
    case 12:
        return UINT64_C(1) << any(64);
    default:
        return random_next(&state);
    }
}

static uint64_t selector(void)
{
    static const uint16_t harmless[] = {0, 1, 2, 3, 0x20, 0x23};
    return any(8) ? harmless[any(sizeof(harmless) / sizeof(harmless[0]))] : any(1 << 16);
}

_Noreturn static void garbage(void)
{
    static struct user_garbage with;
    for (unsigned i = 0; i < sizeof(with.registers) / sizeof(with.registers[0]); i++)
        with.registers[i] = value();
    with.flags = any(4) ? random_next(&state) & ~UINT64_C(0x100) : random_next(&state);
    with.rsp = value();
    with.ds = selector();
    with.es = selector();
    with.fs = selector();
    with.gs = selector();
    enum user_entry entry = (enum user_entry)any(ENTRY_COUNT);
    if (entry == ENTRY_SYSCALL)
        with.registers[14] = any(SYSCALL_COUNT + 2); /* rax */
    user_garbage(&with, entry);
}

int main(uint64_t seed)
{
    state = seed | 1;
    for (uint64_t left = any(MOST_CALLS); left; left--) {
        uint64_t number = any(SYSCALL_COUNT + 2);
        if (number == SYSCALL_EXIT || number == SYSCALL_THREAD_EXIT)
            continue;
        user_syscall3(number, value(), value(), value());
    }
    garbage();
}

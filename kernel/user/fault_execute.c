/* fault_execute.c - jumps into its own data. */
#include "user/user.h"

static volatile uint8_t code[] = {0xc3};

int main(void)
{
    ((void (*)(void))(uintptr_t)code)();
    return 0;
}

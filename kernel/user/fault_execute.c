/* fault_execute.c - jumps into its own data. */
#include "user/user.h"

static volatile uint8_t code[] = {0xc3};

int main(void)
{
    /* Through memory: a direct call to data would not link. */
    void (*volatile target)(void) = (void (*)(void))(uintptr_t)code;

    target();
    return 0;
}

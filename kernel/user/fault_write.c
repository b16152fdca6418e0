/* fault_write.c - writes to the kernel's text. */
#include "user/user.h"

int main(void)
{
    *(volatile uint64_t *)0xffffffff80101000 = 0;
    return 0;
}

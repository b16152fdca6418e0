/* fault_privilege.c - an instruction of ring 0. */
#include "user/user.h"

int main(void)
{
    __asm__ volatile("cli");
    return 0;
}

/* fault_breakpoint.c - the one interrupt gate that ring 3 may use. */
#include "user/user.h"

int main(void)
{
    __asm__ volatile("int3");
    return 0;
}

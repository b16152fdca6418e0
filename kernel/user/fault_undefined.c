/* fault_undefined.c - an instruction that no processor defines. */
#include "user/user.h"

int main(void)
{
    __asm__ volatile("ud2");
    return 0;
}

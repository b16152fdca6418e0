/* fault_step.c - sets the trap flag: a debug exception, which arrives on a stack of its own. */
#include "user/user.h"

int main(void)
{
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop" : : : "memory", "cc");
    return 0;
}

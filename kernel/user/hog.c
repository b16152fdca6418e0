/* hog.c - computes and never calls the kernel: only the timer takes the core from it. */
#include "user/user.h"

int main(void)
{
    volatile uint64_t count = 0;
    for (;;)
        count++;
}

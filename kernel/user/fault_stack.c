/* fault_stack.c - recurses until its stack meets the unmapped page below. */
#include <stdbool.h>

#include "user/user.h"

static volatile bool shallow; /* never set */

static uint64_t deeper(volatile uint64_t *above)
{
    volatile uint64_t here = *above + 1;
    return shallow ? here : deeper(&here) + here;
}

int main(void)
{
    volatile uint64_t start = 0;
    return (int)deeper(&start);
}

/* fault_vector.c - an SSE instruction: there is no vector state, so it is undefined. */
#include "user/user.h"

int main(void)
{
    __asm__ volatile(".byte 0x0f, 0x57, 0xc0"); /* xorps %xmm0, %xmm0 */
    return 0;
}

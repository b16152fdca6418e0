/* scrub.c - what a system call leaves in the registers: what was promised, and nothing else. */
#include "user/user.h"

int main(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t wrong = user_scrub_probe();
        if (wrong)
            return (int)wrong;
    }
    return 0;
}

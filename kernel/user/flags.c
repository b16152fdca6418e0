/* flags.c - lives with every flag that ring 3 can set, through system calls and preemptions: the
 * direction flag, alignment check, which opens user memory to the kernel, and the nested-task
 * flag, with which `iretq` would fault. */
#include "user/user.h"

enum { FLAG_DF = 1 << 10, FLAG_NT = 1 << 14, FLAG_AC = 1 << 18, FLAG_ID = 1 << 21 };

int main(void)
{
    uint64_t wanted = FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID;
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t kept = user_flags_check(wanted, 1000);
        if ((kept & wanted) != wanted)
            return 1;
    }
    return 0;
}

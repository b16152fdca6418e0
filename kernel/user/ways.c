/* ways.c - starts fault_way once for each way of misbehaving that it knows; every one must be
 * killed. The exit status is the first that was not, counted from 1. */
#include "user/user.h"
#include "user/ways.h"

int main(void)
{
    for (uint64_t way = 0; way < WAYS; way++) {
        if (wait_for(spawn_with("fault_way", way)) != ERROR_KILLED)
            return (int)way + 1;
    }
    return 0;
}

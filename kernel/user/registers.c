/* registers.c - keeps a pattern in every register through many preemptions. */
#include "user/user.h"

int main(void)
{
    return (int)user_register_check(300000);
}

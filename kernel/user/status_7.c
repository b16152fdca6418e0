/* status_7.c - a child that ends at once, for family.c. */
#include "user/user.h"

int main(void)
{
    return 7;
}

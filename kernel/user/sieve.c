/* sieve.c - the sieve of Eratosthenes: a program that computes, checked by the number of primes
 * below 100,000. */
#include "user/user.h"

enum { LIMIT = 100000, PRIMES_BELOW = 9592 };

int main(void)
{
    static bool composite[LIMIT];
    unsigned primes = 0;
    for (unsigned number = 2; number < LIMIT; number++) {
        if (composite[number])
            continue;
        primes++;
        for (uint64_t multiple = (uint64_t)number * number; multiple < LIMIT; multiple += number)
            composite[multiple] = true;
    }
    return primes == PRIMES_BELOW ? 0 : 1;
}

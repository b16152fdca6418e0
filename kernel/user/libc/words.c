#include "user/libc/libc.h"

char *next_word(char **text)
{
    while (**text == ' ')
        ++*text;
    char *word = *text;
    while (**text && **text != ' ')
        ++*text;
    if (**text)
        *(*text)++ = '\0';
    return *word ? word : NULL;
}

bool parse_number(const char *text, uint64_t *number)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    *number = value;
    return at != text && *at == '\0';
}

uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

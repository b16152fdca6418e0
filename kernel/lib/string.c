#include "lib/string.h"

#include <stdint.h>

/* Written with string instructions: a loop could be compiled into a call of itself. */

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *result = to;
    size_t words = size / sizeof(uint64_t), rest = size % sizeof(uint64_t);
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((size_t)to - (size_t)from >= size)
        return memcpy(to, from, size);
    /* The destination begins inside the source: copy from the end. */
    char *to_last = (char *)to + size - 1;
    const char *from_last = (const char *)from + size - 1;
    __asm__ volatile("std; rep movsb; cld"
                     : "+D"(to_last), "+S"(from_last), "+c"(size)
                     :
                     : "memory");
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *result = to;
    uint64_t pattern = (uint8_t)byte * UINT64_C(0x0101010101010101);
    size_t words = size / sizeof(pattern), rest = size % sizeof(pattern);
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
    return result;
}

int memcmp(const void *left, const void *right, size_t size)
{
    const unsigned char *a = left, *b = right;
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t left = SIZE_MAX;
    __asm__ volatile("repne scasb" : "+D"(text), "+c"(left) : "a"(0) : "memory", "cc");
    return SIZE_MAX - left - 1;
}

bool string_equal(const char *left, const char *right)
{
    size_t size = strlen(left);
    return size == strlen(right) && memcmp(left, right, size) == 0;
}

void string_copy(char *to, const char *from, size_t size)
{
    size_t length = strlen(from);
    if (length > size - 1)
        length = size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

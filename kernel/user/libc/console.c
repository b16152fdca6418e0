#include <stdarg.h>

#include "abi/syscall.h"
#include "lib/format.h"
#include "user/libc/libc.h"
#include "user/user.h"

static void write_list(enum syscall how, const char *format, va_list arguments)
{
    char text[WRITE_MAX + 1];
    size_t size = format_list(text, sizeof(text), format, arguments);
    user_syscall(how, (uint64_t)text, size);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_list(SYSCALL_WRITE, format, arguments);
    va_end(arguments);
}

void put(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_list(SYSCALL_PUT, format, arguments);
    va_end(arguments);
}

bool read_line(char *text, size_t size)
{
    int64_t length = user_syscall(SYSCALL_READ, (uint64_t)text, size - 1);
    if (length <= 0)
        return false;
    text[length] = '\0';
    if (text[length - 1] == '\n')
        text[length - 1] = '\0';
    return true;
}

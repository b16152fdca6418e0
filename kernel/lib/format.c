#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct output {
    char *next, *last; /* last: where the terminator goes at the latest */
};

static void put(struct output *out, char character)
{
    if (out->next < out->last)
        *out->next++ = character;
}

static void put_number(struct output *out, uint64_t value, unsigned base, size_t width, bool zeros)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    for (size_t i = count; i < width; i++)
        put(out, zeros ? '0' : ' ');
    while (count)
        put(out, digits[--count]);
}

static void put_string(struct output *out, const char *text, size_t length, size_t width)
{
    for (size_t i = 0; i < length; i++)
        put(out, text[i]);
    for (size_t i = length; i < width; i++)
        put(out, ' ');
}

size_t format_list(char *buffer, size_t size, const char *format, va_list arguments)
{
    struct output out = {buffer, buffer + size - 1};
    for (; *format; format++) {
        if (*format != '%') {
            put(&out, *format);
            continue;
        }
        bool zeros = false, wide = false;
        size_t width = 0, precision = SIZE_MAX;
        format++;
        if (*format == '0') {
            zeros = true;
            format++;
        }
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (size_t)(*format - '0');
        if (format[0] == '.' && format[1] == '*') {
            precision = (size_t)va_arg(arguments, int);
            format += 2;
        }
        for (; *format == 'l'; format++)
            wide = true;

        switch (*format) {
        case 's': {
            const char *text = va_arg(arguments, const char *);
            size_t length = 0;
            while (length < precision && text[length])
                length++;
            put_string(&out, text, length, width);
            break;
        }
        case 'c':
            put(&out, (char)va_arg(arguments, int));
            break;
        case 'd': {
            int64_t value = wide ? va_arg(arguments, int64_t) : va_arg(arguments, int);
            if (value < 0)
                put(&out, '-');
            put_number(&out, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, width, zeros);
            break;
        }
        case 'u':
        case 'x': {
            uint64_t value = wide ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned);
            put_number(&out, value, *format == 'x' ? 16 : 10, width, zeros);
            break;
        }
        case 'p':
            put(&out, '0');
            put(&out, 'x');
            put_number(&out, (uint64_t)va_arg(arguments, void *), 16, 16, true);
            break;
        case '\0':
            format--; /* a lone % at the end */
            break;
        default:
            put(&out, *format);
        }
    }
    *out.next = '\0';
    return (size_t)(out.next - buffer);
}

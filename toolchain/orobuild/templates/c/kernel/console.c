#include "console.h"

#include <stdarg.h>

#include "port.h"

enum { COM1 = 0x3f8, LINE_STATUS = COM1 + 5, TRANSMITTER_EMPTY = 0x20 };

void console_init(void)
{
    outb(COM1 + 1, 0x00); /* no interrupts */
    outb(COM1 + 3, 0x80); /* the divisor: 115200 baud */
    outb(COM1 + 0, 0x01);
    outb(COM1 + 1, 0x00);
    outb(COM1 + 3, 0x03); /* 8 bits, no parity, one stop bit */
    outb(COM1 + 2, 0xc7); /* FIFOs */
}

static void put(char c)
{
    while (!(inb(LINE_STATUS) & TRANSMITTER_EMPTY))
        ;
    outb(COM1, (uint8_t)c);
}

static void put_number(uint64_t number, unsigned base)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    while (count)
        put(digits[--count]);
}

void console_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%' || !format[1]) {
            put(*format);
            continue;
        }
        switch (*++format) {
        case 's':
            for (const char *text = va_arg(arguments, const char *); *text; text++)
                put(*text);
            break;
        case 'u':
            put_number(va_arg(arguments, unsigned), 10);
            break;
        case 'h': {
            unsigned byte = va_arg(arguments, unsigned);
            put_number(byte >> 4 & 0xf, 16);
            put_number(byte & 0xf, 16);
            break;
        }
        case 'x':
            put('0');
            put('x');
            put_number(va_arg(arguments, uint64_t), 16);
            break;
        default:
            put(*format);
        }
    }
    va_end(arguments);
}

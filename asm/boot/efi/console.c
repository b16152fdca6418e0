/* Messages to the firmware's console and, where that does not lead there, to the first serial
 * port; keys from both. */
#include "loader.h"

/* 16550 UART (TL16C550 data sheet, table of registers). */
#define COM1           0x3f8
#define UART_IER       1
#define UART_LCR       3
#define UART_MCR       4
#define UART_LSR       5
#define LCR_DLAB       0x80
#define LCR_8N1        0x03
#define MCR_DTR_RTS    0x03
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY  0x20
#define LSR_NO_PORT    0xff

#define PATH_END         0x7f
#define PATH_MESSAGING   3
#define PATH_UART        14
#define PATH_NODE_HEADER 4

const char *fatal_subject;
static bool own_serial;

static void out(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* Whether the variable ConOut (section 3.3) has a device path with a serial port in it. */
static bool console_is_serial(void)
{
    static const struct efi_guid global = EFI_GLOBAL_VARIABLE_GUID;
    static const uint16_t name[] = {'C', 'o', 'n', 'O', 'u', 't', 0};
    static uint8_t paths[4096];
    uint64_t size = sizeof(paths);
    if (firmware->runtime->get_variable(name, &global, NULL, &size, paths))
        return false;
    for (uint64_t at = 0; at + PATH_NODE_HEADER <= size;) {
        uint64_t length = paths[at + 2] | (uint64_t)paths[at + 3] << 8;
        if (paths[at] == PATH_MESSAGING && paths[at + 1] == PATH_UART)
            return true;
        if (length < PATH_NODE_HEADER)
            return false;
        at += length;
    }
    return false;
}

void console_init(void)
{
    own_serial = !console_is_serial() && in(COM1 + UART_LSR) != LSR_NO_PORT;
    if (!own_serial)
        return;
    out(COM1 + UART_IER, 0);
    out(COM1 + UART_LCR, LCR_DLAB);
    out(COM1, 1); /* 115200 baud */
    out(COM1 + 1, 0);
    out(COM1 + UART_LCR, LCR_8N1);
    out(COM1 + UART_MCR, MCR_DTR_RTS);
}

static void serial_byte(char byte)
{
    if (!own_serial)
        return;
    for (uint32_t tries = 0; tries < 0x10000; tries++)
        if (in(COM1 + UART_LSR) & LSR_THR_EMPTY)
            break;
    out(COM1, (uint8_t)byte);
}

#define CHUNK 128

/* UTF-8 to UCS-2; what that cannot express becomes a question mark. */
static uint16_t next_character(const char **text)
{
    const uint8_t *at = (const uint8_t *)*text;
    uint32_t value = *at++;
    uint32_t more = value < 0x80 ? 0 : value < 0xe0 ? 1 : value < 0xf0 ? 2 : 3;
    if (more)
        value &= 0x3fU >> more;
    while (more && (*at & 0xc0) == 0x80) {
        value = value << 6 | (*at++ & 0x3f);
        more--;
    }
    *text = (const char *)at;
    return more || value > 0xffff || (value >= 0xd800 && value < 0xe000) ? '?' : (uint16_t)value;
}

void say(const char *text)
{
    uint16_t chunk[CHUNK];
    for (const char *byte = text; *byte; byte++)
        serial_byte(*byte);
    while (*text) {
        size_t count = 0;
        while (*text && count < CHUNK - 1)
            chunk[count++] = next_character(&text);
        chunk[count] = 0;
        if (firmware->con_out)
            firmware->con_out->output_string(firmware->con_out, chunk);
    }
}

void say_word(const char *text)
{
    char word[CHUNK];
    size_t count = 0;
    while (count < CHUNK - 1 && (uint8_t)text[count] > ' ') {
        word[count] = text[count];
        count++;
    }
    word[count] = 0;
    say(word);
}

void say_utf16(const uint16_t *text)
{
    char word[CHUNK];
    size_t count = 0;
    for (; text && *text && count < CHUNK - 1; text++)
        word[count++] = *text >= ' ' && *text < 0x7f && *text != '"' ? (char)*text : '?';
    word[count] = 0;
    say(word);
}

void say_decimal(uint64_t value)
{
    char digits[21];
    size_t at = sizeof(digits) - 1;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    say(digits + at);
}

void say_hex(uint64_t value)
{
    char digits[19];
    size_t at = sizeof(digits) - 1, least = at - 8;
    digits[at] = 0;
    while (value || at > least) {
        digits[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    digits[--at] = 'x';
    digits[--at] = '0';
    say(digits + at);
}

/* A key of a terminal: ESC [ A is the arrow up, ESC [ B the one down. */
static int serial_key(void)
{
    static bool escape;
    if (!own_serial || !(in(COM1 + UART_LSR) & LSR_DATA_READY))
        return KEY_NONE;
    uint8_t byte = in(COM1);
    if (byte == 0x1b) {
        escape = true;
        return KEY_NONE;
    }
    if (escape && (byte == '[' || byte == 'O'))
        return KEY_NONE;
    if (escape) {
        escape = false;
        return byte == 'A' ? KEY_UP : byte == 'B' ? KEY_DOWN : KEY_OTHER;
    }
    return byte;
}

int key_read(void)
{
    struct efi_input_key key;
    int character = serial_key();
    if (character > KEY_NONE && character <= KEY_OTHER)
        return character;
    if (firmware->con_in && !firmware->con_in->read_key_stroke(firmware->con_in, &key)) {
        if (key.scan_code == SCAN_UP || key.scan_code == SCAN_DOWN)
            return key.scan_code == SCAN_UP ? KEY_UP : KEY_DOWN;
        character = key.unicode_char ? key.unicode_char : KEY_OTHER;
    }
    if (character == '\r' || character == '\n')
        return KEY_ENTER;
    if (character == 'k' || character == 'j')
        return character == 'k' ? KEY_UP : KEY_DOWN;
    if (character >= '1' && character <= '9')
        return KEY_DIGIT + character - '0';
    return character ? KEY_OTHER : KEY_NONE;
}

_Noreturn void fatal(const char *slug, const char *text)
{
    say("\r\n");
    say(text);
    say("\r\nThe loader has stopped. Press a key to return to the firmware.\r\noro: loader-error=");
    say(slug);
    if (fatal_subject) {
        say(" subject=\"");
        say_word(fatal_subject);
        say("\"");
    }
    say("\r\n");
    while (key_read() != KEY_NONE) { /* keys from before */
    }
    while (key_read() == KEY_NONE)
        firmware->boot->stall(10000);
    firmware->boot->exit(image_handle, EFI_LOAD_ERROR, 0, NULL);
    for (;;)
        __asm__ volatile("hlt");
}

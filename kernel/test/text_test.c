/* text_test.c - strings, memory functions and formatting. */
#include <stdarg.h>

#include "boot/boot_info.h"
#include "lib/format.h"
#include "lib/string.h"
#include "test/ktap.h"

__attribute__((format(printf, 2, 3))) static bool formats_to(const char *wanted, const char *format,
                                                              ...)
{
    char buffer[64];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_list(buffer, sizeof(buffer), format, arguments);
    va_end(arguments);
    return length == strlen(wanted) && string_equal(buffer, wanted);
}

static void numbers(void)
{
    CHECK(formats_to("0 -1 4294967295", "%d %d %u", 0, -1, 4294967295U));
    CHECK(formats_to("-9223372036854775808", "%ld", INT64_MIN));
    CHECK(formats_to("18446744073709551615", "%lu", UINT64_MAX));
    CHECK(formats_to("deadbeef 00ff    7", "%x %04x %4u", 0xdeadbeefU, 0xffU, 7U));
    CHECK(formats_to("0xffffffff80100000", "%p", (void *)0xffffffff80100000));
}

static void strings(void)
{
    CHECK(formats_to("[ab  ] ab %", "[%4s] %.*s %%", "ab", 2, "abcdef"));
    CHECK(formats_to("", "%s", ""));
    char small[4];
    string_copy(small, "longer", sizeof(small));
    CHECK(string_equal(small, "lon"));
    CHECK(strlen("") == 0 && strlen("12345") == 5);
    CHECK(memcmp("abc", "abd", 3) < 0 && memcmp("abd", "abc", 3) > 0 && memcmp("x", "y", 0) == 0);
}

static void moving_memory(void)
{
    /* Every length and distance of an overlapping move, against a byte-wise model. */
    for (size_t length = 0; length < 24; length++) {
        for (size_t to = 0; to < 24; to++) {
            uint8_t bytes[64], model[64];
            for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = model[i] = (uint8_t)test_random();
            uint8_t copy[24];
            for (size_t i = 0; i < length; i++)
                copy[i] = model[12 + i];
            for (size_t i = 0; i < length; i++)
                model[to + i] = copy[i];
            CHECK(memmove(bytes + to, bytes + 12, length) == bytes + to);
            CHECK(memcmp(bytes, model, sizeof(bytes)) == 0);
        }
    }
    uint8_t filled[19];
    memset(filled, 0xa5, sizeof(filled));
    memset(filled + 1, 0, 17);
    CHECK(filled[0] == 0xa5 && filled[1] == 0 && filled[17] == 0 && filled[18] == 0xa5);
}

static void boot_options(void)
{
    char saved[sizeof(boot_info.command_line)];
    memcpy(saved, boot_info.command_line, sizeof(saved));
    string_copy(boot_info.command_line, " run=forever  test", sizeof(saved));
    CHECK(boot_option("run=forever") && boot_option("test"));
    CHECK(!boot_option("run") && !boot_option("tes") && !boot_option("tests"));
    memcpy(boot_info.command_line, saved, sizeof(saved));
}

static void boot_numbers(void)
{
    char saved[sizeof(boot_info.command_line)];
    memcpy(saved, boot_info.command_line, sizeof(saved));
    string_copy(boot_info.command_line, "xa=1 a=0x2f b=12 c= d=0x e=5x", sizeof(saved));
    uint64_t number = 0;
    CHECK(boot_option_number("a=", &number) && number == 0x2f);
    CHECK(boot_option_number("b=", &number) && number == 12);
    CHECK(!boot_option_number("c=", &number) && !boot_option_number("d=", &number));
    CHECK(!boot_option_number("e=", &number) && !boot_option_number("f=", &number));
    memcpy(boot_info.command_line, saved, sizeof(saved));
}

static bool selects(const char *line, const char *name)
{
    char saved[sizeof(boot_info.command_line)];
    memcpy(saved, boot_info.command_line, sizeof(saved));
    string_copy(boot_info.command_line, line, sizeof(saved));
    bool selected = boot_option_selects("test=", name);
    memcpy(boot_info.command_line, saved, sizeof(saved));
    return selected;
}

static void boot_selections(void)
{
    CHECK(selects("", "smp") && selects("test", "smp") && selects("a=b test", "smp"));
    CHECK(selects("test=smp", "smp") && !selects("test=smp", "smp2") && !selects("test=smp", "sm"));
    CHECK(selects("test=s*", "smp") && selects("test=*", "smp") && !selects("test=", "smp"));
    CHECK(selects("test=*mp", "smp") && selects("test=?m?", "smp") && !selects("test=??", "smp"));
    CHECK(selects("test=a test=smp", "smp") && !selects("test=a test=b", "smp"));
    CHECK(selects("test=*a*b", "xaab") && selects("test=*ab", "aab") && !selects("test=*ab", "aba"));
    CHECK(selects("test=smp**", "smp") && !selects("test=*x*", "smp"));
}

TEST_SUITE(text, {"numbers", numbers}, {"strings", strings}, {"moving_memory", moving_memory},
           {"boot_options", boot_options}, {"boot_numbers", boot_numbers},
           {"boot_selections", boot_selections});

/* typing_test.c - a line while it is typed, and the characters of a keyboard's codes. */
#include "console/keymap.h"
#include "console/line_editor.h"
#include "lib/string.h"
#include "test/ktap.h"

/* The events after each character of `typed`; checks the line that the last one finished. */
static void check_line(const char *typed, enum line_event last, const char *line)
{
    struct line_editor editor = {.size = 0};
    struct line_echo echo;
    enum line_event event = LINE_GROWS;
    for (; *typed; typed++) {
        CHECK_EQUAL(event, LINE_GROWS);
        event = line_editor_take(&editor, *typed, &echo);
        CHECK(echo.size <= sizeof(echo.text));
    }
    CHECK_EQUAL(event, last);
    CHECK(editor.size == strlen(line) && memcmp(editor.text, line, editor.size) == 0);
}

static void lines_are_edited(void)
{
    check_line("ps\r", LINE_DONE, "ps\n");
    check_line("px\177s\n", LINE_DONE, "ps\n");
    check_line("\b\b\177ps\n", LINE_DONE, "ps\n");
    check_line("nonsense\025ps\n", LINE_DONE, "ps\n");
    check_line("p\033[As\033[1;5C\033OB\n", LINE_DONE, "ps\n");
    check_line("p\001\002\tx\003", LINE_INTERRUPT, "");
    check_line("p\004s\n", LINE_DONE, "ps\n");
    struct line_editor editor = {.size = 0};
    struct line_echo echo;
    CHECK_EQUAL(line_editor_take(&editor, '\004', &echo), LINE_DONE);
    CHECK(editor.size == 1 && editor.text[0] == '\0');
}

static void a_line_that_is_too_long_is_cut(void)
{
    struct line_editor editor = {.size = 0};
    struct line_echo echo;
    for (unsigned i = 0; i < 3 * LINE_EDITOR_SIZE; i++)
        CHECK_EQUAL(line_editor_take(&editor, 'x', &echo), LINE_GROWS);
    CHECK_EQUAL(line_editor_take(&editor, '\n', &echo), LINE_DONE);
    CHECK_EQUAL(editor.size, LINE_EDITOR_SIZE);
    CHECK(editor.text[LINE_EDITOR_SIZE - 1] == '\n');
}

static void check_codes(const uint8_t *codes, unsigned count, const char *wanted)
{
    struct keymap map = {0};
    for (unsigned i = 0; i < count; i++) {
        char character = keymap_take(&map, codes[i]);
        if (character)
            CHECK(character == *wanted++);
    }
    CHECK(*wanted == '\0');
}

#define CODES(wanted, ...)                                                                        \
    do {                                                                                          \
        static const uint8_t codes[] = {__VA_ARGS__};                                             \
        check_codes(codes, sizeof(codes), wanted);                                                \
    } while (0)

static void keys_are_characters(void)
{
    CODES("a", 0x1e, 0x9e);
    CODES("Aa", 0x2a, 0x1e, 0x9e, 0xaa, 0x1e, 0x9e);
    CODES("A1!a", 0x3a, 0xba, 0x1e, 0x02, 0x36, 0x02, 0x1e, 0xb6);
    CODES("\003", 0x1d, 0x2e, 0xae, 0x9d);
    CODES("\003", 0xe0, 0x1d, 0x2e, 0xae, 0xe0, 0x9d);
    CODES("\n\n \b", 0x1c, 0xe0, 0x1c, 0x39, 0x0e);
    /* An arrow comes with a shift of its own around it; keys of no character; codes of no key. */
    CODES("", 0xe0, 0x2a, 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0xaa, 0x3b, 0x00, 0x7f, 0xff);
}

TEST_SUITE(typing, {"lines_are_edited", lines_are_edited},
           {"a_line_that_is_too_long_is_cut", a_line_that_is_too_long_is_cut},
           {"keys_are_characters", keys_are_characters});

#include "console/line_editor.h"

enum control {
    END = 0x04,       /* ^D */
    INTERRUPT = 0x03, /* ^C */
    BACKSPACE = 0x08,
    KILL = 0x15, /* ^U */
    ESCAPE = 0x1b,
    DELETE = 0x7f,
};

static void show(struct line_echo *echo, const char *text)
{
    while (*text)
        echo->text[echo->size++] = *text++;
}

static void erase(struct line_editor *editor, struct line_echo *echo)
{
    if (editor->size == 0)
        return;
    editor->size--;
    show(echo, "\b \b");
}

/* ECMA-48 5.4: ESC [, parameters, and a final byte from '@' to '~'. True while inside one. */
static unsigned next_escape(unsigned escape, char character)
{
    if (character == ESCAPE)
        return 1;
    if (escape == 1)
        return character == '[' || character == 'O' ? 2 : 0;
    return character >= '@' && character <= '~' ? 0 : 2;
}

static enum line_event finish(struct line_editor *editor, char last)
{
    editor->text[editor->size++] = last;
    return LINE_DONE;
}

enum line_event line_editor_take(struct line_editor *editor, char character,
                                 struct line_echo *echo)
{
    echo->size = 0;
    if (editor->escape || character == ESCAPE) {
        editor->escape = next_escape(editor->escape, character);
        return LINE_GROWS;
    }
    switch (character) {
    case '\r':
    case '\n':
        show(echo, "\n");
        return finish(editor, '\n');
    case BACKSPACE:
    case DELETE:
        erase(editor, echo);
        return LINE_GROWS;
    case KILL:
        while (editor->size)
            erase(editor, echo);
        return LINE_GROWS;
    case INTERRUPT:
        editor->size = 0;
        show(echo, "^C\n");
        return LINE_INTERRUPT;
    case END:
        return editor->size == 0 ? finish(editor, '\0') : LINE_GROWS;
    default:
        if (character < ' ' || character > '~' || editor->size + 1 == sizeof(editor->text))
            return LINE_GROWS;
        editor->text[editor->size++] = character;
        echo->text[echo->size++] = character;
        return LINE_GROWS;
    }
}

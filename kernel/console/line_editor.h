/*
 * line_editor.h - a line while it is typed: characters come one by one, some of which edit it.
 */
#pragma once

#include <stddef.h>

enum { LINE_EDITOR_SIZE = 128 };

struct line_editor {
    char text[LINE_EDITOR_SIZE]; /* a finished line with '\n' at its end, or one zero for ^D */
    size_t size;
    unsigned escape; /* how far into an escape sequence, which is dropped */
};

enum line_event {
    LINE_GROWS,
    LINE_DONE,      /* text and size are a line; the caller sets size to 0 before the next */
    LINE_INTERRUPT, /* ^C: the line is gone */
};

/* What to show of it. */
struct line_echo {
    char text[3 * LINE_EDITOR_SIZE];
    size_t size;
};

enum line_event line_editor_take(struct line_editor *editor, char character,
                                 struct line_echo *echo);

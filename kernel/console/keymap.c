#include "console/keymap.h"

enum codes {
    RELEASED = 0x80,
    EXTENDED = 0xe0,
    CONTROL = 0x1d,
    LEFT_SHIFT = 0x2a,
    RIGHT_SHIFT = 0x36,
    CAPITALS = 0x3a,
    ENTER = 0x1c, /* of the number pad, when extended */
};

/* By scan code; IBM PS/2 Hardware Interface Technical Reference, Keyboards, table of set 1. */
static const char plain[] = "\0\033"
                            "1234567890-=\b\t"
                            "qwertyuiop[]\n\0"
                            "asdfghjkl;'`\0\\"
                            "zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033"
                              "!@#$%^&*()_+\b\t"
                              "QWERTYUIOP{}\n\0"
                              "ASDFGHJKL:\"~\0|"
                              "ZXCVBNM<>?\0*\0 ";

static bool is_letter(char character)
{
    return (character | 0x20) >= 'a' && (character | 0x20) <= 'z';
}

static bool take_modifier(struct keymap *map, uint8_t key, bool down)
{
    switch (key) {
    case CONTROL:
        map->control = down;
        return true;
    case LEFT_SHIFT:
        map->left_shift = down;
        return true;
    case RIGHT_SHIFT:
        map->right_shift = down;
        return true;
    case CAPITALS:
        map->capitals ^= down;
        return true;
    default:
        return false;
    }
}

char keymap_take(struct keymap *map, uint8_t code)
{
    if (code == EXTENDED) {
        map->extended = true;
        return 0;
    }
    bool extended = map->extended, down = !(code & RELEASED);
    uint8_t key = code & (RELEASED - 1);
    map->extended = false;
    /* Shifts that are extended are no keys: some keyboards send them around others. */
    if (extended && key != CONTROL)
        return key == ENTER && down ? '\n' : 0;
    if (take_modifier(map, key, down) || !down || key >= sizeof(plain) - 1)
        return 0;
    bool shift = map->left_shift || map->right_shift;
    char character = plain[key];
    if (is_letter(character) ? shift != map->capitals : shift)
        character = shifted[key];
    if (map->control)
        return is_letter(character) ? (char)(character & 0x1f) : 0;
    return character;
}

/* BOOT.CFG: what there is to start. The format is in ../README.md.
 *
 * The whole file is checked once; afterwards it is a sequence of lines, each ended by a NUL, and
 * whoever wants something walks over them. */
#include "loader.h"

#define CONFIG_MAX  32256
#define TIMEOUT_MAX 86400

struct config config = {.timeout = 5};
static const char config_path[] = "/OROBUILD/BOOT.CFG";
static char text[CONFIG_MAX + 1];
static char *text_end = text; /* of the part that has statements */
static bool sealed;

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* What follows `prefix` at `at`, or NULL. */
static const char *after_prefix(const char *at, const char *prefix)
{
    while (*prefix)
        if (*at++ != *prefix++)
            return NULL;
    return at;
}

/* The same for a word; one blank behind it is skipped too. */
static const char *after_word(const char *at, const char *word)
{
    at = after_prefix(at, word);
    if (!at || (uint8_t)*at > ' ')
        return NULL;
    return *at ? at + 1 : at;
}

/* A decimal number that fits 32 bits, and what follows it; NULL if there is none. */
static const char *read_decimal(const char *at, uint32_t *number)
{
    const char *start = at;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
        if (value > UINT32_MAX)
            return NULL;
    }
    *number = (uint32_t)value;
    return at == start ? NULL : at;
}

/* Eight hexadecimal digits likewise. */
static const char *read_hexadecimal(const char *at, uint32_t *number)
{
    *number = 0;
    for (int i = 0; i < 8; i++, at++) {
        char small = (char)(*at | 0x20);
        if (*at >= '0' && *at <= '9')
            *number = *number << 4 | (uint32_t)(*at - '0');
        else if (small >= 'a' && small <= 'f')
            *number = *number << 4 | (uint32_t)(small - 'a' + 10);
        else
            return NULL;
    }
    return at;
}

static _Noreturn void bad_text(void)
{
    fatal("boot-config-format", "BOOT.CFG is not a text of the kind that this loader reads.");
}

static _Noreturn void bad_line(const char *line, const char *message)
{
    say("\r\noro: loader=uefi line=\"");
    say(line);
    say("\"");
    fatal("boot-config-line", message);
}

/* The last line, at `line`: the checksum of all before it, and nothing but blanks behind. */
static void check_end(char *line, const char *digits)
{
    uint32_t expected;
    const char *rest = read_hexadecimal(digits, &expected);
    if (!rest)
        bad_text();
    for (; rest < text_end; rest++)
        if ((uint8_t)*rest > ' ')
            bad_text();
    if (crc32(text, (size_t)(line - text)) != expected)
        fatal("boot-config-damaged",
              "BOOT.CFG does not match its checksum: it was damaged or modified.");
    text_end = line;
    *line = 0;
    sealed = true;
}

/* Looks for bytes that no text has, and for the last line. */
static void check_bytes(void)
{
    char *at = text;
    while (at < text_end) {
        const char *digits = after_prefix(at, "end crc32=");
        if (digits) {
            check_end(at, digits);
            return;
        }
        for (; at < text_end && *at != '\n'; at++)
            if ((uint8_t)*at < ' ' && *at != '\t' && *at != '\r')
                bad_text();
        at++;
    }
}

/* Makes line ends and comments NULs. */
static void split_lines(void)
{
    for (char *line = text, *end; line < text_end; line = end + 1) {
        for (end = line; end < text_end && *end != '\n'; end++) {
        }
        *end = 0;
        if (end > line && end[-1] == '\r')
            end[-1] = 0;
        if (*skip_blanks(line) == '#')
            memset(line, 0, (size_t)(end - line));
    }
}

/* `at` or the first statement after it; NULL behind the last. */
static const char *statement_here(const char *at)
{
    while (at < text_end) {
        at = skip_blanks(at);
        if (*at)
            return at;
        at++;
    }
    return NULL;
}

static const char *statement_next(const char *line)
{
    while (*line)
        line++;
    return statement_here(line);
}

static uint32_t number_alone(const char *line, const char *at, uint32_t max)
{
    uint32_t value;
    const char *rest = read_decimal(skip_blanks(at), &value);
    if (!rest || *skip_blanks(rest) || value > max)
        bad_line(line, "This line of BOOT.CFG needs a number, and nothing behind it.");
    return value;
}

static void check_version(const char *line)
{
    uint32_t version;
    const char *at = line ? after_word(line, "orobuild-boot") : NULL;
    at = at ? read_decimal(skip_blanks(at), &version) : NULL;
    if (!at)
        bad_text();
    if (version != 1)
        fatal("boot-config-version", "BOOT.CFG is of a version that this loader does not know.");
    at = skip_blanks(at);
    const char *rest = after_word(at, "sealed");
    if (rest && !sealed)
        fatal("boot-config-damaged",
              "BOOT.CFG is sealed, and its last line with the checksum is missing.");
    if (*skip_blanks(rest ? rest : at))
        bad_line(line, "This line of BOOT.CFG goes on where it should end.");
    if (!sealed)
        say("oro: loader=uefi unchecked=\"/OROBUILD/BOOT.CFG\"\r\n");
}

static void check_statements(void)
{
    const char *line = statement_here(text), *at;
    bool has_kernel = true;
    check_version(line);
    while ((line = statement_next(line))) {
        if ((at = after_word(line, "timeout"))) {
            config.timeout = number_alone(line, at, TIMEOUT_MAX);
        } else if ((at = after_word(line, "default"))) {
            config.default_entry = number_alone(line, at, UINT32_MAX);
        } else if (after_word(line, "entry")) {
            if (!has_kernel)
                break;
            config.entries++;
            has_kernel = false;
        } else if (!config.entries) {
            bad_line(line, "This line of BOOT.CFG is no statement, or belongs below an 'entry'.");
        } else if ((at = after_word(line, "kernel"))) {
            if (has_kernel)
                bad_line(line, "BOOT.CFG names a second kernel in one entry.");
            has_kernel = true;
            if (*skip_blanks(reference_parse(at).rest))
                bad_line(line, "This line of BOOT.CFG goes on where it should end.");
        } else if ((at = after_word(line, "module"))) {
            reference_parse(at);
        } else if (!after_word(line, "cmdline")) {
            bad_line(line,
                     "This line of BOOT.CFG begins with no statement that this loader knows.");
        }
    }
    if (!config.entries || !has_kernel)
        fatal("no-kernel", "BOOT.CFG names no kernel to start.");
    if (config.default_entry >= config.entries)
        fatal("boot-config-default", "The entry that BOOT.CFG calls the default does not exist.");
}

void config_open(void)
{
    uint64_t size;
    fatal_subject = config_path;
    if (!file_find(config_path, &size))
        fatal("boot-config-missing", "The boot medium has no file OROBUILD/BOOT.CFG.");
    if (size > CONFIG_MAX)
        fatal("boot-config-size", "BOOT.CFG is too large: it may have 32256 bytes.");
    file_read(text, size);
    text_end = text + size;
    check_bytes();
    split_lines();
    check_statements();
    fatal_subject = NULL;
}

const char *entry_find(uint32_t number)
{
    const char *line = statement_here(text), *title;
    for (;; line = statement_next(line)) {
        title = after_word(line, "entry");
        if (title && number-- == 0)
            return title;
    }
}

const char *entry_next(const char *line, const char *keyword)
{
    const char *found;
    while ((line = statement_next(line)) && !after_word(line, "entry"))
        if ((found = after_word(line, keyword)))
            return found;
    return NULL;
}

struct reference reference_parse(const char *at)
{
    struct reference reference = {0};
    const char *start = skip_blanks(at), *option, *value;
    uint32_t size;
    if (*start != '/')
        bad_line(start, "This line of BOOT.CFG needs a path that begins with a slash.");
    reference.path = start;
    for (at = start; (uint8_t)*at > ' ';)
        at++;
    while (*at && !(reference.sized && reference.checked)) {
        option = skip_blanks(at);
        if ((value = after_prefix(option, "size="))) {
            value = read_decimal(value, &size);
            reference.size = size;
            reference.sized = true;
        } else if ((value = after_prefix(option, "crc32="))) {
            value = read_hexadecimal(value, &reference.crc32);
            reference.checked = true;
        } else {
            break;
        }
        if (!value || (uint8_t)*value > ' ')
            bad_line(start, "This line of BOOT.CFG has a malformed size= or crc32=.");
        at = value;
    }
    reference.rest = *at ? at + 1 : at;
    return reference;
}

uint8_t *reference_load(struct reference *reference, const char *no_room_slug,
                        const char *no_room_text)
{
    uint64_t size;
    fatal_subject = reference->path;
    if (!file_find(reference->path, &size))
        fatal("file-missing", "A file that BOOT.CFG names is not on the boot volume.");
    if (reference->sized && size != reference->size)
        fatal("file-size", "A file on the boot volume is not as large as BOOT.CFG says.");
    reference->size = size;
    uint8_t *bytes = size < FOUR_GIB ? pages_below_4gib(size) : NULL;
    if (!bytes)
        fatal(no_room_slug, no_room_text);
    file_read(bytes, size);
    if (!reference->checked) {
        say("oro: loader=uefi unchecked=\"");
        say_word(reference->path);
        say("\"\r\n");
    } else {
        uint32_t found = crc32(bytes, size);
        if (found != reference->crc32) {
            say("\r\noro: loader=uefi crc32=");
            say_hex(found);
            say(" expected=");
            say_hex(reference->crc32);
            fatal("file-damaged",
                  "A file does not match its checksum: it was damaged or modified.");
        }
    }
    fatal_subject = NULL;
    return bytes;
}

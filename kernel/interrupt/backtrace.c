#include "interrupt/backtrace.h"

#include <stdarg.h>

#include "abi/layout.h"
#include "abi/processor.h"
#include "arch/cpu.h"
#include "console/printk.h"
#include "interrupt/symbols.h"
#include "lib/format.h"
#include "lib/string.h"
#include "memory/paging.h"

enum { DEPTH = 24 };

bool kernel_readable(uint64_t address, uint64_t size)
{
    if (address % PAGE_SIZE + size > PAGE_SIZE || address >> 47 != 0x1ffff)
        return false;
    struct paging_walk walk = paging_walk(read_cr3() & PAGE_ADDRESS, address);
    return paging_present(&walk);
}

__attribute__((format(printf, 2, 3))) static void write_text(char *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_list(text, PLACE_TEXT, format, arguments);
    va_end(arguments);
}

void place_describe(uint64_t address, bool is_return, char text[PLACE_TEXT])
{
    struct symbol symbol;
    if (!symbol_find(address - is_return, &symbol)) {
        string_copy(text, "?", PLACE_TEXT);
        return;
    }
    uint64_t offset = symbol.offset + is_return;
    if (symbol.size)
        write_text(text, "%s+0x%lx/0x%lx", symbol.name, offset, symbol.size);
    else
        write_text(text, "%s+0x%lx", symbol.name, offset);
}

static void print_place(const char *key, unsigned depth, uint64_t address, bool is_return)
{
    char place[PLACE_TEXT];
    place_describe(address, is_return, place);
    printk("oro: %s=%u address=0x%lx symbol=%s\n", key, depth, address, place);
}

void backtrace_print(const char *key, uint64_t rip, uint64_t rbp)
{
    unsigned depth = 0;
    if (rip)
        print_place(key, depth++, rip, false);
    /* System V ABI 3.2.2: at rbp the caller's rbp, above it the return address. The chain leads up
     * the stack; whatever does not is no chain. */
    while (depth < DEPTH && rbp % 8 == 0 && kernel_readable(rbp, 16)) {
        const uint64_t *saved = (const uint64_t *)rbp;
        if (saved[1] == 0)
            break; /* what the entry code pushed in place of a return address */
        print_place(key, depth++, saved[1], true);
        if (saved[0] <= rbp)
            break;
        rbp = saved[0];
    }
}

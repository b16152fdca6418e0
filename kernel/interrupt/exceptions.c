#include "interrupt/exceptions.h"

#include <stdarg.h>
#include <stdbool.h>

#include "abi/processor.h"
#include "abi/vectors.h"
#include "lib/format.h"
#include "lib/string.h"

static const char *const names[VECTOR_EXCEPTIONS] = {
    "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "CSO", "#TS",
    "#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
    "22",  "23",  "24",  "25",  "26",  "27",  "#HV", "#VC", "#SX", "31",
};

const char *exception_name(uint64_t vector)
{
    return vector < VECTOR_EXCEPTIONS ? names[vector] : "interrupt";
}

__attribute__((format(printf, 2, 3))) static void write_text(char *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_list(text, EXCEPTION_TEXT, format, arguments);
    va_end(arguments);
}

static void describe_page_fault(uint64_t error_code, char *text)
{
    const char *who = error_code & PAGE_FAULT_USER ? "ring 3" : "the kernel";
    const char *what = error_code & PAGE_FAULT_FETCH   ? "fetched an instruction from"
                       : error_code & PAGE_FAULT_WRITE ? "wrote to"
                                                  : "read from";
    const char *where = "a page whose permissions forbid it";
    if (error_code & PAGE_FAULT_RESERVED)
        where = "a page whose table entry has a reserved bit set";
    else if (!(error_code & PAGE_FAULT_PRESENT))
        where = "a page that is not mapped";
    else if (error_code & PAGE_FAULT_FETCH)
        where = "a page that it may not execute";
    write_text(text, "%s %s %s", who, what, where);
}

/* Intel SDM Vol. 3A 6.13, figure 6-7. */
static void describe_selector(uint64_t error_code, char *text)
{
    const char *table = error_code & 2 ? "IDT" : error_code & 4 ? "LDT" : "GDT";
    if (error_code == 0)
        write_text(text, "no descriptor is to blame");
    else
        write_text(text, "entry %lu of the %s%s", error_code >> 3 & 0x1fff, table,
                   error_code & 1 ? ", by an event from outside the program" : "");
}

void exception_describe_error(uint64_t vector, uint64_t error_code, char *text)
{
    enum { TS = 10, NP = 11, SS = 12, GP = 13 };
    text[0] = '\0';
    if (vector == VECTOR_PAGE_FAULT)
        describe_page_fault(error_code, text);
    else if (vector == TS || vector == NP || vector == SS || vector == GP)
        describe_selector(error_code, text);
}

/* The level of the first entry from the top that has `flag` as `set`; 0 if none has. */
static unsigned first_level(const struct paging_walk *walk, uint64_t flag, bool set)
{
    for (unsigned i = 0; i < walk->levels; i++) {
        if (!(walk->entries[i] & flag) == !set)
            return paging_levels - i;
    }
    return 0;
}

struct denial exception_denial(const struct paging_walk *walk, uint64_t error_code)
{
    unsigned last = paging_levels + 1 - walk->levels;
    if (error_code & PAGE_FAULT_PROTECTION_KEY)
        return (struct denial){last, "protection-key"};
    if (error_code & PAGE_FAULT_SHADOW_STACK)
        return (struct denial){last, "shadow-stack"};
    if (error_code & PAGE_FAULT_RESERVED)
        return (struct denial){last, "reserved"};
    unsigned absent = first_level(walk, PAGE_PRESENT, false);
    if (absent)
        return (struct denial){absent, "present"};
    bool user = error_code & PAGE_FAULT_USER;
    unsigned nx = first_level(walk, PAGE_NX, true);
    unsigned read_only = first_level(walk, PAGE_WRITE, false);
    unsigned kernels = first_level(walk, PAGE_USER, false);
    if (user && kernels)
        return (struct denial){kernels, "user"};
    if (error_code & PAGE_FAULT_FETCH && nx)
        return (struct denial){nx, "nx"};
    if (error_code & PAGE_FAULT_WRITE && read_only)
        return (struct denial){read_only, "write"};
    if (!user && !kernels)
        return (struct denial){last, error_code & PAGE_FAULT_FETCH ? "smep" : "smap"};
    return (struct denial){0, "none"};
}

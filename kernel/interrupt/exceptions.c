#include "interrupt/exceptions.h"

#include "abi/vectors.h"
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

static void append(char *text, const char *more)
{
    size_t length = strlen(text);
    string_copy(text + length, more, EXCEPTION_TEXT - length);
}

void exception_describe_page_fault(uint64_t error_code, char *text)
{
    text[0] = '\0';
    append(text, error_code & PAGE_FAULT_USER ? "ring 3 " : "the kernel ");
    if (error_code & PAGE_FAULT_FETCH)
        append(text, "fetched an instruction from ");
    else
        append(text, error_code & PAGE_FAULT_WRITE ? "wrote to " : "read from ");
    if (error_code & PAGE_FAULT_RESERVED)
        append(text, "a page whose table entry has a reserved bit set");
    else if (!(error_code & PAGE_FAULT_PRESENT))
        append(text, "a page that is not mapped");
    else
        append(text, error_code & PAGE_FAULT_FETCH ? "a page that it may not execute"
                                              : "a page whose permissions forbid it");
}

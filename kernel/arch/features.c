#include "arch/features.h"

#include "arch/cpu.h"
#include "arch/vector_state.h"

struct features features;

enum leaves { LEAF_BASIC = 1 };

void features_enable(void)
{
    /* Bits: Intel SDM Vol. 2A CPUID, tables 3-8, 3-10 and 3-11. */
    uint32_t highest = cpuid(0, 0).eax;
    struct cpuid structured = {0};
    if (highest >= CPUID_STRUCTURED)
        structured = cpuid(CPUID_STRUCTURED, 0);
    features.global_pages = cpuid(LEAF_BASIC, 0).edx >> 13 & 1;
    features.pcid = cpuid(LEAF_BASIC, 0).ecx >> 17 & 1;
    features.smep = structured.ebx >> 7 & 1;
    features.smap = structured.ebx >> 20 & 1;
    features.umip = structured.ecx >> 2 & 1;
    features.gigabyte_pages = cpuid((uint32_t)CPUID_EXTENDED, 0).edx >> 26 & 1;

    /* The entry code chose how many levels the page tables have. */
    uint64_t cr4 = CR4_PAE | CR4_DE | CR4_MCE | (read_cr4() & CR4_LA57);
    if (features.global_pages)
        cr4 |= CR4_PGE;
    if (features.pcid)
        cr4 |= CR4_PCIDE; /* CR3 bits 11:0 are zero, as they must be (Intel SDM Vol. 3A 4.10.1) */
    if (features.smep)
        cr4 |= CR4_SMEP;
    if (features.smap)
        cr4 |= CR4_SMAP;
    if (features.umip)
        cr4 |= CR4_UMIP;
    write_cr4(cr4);
    vector_state_enable();
}

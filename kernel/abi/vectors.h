/*
 * vectors.h - which interrupt vector means what (Intel SDM Vol. 3A 6.3, table 6-1), and the ones
 * this kernel chose for itself.
 */
#pragma once

enum vectors {
    VECTOR_DEBUG = 1,
    VECTOR_NMI = 2,
    VECTOR_BREAKPOINT = 3,
    VECTOR_NO_DEVICE = 7, /* a vector instruction while CR0.TS is set */
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_MACHINE_CHECK = 18,
    VECTOR_EXCEPTIONS = 32, /* exceptions lie below */
    VECTOR_PIC = 0x20,      /* sixteen vectors where the masked 8259s may still be spurious */
    VECTOR_ISA = 0x30,      /* the I/O APIC's; in the order of the ISA lines */
    VECTOR_KEYBOARD = VECTOR_ISA + 1,
    VECTOR_SERIAL = VECTOR_ISA + 4,
    VECTOR_TIMER = 0xe0,
    VECTOR_RESCHEDULE = 0xf0,
    VECTOR_FLUSH = 0xf1,
    VECTOR_APIC_ERROR = 0xfe,
    VECTOR_SPURIOUS = 0xff,
    VECTOR_COUNT = 256,
};

enum vector_sets {
    /* Vectors whose hardware pushes an error code: #DF #TS #NP #SS #GP #PF #AC #CP (Intel SDM
     * Vol. 3A 6.13), #VC and #SX (AMD APM Vol. 2 8.2). The stubs of all others push a zero. */
    VECTORS_WITH_ERROR_CODE = 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 |
                              1 << 21 | 1 << 29 | 1 << 30,
    /* Vectors that arrive on a stack of their own, since they can come when rsp or gs are not the
     * kernel's yet: between `syscall` and the stack switch, or on a broken stack. */
    VECTORS_ON_IST =
        1 << VECTOR_DEBUG | 1 << VECTOR_NMI | 1 << VECTOR_DOUBLE_FAULT | 1 << VECTOR_MACHINE_CHECK,
};

/* Index into the interrupt stack table of the TSS (Intel SDM Vol. 3A 7.7); 0 means no switch. */
enum ist {
    IST_NONE = 0,
    IST_DEBUG = 1,
    IST_NMI = 2,
    IST_DOUBLE_FAULT = 3,
    IST_MACHINE_CHECK = 4,
    IST_COUNT = 4,
};

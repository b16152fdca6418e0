/* A kernel as somebody else would write it: C, built by gcc and GNU ld. It says on the serial port how
 * it was entered and what it was told by Multiboot or Multiboot2, in 32 or 64 bits, and exits. */
#include <stdint.h>

#define MULTIBOOT1 0x2badb002
#define MULTIBOOT2 0x36d76289

static uint32_t cleared[1024];
static volatile uint32_t initialised = 0x600dda7a;
static const uint32_t constant = 0xc0ffee;
extern const char kernel_end[];

static void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void say(const char *text)
{
    for (; *text; text++) {
        while (!(inb(0x3fd) & 0x20))
            ;
        outb(0x3f8, (uint8_t)*text);
    }
}

static void hex(const char *name, uint64_t value)
{
    char digits[] = "0x0000000000000000";
    for (int i = 17; i > 1; i--, value >>= 4)
        digits[i] = "0123456789abcdef"[value & 15];
    say(" ");
    say(name);
    say("=");
    say(digits);
}

static void string(const char *name, const char *text)
{
    say(" ");
    say(name);
    say("=\"");
    say(text);
    say("\"");
}

static const void *pointer(uint32_t address)
{
    return (const void *)(uintptr_t)address;
}

static void module(uint32_t start, uint32_t end, const char *text)
{
    uint32_t sum = 0;
    for (const uint8_t *at = pointer(start); at < (const uint8_t *)pointer(end); at++)
        sum = (sum << 1 | sum >> 31) + *at;
    say("oro: module");
    hex("size", end - start);
    hex("sum", sum);
    string("string", text);
    say("\n");
}

static void multiboot2(const uint32_t *information)
{
    const uint32_t *tag = information + 2;
    for (; tag[0]; tag += (tag[1] + 7) / 8 * 2) {
        if (tag[0] == 1) {
            say("oro: words");
            string("string", (const char *)(tag + 2));
            say("\n");
        } else if (tag[0] == 3) {
            module(tag[2], tag[3], (const char *)(tag + 4));
        } else if (tag[0] == 6) {
            uint64_t usable = 0;
            for (const uint32_t *at = tag + 4; at < tag + tag[1] / 4; at += tag[2] / 4)
                usable += at[4] == 1 ? at[2] | (uint64_t)at[3] << 32 : 0;
            say("oro: memory");
            hex("usable", usable);
            say("\n");
        } else if (tag[0] == 8) {
            say("oro: screen");
            hex("width", tag[5]);
            hex("height", tag[6]);
            hex("kind", tag[7] >> 8 & 0xff);
            say("\n");
        } else if (tag[0] == 9) {
            say("oro: sections");
            hex("count", tag[2]);
            hex("size", tag[3]);
            /* The names are in the file only, so their header was given an address. */
            const uint8_t *names = (const uint8_t *)(tag + 5) + tag[4] * tag[3];
            uint32_t address = *(const uint32_t *)(names + (tag[3] == 40 ? 12 : 16));
            const char *text = pointer(address);
            string("first", text + 1);
            say("\n");
        }
    }
}

static void multiboot1(const uint32_t *information)
{
    uint32_t flags = information[0];
    say("oro: multiboot");
    hex("flags", flags);
    hex("lower", information[1]);
    hex("upper", information[2]);
    if (flags & 1 << 9)
        string("loader", pointer(information[16]));
    say("\n");
    if (flags & 1 << 2) {
        say("oro: words");
        string("string", pointer(information[4]));
        say("\n");
    }
    if (flags & 1 << 3)
        for (uint32_t i = 0; i < information[5]; i++) {
            const uint32_t *at = (const uint32_t *)pointer(information[6]) + 4 * i;
            module(at[0], at[1], pointer(at[2]));
        }
    if (flags & 1 << 6) {
        uint64_t usable = 0;
        const uint32_t *at = pointer(information[12]), *end = at + information[11] / 4;
        for (; at < end; at += (at[0] + 4) / 4)
            usable += at[5] == 1 ? at[3] | (uint64_t)at[4] << 32 : 0;
        say("oro: memory");
        hex("usable", usable);
        say("\n");
    }
    if (flags & 1 << 5) {
        const uint8_t *headers = pointer(information[9]);
        const char *text = pointer(*(const uint32_t *)(headers + information[10] * 40 + 12));
        say("oro: sections");
        hex("count", information[7]);
        hex("size", information[8]);
        string("first", text + 1);
        say("\n");
    }
    if (flags & 1 << 12) {
        say("oro: screen");
        hex("width", information[25]);
        hex("height", information[26]);
        hex("kind", information[27] >> 8 & 0xff);
        say("\n");
    }
}

#ifdef __x86_64__
static uint64_t entry_of(uint64_t address)
{
    uint64_t cr3;
    __asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
    uint64_t entry = cr3;
    for (int shift = 39; shift >= 12; shift -= 9) {
        const uint64_t *table = (const uint64_t *)(entry & 0xffffffffff000);
        entry = table[address >> shift & 511];
        if (!(entry & 1) || (shift == 21 && entry & 0x80))
            break;
    }
    return entry;
}

/* Present, writable, executable: R, W and X of a page's entry. */
static void permissions(const char *name, uint64_t address)
{
    uint64_t entry = entry_of(address);
    char found[4] = "---";
    if (entry & 1) {
        found[0] = 'R';
        found[1] = entry & 2 ? 'W' : '-';
        found[2] = entry >> 63 ? '-' : 'X';
    }
    string(name, found);
}

static void machine(uint64_t taken_start, uint64_t taken_end)
{
    uint64_t cr0, cr4, stack;
    double sse = (double)(taken_end - taken_start) * 0.5;
    __asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("leaq 8(%%rbp), %0" : "=r"(stack)); /* where the return address lies */
    hex("cr0", cr0);
    hex("cr4", cr4);
    hex("taken-start", taken_start);
    hex("taken-end", taken_end);
    hex("half", (uint64_t)sse);
    hex("stack", (uint64_t)__builtin_frame_address(0));
    permissions("text-page", (uint64_t)outb);
    permissions("rodata-page", (uint64_t)&constant);
    permissions("data-page", (uint64_t)&initialised);
    permissions("bss-page", (uint64_t)cleared);
    permissions("first", 0x1000);
    permissions("screen", 0xb8000);
    permissions("entry-program", taken_start);
    permissions("guard", taken_start + 0x1000);
    permissions("stack-page", (uint64_t)__builtin_frame_address(0));
}
#define BITS 64
#else
static void machine(uint64_t taken_start, uint64_t taken_end)
{
    uint32_t cr0;
    (void)taken_start;
    (void)taken_end;
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    hex("cr0", cr0);
    hex("stack", (uintptr_t)__builtin_frame_address(0));
}
#define BITS 32
#endif

void kernel(uintptr_t magic, const void *information, uintptr_t taken_start, uintptr_t taken_end)
{
    uint32_t dirty = 0;
    for (int i = 0; i < 1024; i++)
        dirty |= cleared[i];
    say("\noro: foreign");
    hex("bits", BITS);
    hex("magic", magic);
    hex("bss", dirty);
    hex("data", initialised);
    hex("constant", constant);
    machine(taken_start, taken_end);
    say("\n");
    if (magic == MULTIBOOT2)
        multiboot2(information);
    if (magic == MULTIBOOT1)
        multiboot1(information);
    outb(0xf4, dirty || initialised != 0x600dda7a || constant != 0xc0ffee ? 0x11 : 0x10);
    for (;;)
        __asm__ volatile("hlt");
}

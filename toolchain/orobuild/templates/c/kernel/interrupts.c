#include "interrupts.h"

#include "console.h"
#include "frame.h"
#include "machine.h"

/* A gate of the IDT (Intel SDM Vol. 3A 6.14.1). */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

enum { CODE_SELECTOR = 0x8, INTERRUPT_GATE = 0x8e, DEPTH = 16 };

extern const uint64_t interrupt_stubs[VECTORS];

static struct gate idt[VECTORS];

void interrupts_init(void)
{
    for (unsigned i = 0; i < VECTORS; i++) {
        uint64_t stub = interrupt_stubs[i];
        idt[i] = (struct gate){.offset_low = (uint16_t)stub,
                               .selector = CODE_SELECTOR,
                               .type = INTERRUPT_GATE,
                               .offset_middle = (uint16_t)(stub >> 16),
                               .offset_high = (uint32_t)(stub >> 32)};
    }
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof(idt) - 1, (uint64_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

static uint64_t read_cr2(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr2, %0" : "=r"(value));
    return value;
}

/* The note that the linker makes: three words, "GNU" and a hash of the image. */
static void print_build_id(void)
{
    extern const uint32_t build_id[];
    const uint8_t *hash = (const uint8_t *)&build_id[4];
    console_print("oro: build-id=");
    for (uint32_t i = 0; i < build_id[1]; i++)
        console_print("%h", hash[i]);
    console_print("\n");
}

static void print_backtrace(const uint64_t *rbp)
{
    for (unsigned depth = 0; rbp && depth < DEPTH; depth++) {
        console_print("oro: backtrace=%u address=%x\n", depth, rbp[1]);
        rbp = (const uint64_t *)rbp[0];
    }
}

_Noreturn void panic_interrupt(const struct frame *frame);

/* Called by the stubs. The lines are what 'orobuild decode' reads. */
_Noreturn void panic_interrupt(const struct frame *frame)
{
    console_print("\noro: panic-begin\n");
    print_build_id();
    console_print("oro: vector=%u error=%x rip=%x cr2=%x rsp=%x rflags=%x\n",
                  (unsigned)frame->vector, frame->error_code, frame->rip, read_cr2(), frame->rsp,
                  frame->rflags);
    console_print("oro: rax=%x rbx=%x rcx=%x rdx=%x rsi=%x rdi=%x rbp=%x\n", frame->rax,
                  frame->rbx, frame->rcx, frame->rdx, frame->rsi, frame->rdi, frame->rbp);
    print_backtrace((const uint64_t *)frame->rbp);
    console_print("oro: panic-end\n");
    machine_exit(MACHINE_FAIL);
}

/* fault_way.c - misbehaves in the way that its argument names (ways.h). It comes back only if the
 * kernel let it. */
#include "user/user.h"
#include "user/ways.h"

#define IN_KERNEL UINT64_C(0xffffffff80101000)
#define NOT_CANONICAL UINT64_C(0x4000000000000000) /* with 4 levels of tables or 5 */
#define DIRECT_MAP UINT64_C(0xffff800000100000)

static void read_from(uint64_t address)
{
    (void)*(volatile uint8_t *)address;
}

static void push_on(uint64_t stack)
{
    __asm__ volatile("movq %%rsp, %%rbx; movq %0, %%rsp; pushq %%rax; movq %%rbx, %%rsp"
                     :
                     : "r"(stack)
                     : "rbx", "memory");
}

static void call_at(uint64_t address)
{
    __asm__ volatile("call *%0" : : "r"(address) : "memory", "rax", "rcx", "rdx");
}

/* An x87 exception that is not masked, and the instruction that waits for it. */
static void x87_exception(void)
{
    uint16_t control = 0x37b; /* zero divide unmasked (Intel SDM Vol. 1 8.1.5) */
    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}

static void return_to_ring_0(void)
{
    __asm__ volatile("pushq $0x10; pushq %%rsp; pushfq; pushq $8; leaq 1f(%%rip), %%rax; pushq %%rax; "
                     "iretq; 1:"
                     :
                     :
                     : "rax", "memory");
}

int main(uint64_t way)
{
    uint64_t code = 0xc3;
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } table = {0, 0};
    switch (way) {
    case WAY_READ_NULL:
        read_from(0);
        break;
    case WAY_READ_KERNEL:
        read_from(IN_KERNEL);
        break;
    case WAY_READ_DIRECT_MAP:
        read_from(DIRECT_MAP);
        break;
    case WAY_READ_NOT_CANONICAL:
        read_from(NOT_CANONICAL);
        break;
    case WAY_STACK_NOT_CANONICAL:
        push_on(NOT_CANONICAL);
        break;
    case WAY_STACK_IN_KERNEL:
        push_on(IN_KERNEL + 4096);
        break;
    case WAY_JUMP_TO_KERNEL:
        call_at(IN_KERNEL);
        break;
    case WAY_WRITE_OWN_TEXT:
        *(volatile uint8_t *)(uintptr_t)main = 0;
        break;
    case WAY_EXECUTE_STACK:
        call_at((uint64_t)&code);
        break;
    case WAY_DIVIDE:
        __asm__ volatile("xorl %%edx, %%edx; xorl %%ecx, %%ecx; divl %%ecx" : : : "rax", "rcx", "rdx");
        break;
    case WAY_HALT:
        __asm__ volatile("hlt");
        break;
    case WAY_PORT:
        __asm__ volatile("outb %%al, $0x80" : : "a"(0));
        break;
    case WAY_WRITE_MSR:
        __asm__ volatile("wrmsr" : : "a"(0), "d"(0), "c"(0xc0000102));
        break;
    case WAY_WRITE_CR3:
        __asm__ volatile("movq %0, %%cr3" : : "r"(UINT64_C(0)));
        break;
    case WAY_LOAD_IDT:
        __asm__ volatile("lidt %0" : : "m"(table));
        break;
    case WAY_INTERRUPT_GATE:
        __asm__ volatile("int $0xe0");
        break;
    case WAY_KERNEL_SELECTOR:
        __asm__ volatile("movl %0, %%ss" : : "r"(0x10));
        break;
    case WAY_RETURN_TO_RING_0:
        return_to_ring_0();
        break;
    case WAY_SYSRET:
        __asm__ volatile("sysretq");
        break;
    case WAY_SWAPGS:
        __asm__ volatile("swapgs");
        break;
    case WAY_X87:
        x87_exception();
        break;
    case WAY_LONG_INSTRUCTION:
        /* Sixteen bytes, of which the processor takes fifteen (Intel SDM Vol. 3A 6.15, #GP). */
        __asm__ volatile(".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, "
                         "0x66, 0x66, 0x66, 0x66, 0x90");
        break;
    default:
        break;
    }
    return 1;
}

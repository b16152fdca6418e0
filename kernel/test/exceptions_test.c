/* exceptions_test.c - exceptions that the processor really raises, and W^X: each forbidden access
 * faults, with the error code that says why (Intel SDM Vol. 3A 4.7). */
#include "abi/core.h"
#include "abi/layout.h"
#include "abi/processor.h"
#include "abi/vectors.h"
#include "arch/cpu.h"
#include "arch/features.h"
#include "interrupt/probe.h"
#include "memory/frames.h"
#include "memory/kernel_map.h"
#include "memory/paging.h"
#include "memory/user_memory.h"
#include "test/ktap.h"

extern const char _oro_boot_stack_guard[], _oro_text_start[], _oro_frame_names[];
static uint8_t writable_data[16] = {0xc3}; /* ret */

enum { ACCESS_PRESENT = 1, ACCESS_WRITE = 2, ACCESS_FETCH = 16 };

static void read_from(uint64_t address)
{
    (void)*(volatile uint8_t *)address;
}

static void write_to(uint64_t address)
{
    *(volatile uint8_t *)address = 0;
}

static void execute_at(uint64_t address)
{
    ((void (*)(void))address)();
}

/* The call raises a page fault at `address` with this error code. */
static void check_fault(void (*access)(uint64_t), uint64_t address, uint64_t error_code)
{
    struct frame frame = {0};
    CHECK(probe_call(access, address, &frame));
    CHECK_EQUAL(frame.vector, VECTOR_PAGE_FAULT);
    CHECK_EQUAL(frame.error_code, error_code);
    CHECK_EQUAL(read_cr2(), address);
}

static void unmapped_memory(void)
{
    check_fault(read_from, 0, 0);
    check_fault(write_to, 0x1000, ACCESS_WRITE);
    check_fault(execute_at, 0x2000, ACCESS_FETCH);
    check_fault(read_from, kernel_map_stack() - (STACK_PAGES + 1) * PAGE_SIZE, 0);
}

/* A stack that grows beyond its pages faults, whichever core's it is and whatever for. */
static void check_guard(uint64_t top)
{
    uint64_t bottom = (top & ~(uint64_t)(PAGE_SIZE - 1)) - STACK_PAGES * PAGE_SIZE;
    struct frame frame;
    CHECK(!probe_call(write_to, bottom, &frame));
    check_fault(write_to, bottom - 1, ACCESS_WRITE);
}

static void every_stack_has_a_guard(void)
{
    for (uint32_t i = 0; i < core_count; i++) {
        check_guard(cores[i].kernel_stack + sizeof(struct stack_start));
        check_guard(cores[i].exception_stack + sizeof(struct stack_start));
        for (unsigned ist = 0; ist < IST_COUNT; ist++)
            check_guard(cores[i].tss.ist[ist]);
    }
    check_guard((uint64_t)_oro_boot_stack_guard + PAGE_SIZE + BOOT_STACK_SIZE);
}

static void kernel_pages_are_write_or_execute(void)
{
    check_fault(write_to, (uint64_t)_oro_text_start, ACCESS_PRESENT | ACCESS_WRITE);
    check_fault(write_to, (uint64_t)_oro_frame_names, ACCESS_PRESENT | ACCESS_WRITE);
    check_fault(execute_at, (uint64_t)_oro_frame_names, ACCESS_PRESENT | ACCESS_FETCH);
    check_fault(execute_at, (uint64_t)writable_data, ACCESS_PRESENT | ACCESS_FETCH);
    uint64_t frame = frames_alloc(0);
    check_fault(execute_at, (uint64_t)phys_to_virt(frame), ACCESS_PRESENT | ACCESS_FETCH);
    frames_free(frame, 0);
}

/* What the kernel was let into is shut again. */
static bool shut(void)
{
    return !(read_flags() & RFLAGS_AC);
}

/* SMEP and SMAP: a program's page is neither code nor data to the kernel, except through
 * user_read() and user_write(). */
static void user_pages_are_out_of_bounds(void)
{
    enum { PAGE = 0x400000 };
    uint64_t root = kernel_map_new_space(), frame = frames_alloc(0);
    CHECK(paging_map(root, PAGE, frame, PAGE_SIZE, PAGE_USER | PAGE_WRITE, PAGE_SIZE));
    *(uint8_t *)phys_to_virt(frame) = 0xc3;
    uint64_t kernel_root = read_cr3();
    write_cr3(root);
    if (features.smep)
        check_fault(execute_at, PAGE, ACCESS_PRESENT | ACCESS_FETCH);
    if (features.smap) {
        check_fault(read_from, PAGE, ACCESS_PRESENT);
        check_fault(write_to, PAGE, ACCESS_PRESENT | ACCESS_WRITE);
    }
    uint8_t byte = 0;
    CHECK(user_read(&byte, PAGE, 1) && byte == 0xc3 && shut());
    byte = 0x5a;
    CHECK(user_write(PAGE + 7, &byte, 1) && ((uint8_t *)phys_to_virt(frame))[7] == 0x5a && shut());
    CHECK(!user_read(&byte, PAGE + PAGE_SIZE, 1) && shut());
    CHECK(!user_write(PAGE + PAGE_SIZE - 1, writable_data, 2) && shut());
    CHECK(!user_read(&byte, (uint64_t)writable_data, 1));
    CHECK(!user_read(&byte, USER_LIMIT, 1) && !user_read(&byte, UINT64_MAX, 2));
    write_cr3(kernel_root);
    paging_free_lower_half(root);
    frames_free(root, 0);
}

static void divide(uint64_t zero)
{
    __asm__ volatile("xorl %%edx, %%edx; divq %0" : : "r"(zero) : "rax", "rdx", "cc");
}

static void undefined(uint64_t unused)
{
    (void)unused;
    __asm__ volatile("ud2");
}

static void breakpoint(uint64_t unused)
{
    (void)unused;
    __asm__ volatile("int3");
}

static void vector_instruction(uint64_t unused)
{
    (void)unused;
    __asm__ volatile(".byte 0x0f, 0x57, 0xc0"); /* xorps %xmm0, %xmm0 */
}

static void x87_instruction(uint64_t unused)
{
    (void)unused;
    __asm__ volatile(".byte 0xd9, 0xe8"); /* fld1 */
}

static void single_step(uint64_t flag)
{
    __asm__ volatile("pushfq; orq %0, (%%rsp); popfq; nop; nop" : : "r"(flag) : "memory", "cc");
}

static void not_canonical(uint64_t address)
{
    read_from(address);
}

static void load_segment(uint64_t selector)
{
    __asm__ volatile("movw %w0, %%fs" : : "r"(selector));
}

static void real_exceptions(void)
{
    static const struct {
        void (*raise)(uint64_t);
        uint64_t argument, vector, error_code;
    } raised[] = {
        {divide, 0, 0, 0},
        {single_step, RFLAGS_TF, VECTOR_DEBUG, 0},
        {breakpoint, 0, VECTOR_BREAKPOINT, 0},
        {undefined, 0, 6, 0},
        {vector_instruction, 0, VECTOR_NO_DEVICE, 0},
        {x87_instruction, 0, VECTOR_NO_DEVICE, 0},
        {load_segment, 0x1230, 13, 0x1230},
        {not_canonical, UINT64_C(0x0100000000000000), 13, 0},
    };
    for (unsigned i = 0; i < sizeof(raised) / sizeof(raised[0]); i++) {
        struct frame frame = {0};
        CHECK(probe_call(raised[i].raise, raised[i].argument, &frame));
        CHECK_EQUAL(frame.vector, raised[i].vector);
        CHECK_EQUAL(frame.error_code, raised[i].error_code);
        CHECK_EQUAL(frame.cs, SELECTOR_KERNEL_CODE);
    }
}

TEST_SUITE(exceptions, {"unmapped_memory", unmapped_memory},
           {"every_stack_has_a_guard", every_stack_has_a_guard},
           {"kernel_pages_are_write_or_execute", kernel_pages_are_write_or_execute},
           {"user_pages_are_out_of_bounds", user_pages_are_out_of_bounds},
           {"real_exceptions", real_exceptions});

/* main.c - the kernel in C. Read this first. */
#include "console.h"
#include "interrupts.h"
#include "machine.h"

enum { MULTIBOOT2_MAGIC = 0x36d76289 };

_Noreturn void kernel_main(uint32_t magic, uint32_t information);

/* Called by asm/entry.S. `information` is the physical address of the loader's information
 * (Multiboot2 specification 3.6), which is not mapped yet. */
_Noreturn void kernel_main(uint32_t magic, uint32_t information)
{
    console_init();
    interrupts_init();
    console_print("hello from @NAME@\n");
    if (magic == MULTIBOOT2_MAGIC)
        console_print("boot information at %x\n", (uint64_t)information);
    console_print("oro: verdict=pass\n");
    machine_exit(MACHINE_PASS);
}

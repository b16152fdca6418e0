/*
 * main.c - the order in which the kernel comes up, on the first core.
 */
#include "abi/core.h"
#include "abi/layout.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/descriptors.h"
#include "arch/features.h"
#include "arch/ioapic.h"
#include "arch/lapic.h"
#include "arch/lapic_timer.h"
#include "arch/pic.h"
#include "arch/vector_state.h"
#include "boot/boot_info.h"
#include "boot/memory_map.h"
#include "console/build_id.h"
#include "console/exit.h"
#include "console/input.h"
#include "console/printk.h"
#include "console/screen.h"
#include "console/serial.h"
#include "firmware/topology.h"
#include "interrupt/event.h"
#include "memory/frames.h"
#include "memory/kernel_map.h"
#include "memory/paging.h"
#include "sched/demo.h"
#include "smp/smp.h"
#include "test/crash.h"
#include "test/ktap.h"

_Noreturn void kernel_main(uint32_t magic, uint64_t information);

/* The IMCR (MultiProcessor Specification 3.6.2.1): its number to port 0x22, then its value. */
static void imcr_route_to_apic(void)
{
    outb(0x22, 0x70);
    outb(0x23, 0x01);
}

static void start_first_core(void)
{
    core_count = 1;
    smp_prepare_core(&cores[0], 0, 0);
    idt_fill();
    smp_load_core(&cores[0]);
}

static void start_interrupts(void)
{
    pic_disable();
    if (topology.has_imcr)
        imcr_route_to_apic();
    clock_init();
    lapic_init();
    lapic_enable();
    cores[0].apic_id = lapic_id();
    cores[0].online = true;
    ioapic_init();
    input_init();
    lapic_timer_calibrate();
}

/* Jumped to by asm/entry64.S on the boot stack, with the boot page tables. */
_Noreturn void kernel_main(uint32_t magic, uint64_t information)
{
    serial_init();
    paging_init();
    printk("\nOro\n");
    if (!boot_info_read(magic, information)) {
        printk("oro: verdict=fail reason=%s protocol=%s magic=0x%x\n",
               boot_info.memory_count ? "bad-boot-information" : "no-memory-map",
               boot_info.protocol, magic);
        machine_exit(EXIT_FAIL);
    }
    printk_choose_level();
    crash_early_if_asked();
    features_enable();
    topology_read();
    memory_map_init();
    frames_init();
    kernel_map_init();
    printk_start_screen();
    start_first_core();
    frames_add_high();
    start_interrupts();
    smp_start_others();
    kernel_map_forget_boot();

    build_id_print();
    printk("oro: boot protocol=%s loader=\"%s\" cores=%u found=%u topology=%s apic=%s clock=%s timer=%s "
           "timer_hz=%lu memory_kib=%lu paging=%u gib_pages=%d smep=%d smap=%d umip=%d pcid=%d "
           "vectors=%s vector_bytes=%u\n",
           boot_info.protocol, boot_info.loader, core_count,
           topology.core_count + topology.cores_beyond, topology.source,
           lapic_is_x2apic() ? "x2apic" : "xapic", clock_name(),
           lapic_timer_has_deadlines() ? "tsc-deadline" : "periodic", lapic_timer_hz(),
           frames_total_count() * (PAGE_SIZE / 1024), paging_levels,
           features.gigabyte_pages, features.smep, features.smap, features.umip, features.pcid,
           vector_state_kind(), vector_state_size());
    log_line(LOG_INFO, "command line: %s\nscreen: %s\n", boot_info.command_line,
             screen_kind());

    crash_if_asked();
    demo_start(!boot_option("test") || ktap_run());
    smp_release();
    lapic_timer_start(tick_hz());
    run_context();
}

/*
 * boot_protocol.h - how the entry code says which protocol a boot loader spoke.
 */
#pragma once

enum boot_magic {
    /* Multiboot2 specification 3.2: eax at entry; and 3.1.1: the header's magic. */
    MULTIBOOT2_BOOTLOADER_MAGIC = 0x36d76289,
    MULTIBOOT2_HEADER_MAGIC = -0x17adaf2a, /* 0xe85250d6 */
    /* Xen's PVH boot ABI: first member of hvm_start_info, which ebx points to. */
    PVH_START_MAGIC = 0x336ec578,
    /* ELF note that names the PVH entry (Xen public/elfnote.h). */
    XEN_ELFNOTE_PHYS32_ENTRY = 18,
};

enum console_port {
    SERIAL_PORT = 0x3f8,
    EXIT_PORT = 0xf4, /* QEMU's isa-debug-exit: status = value * 2 + 1 */
};

enum exit_status {
    EXIT_PASS = 0x10, /* QEMU ends with status 33 */
    EXIT_FAIL = 0x11, /* 35 */
};

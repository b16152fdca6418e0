/*
 * pvh.h - Xen's PVH boot protocol, which QEMU's -kernel speaks (Xen
 * public/arch-x86/hvm/start_info.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Fills boot_info from the hvm_start_info at this physical address. */
bool pvh_read(uint64_t information);

/*
 * exit.h - the end of a run: a status for the emulator, or a halt on machines that have no such
 * device.
 */
#pragma once

enum exit_status {
    EXIT_PASS = 0x10, /* QEMU ends with status 33 */
    EXIT_FAIL = 0x11, /* 35 */
};

_Noreturn void machine_exit(enum exit_status status);

/*
 * exit.h - the end of a run: a status for the emulator, or a halt on machines that have no such
 * device.
 */
#pragma once

#include "abi/boot_protocol.h"

_Noreturn void machine_exit(enum exit_status status);

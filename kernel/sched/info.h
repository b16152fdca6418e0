/*
 * info.h - system calls that tell about the system (kernel/abi/syscall.h has what they write).
 */
#pragma once

#include <stdint.h>

int64_t info_process(uint64_t at, uint64_t to);
int64_t info_core(uint64_t index, uint64_t to);
int64_t info_memory(uint64_t to);
int64_t info_program(uint64_t index, uint64_t to);

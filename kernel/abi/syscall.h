/*
 * syscall.h - the system calls. Number in rax, arguments in rdi, rsi, rdx, r10, r8, r9, result in
 * rax; rbx, rbp, rsp and r12 to r15 survive, every other register comes back as zero (rcx and r11
 * hold what `sysretq` needs: the return address and the flags).
 */
#pragma once

enum syscall {
    SYSCALL_EXIT,   /* (status): ends the process */
    SYSCALL_WRITE,  /* (text, size): at most WRITE_MAX bytes to the console; returns size */
    SYSCALL_YIELD,  /* (): lets the next thread of this core run */
    SYSCALL_GETPID, /* (): the process's number */
    SYSCALL_CORE,   /* (): the core's index */
    SYSCALL_COUNT,
};

enum syscall_limits { WRITE_MAX = 256 };

/* Results below zero. */
enum syscall_error {
    ERROR_NO_SYSCALL = -1,
    ERROR_BAD_ADDRESS = -2,
    ERROR_TOO_LONG = -3,
};

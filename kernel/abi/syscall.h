/*
 * syscall.h - the system calls. Number in rax, arguments in rdi, rsi, rdx, r10, r8, r9, result in
 * rax; rbx, rbp, rsp and r12 to r15 survive, every other register comes back as zero (rcx and r11
 * hold what `sysretq` needs: the return address and the flags).
 */
#pragma once

enum syscall {
    /* Answered by a function that returns to the entry, without a frame and without the funnel:
     * they only look something up (kernel/sched/quick_calls.c). */
    SYSCALL_GETPID, /* (): the process's number */
    SYSCALL_CORE,   /* (): the core's index */
    SYSCALL_TICKS,  /* (): timer ticks of this core since its start */
    SYSCALL_QUICK_COUNT,
    /* Through the funnel. */
    SYSCALL_EXIT = SYSCALL_QUICK_COUNT, /* (status): ends the process */
    SYSCALL_WRITE, /* (text, size): at most WRITE_MAX bytes to the console; returns size */
    SYSCALL_YIELD, /* (): lets the next thread of this core run */
    SYSCALL_COUNT,
};

enum syscall_limits { WRITE_MAX = 256 };

/* Results below zero. */
enum syscall_error {
    ERROR_NO_SYSCALL = -1,
    ERROR_BAD_ADDRESS = -2,
    ERROR_TOO_LONG = -3,
};

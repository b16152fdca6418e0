/*
 * syscall.h - the system calls. Number in rax, arguments in rdi, rsi, rdx, r10, r8, r9, result in
 * rax; rbx, rbp, rsp and r12 to r15 survive, every other register comes back as zero (rcx and r11
 * hold what `sysretq` needs: the return address and the flags).
 */
#pragma once

#include <stdint.h>

enum syscall {
    /* Answered by a function that returns to the entry, without a frame and without the funnel:
     * they only look something up (kernel/sched/quick_calls.c). */
    SYSCALL_GETPID, /* (): the process's number */
    SYSCALL_CORE,   /* (): the core's index */
    SYSCALL_TICKS,  /* (): timer ticks of this core since its start */
    SYSCALL_QUICK_COUNT,
    /* Through the funnel. Those marked * may block; such a call is made anew, from its frame, when
     * what it waited for has changed. */
    SYSCALL_EXIT = SYSCALL_QUICK_COUNT, /* (status): ends the process */
    SYSCALL_WRITE,   /* (text, size): at most WRITE_MAX bytes to the console; returns size */
    SYSCALL_YIELD,   /* (): lets the next thread of this core run */
    SYSCALL_SLEEP,   /* (ticks) *: lets that many timer ticks of the core pass */
    SYSCALL_WEIGHT,  /* (weight): how many ticks a turn of this thread lasts, 1 to WEIGHT_MAX */
    SYSCALL_SPAWN,   /* (name, size): starts a program of the kernel's as a child; returns its pid */
    SYSCALL_WAIT,    /* (pid) *: until that child has ended; returns its status & 0xff, or
                      * ERROR_KILLED */
    SYSCALL_KILL,    /* (pid): ends a child */
    SYSCALL_SEND,    /* (pid, bytes, size) *: at most MESSAGE_MAX bytes to that process */
    SYSCALL_RECEIVE, /* (struct message *) *: the oldest message to this process; returns its size */
    SYSCALL_THREAD,  /* (entry, stack, argument): a further thread of this process; it begins at
                      * entry with rdi = argument and rsp = stack */
    SYSCALL_THREAD_EXIT, /* (): ends this thread; with the last one the process, with status 0 */
    SYSCALL_MAP,     /* (address, pages): zeroed memory between MAP_START and MAP_END; each page
                      * takes memory from its first use on */
    SYSCALL_UNMAP,   /* (address, pages): gives it back; no thread can reach it any more */
    SYSCALL_COUNT,
};

enum syscall_limits {
    THREADS_MAX = 16,  /* of a process */
    MAP_START = 0x10000000,
    MAP_END = 0x20000000,
    MAP_PAGES_MAX = 16, /* of one call */
    WRITE_MAX = 256,
    NAME_MAX = 32,
    MESSAGE_MAX = 64,
    INBOX_MAX = 8, /* messages that wait for a receiver; then senders wait */
    WEIGHT_MAX = 16,
};

/* What SYSCALL_RECEIVE writes, up to the last of `size` bytes. */
struct message {
    uint32_t sender; /* pid */
    uint32_t size;
    uint8_t bytes[MESSAGE_MAX];
};

/* Results below zero. */
enum syscall_error {
    ERROR_NO_SYSCALL = -1,
    ERROR_BAD_ADDRESS = -2,
    ERROR_TOO_LONG = -3,
    ERROR_NO_PROCESS = -4, /* no such process, or none of the caller's */
    ERROR_NO_PROGRAM = -5,
    ERROR_NO_MEMORY = -6,
    ERROR_KILLED = -7,
    ERROR_BAD_NUMBER = -8, /* an argument outside its range */
};

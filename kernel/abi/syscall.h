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
    SYSCALL_SPAWN,   /* (name, size, argument): starts a program of the kernel's as a child, whose main
                      * gets the argument; returns its pid */
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
    SYSCALL_AFFINITY, /* (core): this thread runs on that core from now on, and on no other */
    SYSCALL_READ,     /* (text, size) *: the next line of the console, or what of it fits; returns its
                       * size, 0 for its end (^D). For the program that the console belongs to */
    SYSCALL_PUT,      /* (text, size): at most WRITE_MAX characters as they are. For the same */
    SYSCALL_PROCESS_INFO, /* (at, struct process_info *): the first process at or after that place;
                           * returns the place after it, or 0 if there is none */
    SYSCALL_CORE_INFO,    /* (index, struct core_info *) */
    SYSCALL_MEMORY_INFO,  /* (struct memory_info *) */
    SYSCALL_PROGRAM_NAME, /* (index, char[NAME_MAX]): of the kernel's programs */
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

/* What SYSCALL_PROCESS_INFO, SYSCALL_CORE_INFO and SYSCALL_MEMORY_INFO write. */
struct process_info {
    uint32_t pid, parent; /* parent: 0 if the kernel started it */
    uint32_t threads, ended;
    char name[NAME_MAX];
};

struct core_info {
    uint32_t count;   /* of all cores */
    uint32_t apic_id;
    uint64_t ticks, threads;
    uint32_t pid;     /* of what runs there; 0: nothing */
    uint32_t unused;
};

struct memory_info {
    uint64_t frames, free; /* of PAGE_SIZE bytes */
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
    ERROR_DENIED = -9,     /* the console is another program's */
};

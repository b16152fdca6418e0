/*
 * ways.h - how a program can misbehave, and what the processor says to it: number, name, exception.
 */
#pragma once

#define WAYS_OF_MISBEHAVING(way)                                                                  \
    way(READ_NULL, "#PF")                                                                         \
    way(READ_KERNEL, "#PF")                                                                       \
    way(READ_DIRECT_MAP, "#PF")                                                                   \
    way(READ_NOT_CANONICAL, "#GP")                                                                \
    way(STACK_NOT_CANONICAL, "#SS")                                                               \
    way(STACK_IN_KERNEL, "#PF")                                                                   \
    way(JUMP_TO_KERNEL, "#PF")                                                                    \
    way(WRITE_OWN_TEXT, "#PF")                                                                    \
    way(EXECUTE_STACK, "#PF")                                                                     \
    way(DIVIDE, "#DE")                                                                            \
    way(HALT, "#GP")                                                                              \
    way(PORT, "#GP")                                                                              \
    way(WRITE_MSR, "#GP")                                                                         \
    way(WRITE_CR3, "#GP")                                                                         \
    way(LOAD_IDT, "#GP")                                                                          \
    way(INTERRUPT_GATE, "#GP")                                                                    \
    way(KERNEL_SELECTOR, "#GP")                                                                   \
    way(RETURN_TO_RING_0, "#GP")                                                                  \
    way(SYSRET, "#GP")                                                                            \
    way(SWAPGS, "#GP")                                                                            \
    way(X87, "#MF")                                                                               \
    way(LONG_INSTRUCTION, "#GP")

enum way {
#define WAY_NUMBER(name, exception) WAY_##name,
    WAYS_OF_MISBEHAVING(WAY_NUMBER)
#undef WAY_NUMBER
        WAYS,
};

# garbage.S - enters the kernel with whatever in the registers. struct user_garbage is in
# kernel/user/user.h: fifteen registers, flags, rsp, then the segments.
.set USER_GARBAGE_SEGMENTS, 17 * 8

.section .data.garbage,"aw",@progbits
    .balign 8
    .type garbage_entry, @object
garbage_entry:                      # where to go when no register is left
    .quad 0
    .size garbage_entry, . - garbage_entry

# Of enum user_entry.
.section .rodata.garbage,"a",@progbits
    .balign 8
    .type garbage_entries, @object
garbage_entries:
    .quad by_syscall, by_breakpoint, by_undefined, by_page_fault, by_timer, by_push
    .size garbage_entries, . - garbage_entries

.section .text.garbage,"ax",@progbits
.code64

# _Noreturn void user_garbage(const struct user_garbage *garbage, enum user_entry entry)
# Loads the segment registers, every general register, the flags and last the stack pointer from
# *garbage, and enters the kernel. Ends the program if the kernel comes back.
    .globl user_garbage
    .type user_garbage, @function
user_garbage:
    movl %esi, %esi
    leaq garbage_entries(%rip), %rax
    movq (%rax,%rsi,8), %rax
    movq %rax, garbage_entry(%rip)
    movw USER_GARBAGE_SEGMENTS(%rdi), %ds
    movw USER_GARBAGE_SEGMENTS + 8(%rdi), %es
    movw USER_GARBAGE_SEGMENTS + 16(%rdi), %fs
    movw USER_GARBAGE_SEGMENTS + 24(%rdi), %gs
    movq %rdi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
    popfq
    popq %rsp
    jmp *garbage_entry(%rip)

by_syscall:
    syscall
    ud2
by_breakpoint:
    int3
    ud2
by_undefined:
    ud2
by_page_fault:
    movq 0, %rax
    ud2
by_timer:
    jmp by_timer
by_push:
    pushq %rax
    ud2
    .size user_garbage, . - user_garbage

# From the firmware's long mode to the kernel: the last instructions of the UEFI loader.
#
# Boot services have ended, so all memory that the map calls usable is ours. The code runs first
# where the firmware has put the loader's .text; there it changes to page tables that map
# this place and the first 4 GiB one to one. A copy of it below 4 GiB then puts the kernel's
# segments where they belong, leaves long mode, and enters in the state of Multiboot2 (section 3.3):
# 32-bit protected mode, no paging, flat segments, interrupts off.

.set HANDOVER_cr3,         0            # struct handover
.set HANDOVER_code,        8
.set HANDOVER_stack,       16
.set HANDOVER_entry,       24
.set HANDOVER_information, 28
.set HANDOVER_copy_count,  32
.set HANDOVER_copies,      40
.set HANDOVER_gdt,         48
.set COPY_to,              0            # struct copy
.set COPY_from,            4
.set COPY_file_size,       8
.set COPY_memory_size,     12
.set COPY_SIZE,            16

.set CODE32,               8
.set DATA32,               16
.set CR0_PE_ET,            0x11
.set CR4_CET_BIT,          23
.set EFER,                 0xc0000080
.set MB2_BOOT_MAGIC,       0x36d76289

.section .text, "ax", @progbits
.code64

# In: %rdi a struct handover below 4 GiB. Does not return; uses no stack of the caller.
.globl handover_start
.type handover_start, @function
handover_start:
    cli
    cld
    movq %cr4, %rax                     # shadow stacks would stop the far return below
    btrq $CR4_CET_BIT, %rax
    jnc .Lno_shadow_stacks
    movq %rax, %cr4
.Lno_shadow_stacks:
    movq HANDOVER_cr3(%rdi), %rax
    movq %rax, %cr3
    movq HANDOVER_stack(%rdi), %rsp
    movq %rdi, %rbp
    jmpq *HANDOVER_code(%rdi)
.size handover_start, . - handover_start

# What is copied below 4 GiB: runs anywhere there. In: %rbp the struct handover, %rsp its stack.
.globl handover_low
.type handover_low, @function
handover_low:
    movl HANDOVER_copy_count(%rbp), %edx
    movq HANDOVER_copies(%rbp), %rbx
    xorl %eax, %eax
.Lcopy:
    testl %edx, %edx
    jz .Lcopied
    movl COPY_to(%rbx), %edi
    movl COPY_from(%rbx), %esi
    movl COPY_file_size(%rbx), %ecx
    rep movsb
    movl COPY_memory_size(%rbx), %ecx
    subl COPY_file_size(%rbx), %ecx
    rep stosb
    addq $COPY_SIZE, %rbx
    decl %edx
    jmp .Lcopy
.Lcopied:
    lgdt HANDOVER_gdt(%rbp)
    leaq .Lprotected(%rip), %rax
    pushq $CODE32
    pushq %rax
    lretq

.code32
.Lprotected:
    movl $DATA32, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl $CR0_PE_ET, %eax               # paging off: this leaves long mode
    movl %eax, %cr0
    xorl %eax, %eax
    xorl %edx, %edx
    movl $EFER, %ecx
    wrmsr
    movl %eax, %cr4
    movl HANDOVER_entry(%ebp), %ecx
    movl HANDOVER_information(%ebp), %ebx
    movl $MB2_BOOT_MAGIC, %eax
    jmp *%ecx
.size handover_low, . - handover_low
.globl handover_low_end
handover_low_end:

.code64

# Enters a kernel that keeps boot services, by Multiboot2's EFI amd64 entry: long mode as the
# firmware has it, magic in %eax, information in %rbx. In: %rdi the entry, %rsi the information.
.globl handover_efi
.type handover_efi, @function
handover_efi:
    movl $MB2_BOOT_MAGIC, %eax
    movq %rsi, %rbx
    jmpq *%rdi
.size handover_efi, . - handover_efi

# Enters an ELF64 kernel that declares no protocol: in long mode, at its own virtual addresses.
#
# The page tables are the image builder's (image/page_tables.py): the kernel's segments with their
# permissions, and the first 4 GiB one to one. The kernel's entry is a function of the System V ABI:
#
#   void entry(uint64_t magic, const void *information, uint64_t taken_start, uint64_t taken_end)

.include "entry.inc"

.set STACK_SIZE,           0x4000
.set GUARD_SIZE,           0x1000       # unmapped, below the stack

.set CODE64,               8
.set DATA64,               16
.set GDT_LIMIT,            23
.set EFER,                 0xc0000080
.set EFER_LME,             1 << 8
.set EFER_NXE,             1 << 11
.set CPUID_EXTENDED,       0x80000000
.set CPUID_FEATURES,       0x80000001
.set FEATURE_NX,           1 << 20
.set FEATURE_LM,           1 << 29
.set CR0_PE_MP_ET_NE_WP,   0x10033
.set CR0_PG,               1 << 31
.set CR4_PAE_OSFXSR_OSXMMEXCPT, 0x620
.set PAGE_SHIFT,           12

entry_head 0x4c6f726f, GUARD_SIZE + STACK_SIZE  # "oroL"
taken_start:
    .long 0                             # the builder: this program, its stack and the tables,
taken_end:
    .long 0                             # which the kernel finds in memory that is called usable
tables:
    .long 0                             # the builder: the tables, the PML4 first
tables_size:
    .long 0

entry_begin:
    movl entry_memory - entry_base(%ebp), %esp
    addl $GUARD_SIZE + STACK_SIZE, %esp
    pushl %ebx                          # the information; cpuid changes %ebx
    movl $CPUID_EXTENDED, %eax
    cpuid
    cmpl $CPUID_FEATURES, %eax
    jb .Lno_long_mode
    movl $CPUID_FEATURES, %eax
    cpuid
    testl $FEATURE_LM, %edx
    jz .Lno_long_mode

    movl $EFER_LME | EFER_NXE, %ebx
    testl $FEATURE_NX, %edx
    jnz .Lhave_nx
    movl $EFER_LME, %ebx                # where there is no such bit, it must be clear
    movl tables - entry_base(%ebp), %edi
    movl tables_size - entry_base(%ebp), %ecx
    shrl $3, %ecx
.Lclear_nx:
    andl $0x7fffffff, 4(%edi)
    addl $8, %edi
    decl %ecx
    jnz .Lclear_nx
.Lhave_nx:
    movl $CR4_PAE_OSFXSR_OSXMMEXCPT, %eax
    movl %eax, %cr4
    movl tables - entry_base(%ebp), %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    xorl %edx, %edx
    movl %ebx, %eax
    wrmsr
    movl $CR0_PG | CR0_PE_MP_ET_NE_WP, %eax
    movl %eax, %cr0

    popl %esi
    leal gdt - entry_base(%ebp), %eax
    pushl %eax
    pushw $GDT_LIMIT
    lgdt (%esp)
    addl $6, %esp
    pushl $CODE64
    leal .Llong_mode - entry_base(%ebp), %eax
    pushl %eax
    lret

.Lno_long_mode:
    entry_fatal "no-long-mode", "The kernel needs a 64-bit processor, and this one has no long mode."

.code64
.Llong_mode:
    movl $DATA64, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl entry_memory - entry_base(%rbp), %esp # to 64 bits, as all that follow
    addl $GUARD_SIZE + STACK_SIZE, %esp
    pushq $0
    pushq $0
    lidt (%rsp)                         # no vectors: a fault resets the machine, whatever was there
    addq $16, %rsp
    movl taken_start - entry_base(%rbp), %edx
    movl taken_end - entry_base(%rbp), %ecx
    movq entry_kernel - entry_base(%rbp), %rbx
    movl $MB2_BOOT_MAGIC, %edi
    movl %esi, %esi
    xorl %ebp, %ebp                     # the last frame
    call *%rbx
.Lreturned:
    cli
    hlt
    jmp .Lreturned

    .balign 8
gdt:                                    # marked as accessed: the page is not writable
    .quad 0
    .quad 0x00af9b000000ffff            # code, 64-bit
    .quad 0x00cf93000000ffff            # data

# entry.S - from the boot loader's 32-bit protected mode to kernel_main in 64-bit mode.
#
# The page tables map the first 2 MiB of memory at KERNEL_BASE, page by page: the kernel's
# segments with the permissions of kernel.ld, everything else readable and writable. Until the
# jump to the upper half the same memory is mapped where it lies, too.

.set KERNEL_BASE, 0xffffffff80000000  # as in kernel.ld

.set PAGE_PRESENT, 1 << 0
.set PAGE_WRITE, 1 << 1
.set PAGE_LARGE, 1 << 7
.set PAGE_NX_HIGH, 1 << 31          # bit 63, in the upper half of an entry

.set STACK_SIZE, 0x4000

# The Multiboot2 header (specification 3.1): the loader finds the kernel by it.
.section .boot,"a",@progbits
    .balign 8
header:
    .long 0xe85250d6, 0, header_end - header
    .long 0x100000000 - (0xe85250d6 + header_end - header)
    .word 3, 0                      # the entry address, which is physical
    .long 12, entry - KERNEL_BASE
    .balign 8
    .word 0, 0                      # the tag that ends the list
    .long 8
header_end:

# Point the page-table entries of [\start, \end) at their pages, with \high and \low as the flags
# of each entry's halves. Clobbers eax, ecx.
.macro map_pages start, end, low, high
    movl $(\start - KERNEL_BASE), %eax
1:  cmpl $(\end - KERNEL_BASE), %eax
    jae 2f
    movl %eax, %ecx
    shrl $12 - 3, %ecx
    andl $-8, %ecx
    addl $(page_table - KERNEL_BASE), %ecx
    orl $\low, %eax
    movl %eax, (%ecx)
    andl $-0x1000, %eax
    movl $\high, 4(%ecx)
    addl $0x1000, %eax
    jmp 1b
2:
.endm

# In: eax the loader's magic number, ebx the physical address of its information; paging off.
# No return: jumps to entry64.
.section .text.entry,"ax",@progbits
.code32
    .globl entry
    .type entry, @function
entry:
    cli
    cld
    movl $(stack_end - KERNEL_BASE), %esp
    movl %eax, %edi                 # the arguments of kernel_main
    movl %ebx, %esi

    # A processor with long mode and no-execute pages (Intel SDM Vol. 2A, CPUID), or no kernel.
    pushl %esi
    movl $0x80000001, %eax
    cpuid
    popl %esi
    andl $(1 << 29 | 1 << 20), %edx
    cmpl $(1 << 29 | 1 << 20), %edx
    jne stop

    map_pages KERNEL_BASE, KERNEL_BASE + 0x200000, PAGE_PRESENT | PAGE_WRITE, PAGE_NX_HIGH
    map_pages text_start, rodata_start, PAGE_PRESENT, 0
    map_pages rodata_start, data_start, PAGE_PRESENT, PAGE_NX_HIGH

    movl $(pdpt - KERNEL_BASE + PAGE_PRESENT + PAGE_WRITE), pml4 - KERNEL_BASE
    movl $(pdpt - KERNEL_BASE + PAGE_PRESENT + PAGE_WRITE), pml4 - KERNEL_BASE + 511 * 8
    movl $(low_directory - KERNEL_BASE + PAGE_PRESENT + PAGE_WRITE), pdpt - KERNEL_BASE
    movl $(directory - KERNEL_BASE + PAGE_PRESENT + PAGE_WRITE), pdpt - KERNEL_BASE + 510 * 8
    movl $(PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE), low_directory - KERNEL_BASE
    movl $(page_table - KERNEL_BASE + PAGE_PRESENT + PAGE_WRITE), directory - KERNEL_BASE

    # CR4.PAE, CR3, EFER.LME and NXE, then CR0.PG and WP (Intel SDM Vol. 3A 10.8.5).
    movl %cr4, %eax
    orl $(1 << 5), %eax
    movl %eax, %cr4
    movl $(pml4 - KERNEL_BASE), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $(1 << 8 | 1 << 11), %eax
    wrmsr
    movl %cr0, %eax
    orl $(1 << 31 | 1 << 16), %eax
    movl %eax, %cr0
    lgdt gdt_pointer - KERNEL_BASE
    ljmp $0x8, $(entry64 - KERNEL_BASE)

stop:
    hlt
    jmp stop
    .size entry, . - entry

# In: edi, esi as kernel_main's arguments; running at the physical address.
# No return: calls kernel_main, which does not.
.code64
    .type entry64, @function
entry64:
    movabsq $1f, %rax
    jmp *%rax
1:  movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq $stack_end, %rsp
    lgdt gdt_pointer64

    # The lower half goes: a null pointer faults.
    movq $0, pml4
    movq %cr3, %rax
    movq %rax, %cr3

    xorl %ebp, %ebp                 # where a backtrace ends
    call kernel_main
2:  hlt
    jmp 2b
    .size entry64, . - entry64

# Null, code (0x8), data (0x10): Intel SDM Vol. 3A 3.4.5.
.section .rodata.gdt,"a",@progbits
    .balign 8
gdt:
    .quad 0, 0x00209b0000000000, 0x0000930000000000
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt - KERNEL_BASE
gdt_pointer64:
    .word gdt_end - gdt - 1
    .quad gdt

.section .bss.entry,"aw",@nobits
    .balign 0x1000
pml4:
    .skip 0x1000
pdpt:
    .skip 0x1000
low_directory:
    .skip 0x1000
directory:
    .skip 0x1000
page_table:
    .skip 0x1000
stack:
    .skip STACK_SIZE
stack_end:

# entry32.S - from the boot loader's 32-bit protected mode to long mode.
#
# The code is linked in the higher half and runs at its physical address, KERNEL_BASE lower;
# every address it uses is therefore written as a difference to KERNEL_BASE.

.section .bss.boot_tables,"aw",@nobits
    .balign PAGE_SIZE
boot_top_level:                     # of four levels
    .skip PAGE_SIZE
boot_fifth_level:                   # above it, if the processor has five
    .skip PAGE_SIZE
boot_low_pointers:                  # of the identity map and, shared, of the direct map
    .skip PAGE_SIZE
boot_high_pointers:                 # of the kernel image
    .skip PAGE_SIZE
boot_directories:
    .skip BOOT_MAPPED_GIB * PAGE_SIZE

.section .rodata.entry32,"a",@progbits
no_long_mode:
    .asciz "oro: verdict=fail reason=processor-lacks-long-mode-or-nx\r\n"

.section .text.entry32,"ax",@progbits
.code32

# Multiboot2 entry (specification 3.3): eax = magic, ebx = physical address of the boot
# information; flat 32-bit segments, paging and interrupts off; no stack.
    .globl _oro_entry_multiboot2
    .type _oro_entry_multiboot2, @function
_oro_entry_multiboot2:
    cld
    movl %eax, %esi
    jmp enter_long_mode
    .size _oro_entry_multiboot2, . - _oro_entry_multiboot2

# PVH entry (Xen docs/misc/pvh): ebx = physical address of hvm_start_info; state as above.
    .globl _oro_entry_pvh
    .type _oro_entry_pvh, @function
_oro_entry_pvh:
    cld
    movl $PVH_START_MAGIC, %esi
    jmp enter_long_mode
    .size _oro_entry_pvh, . - _oro_entry_pvh

# In: esi = magic of the protocol, ebx = physical address of its information. Uses no stack.
# Out: _oro_entry64 with both unchanged, in long mode, the first BOOT_MAPPED_GIB GiB of physical
# memory mapped three times: at 0, in the direct map, and (one GiB) under the kernel image.
    .type enter_long_mode, @function
enter_long_mode:
    cli
    movl $CPUID_EXTENDED, %eax      # kept in edi: cpuid overwrites ebx
    movl %ebx, %edi
    cpuid
    movl %edi, %ebx
    notl %edx
    testl $(CPUID_EXTENDED_LM | CPUID_EXTENDED_NX), %edx
    jnz refuse

    # The page directories: 2 MiB pages (Intel SDM Vol. 3A 4.5.4), ascending.
    movl $(boot_directories - KERNEL_BASE), %edi
    movl $(PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE), %eax
    movl $(BOOT_MAPPED_GIB * 512), %ecx
1:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b

    movl $(boot_low_pointers - KERNEL_BASE), %edi
    movl $(boot_directories - KERNEL_BASE + (PAGE_PRESENT | PAGE_WRITE)), %eax
    movl %eax, boot_high_pointers - KERNEL_BASE + 8 * KERNEL_DIRECTORY_SLOT
    movl $BOOT_MAPPED_GIB, %ecx
1:  movl %eax, (%edi)
    addl $PAGE_SIZE, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b

    movl $(boot_low_pointers - KERNEL_BASE + (PAGE_PRESENT | PAGE_WRITE)), %eax
    movl %eax, boot_top_level - KERNEL_BASE
    movl %eax, boot_top_level - KERNEL_BASE + 8 * DIRECT_MAP_SLOT
    movl $(boot_high_pointers - KERNEL_BASE + (PAGE_PRESENT | PAGE_WRITE)), %eax
    movl %eax, boot_top_level - KERNEL_BASE + 8 * KERNEL_SLOT

    # Five levels where the processor has them (Intel SDM Vol. 3A 4.5.1; CPUID: Vol. 2A table 3-8):
    # LA57 can be set only while paging is off. The addresses are the same, sign-extended from bit 47,
    # so the four levels hang below the first entry and the last.
    movl $CR4_PAE, %edi
    movl $(boot_top_level - KERNEL_BASE), %ebp
    movl %ebx, %esp                 # cpuid overwrites ebx
    xorl %eax, %eax
    cpuid
    cmpl $CPUID_STRUCTURED, %eax
    jb 1f
    movl $CPUID_STRUCTURED, %eax
    xorl %ecx, %ecx
    cpuid
    testl $CPUID_STRUCTURED_LA57, %ecx
    jz 1f
    orl $CR4_LA57, %edi
    leal (PAGE_PRESENT | PAGE_WRITE)(%ebp), %eax
    movl $(boot_fifth_level - KERNEL_BASE), %ebp
    movl %eax, (%ebp)
    movl %eax, 8 * KERNEL_SLOT(%ebp)
1:  movl %esp, %ebx

    # Initialising IA-32e mode (Intel SDM Vol. 3A 9.8.5): PAE, CR3, LME, then PG.
    movl %edi, %cr4
    movl %ebp, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $(EFER_LME | EFER_NXE | EFER_SCE), %eax
    wrmsr
    movl $CR0_KERNEL, %eax
    movl %eax, %cr0

    lgdt _oro_boot_gdt_pointer - KERNEL_BASE
    ljmpl $SELECTOR_KERNEL_CODE, $(_oro_entry64_low - KERNEL_BASE)
    .size enter_long_mode, . - enter_long_mode

# No return. Says on the serial port, as the firmware left it, why the kernel cannot run here.
    .type refuse, @function
refuse:
    movl $(no_long_mode - KERNEL_BASE), %esi
    movw $SERIAL_PORT, %dx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  movw $EXIT_PORT, %dx
    movl $EXIT_FAIL, %eax
    outl %eax, %dx
3:  hlt
    jmp 3b
    .size refuse, . - refuse

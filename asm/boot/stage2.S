# The second stage: entry, and the order in which things happen.
#
# Loaded at 0000:8000 and checked by the master boot record, it enters 32-bit protected mode at
# once and goes back to real mode only for the length of a BIOS call (bios_call.S). Everything
# it loads is checked by CRC-32 before it is believed.
#
# Conventions of the 32-bit code: flat segments, %ds = %es = %ss, direction flag clear. A routine
# states what it takes and gives; registers that it does not mention are kept.

.include "boot.inc"

.section .stage2.head, "ax", @progbits
.code16

# In: real mode, %cs = 0, drive in %dl, serial port programmed.
.globl stage2_start
stage2_start:
    jmp .Lreal_mode_entry
    .balign 4
# What the image builder fills in, before it computes the CRC-32 that the MBR compares.
.globl stage2_parameters
stage2_parameters:
    .long STAGE2_SIGNATURE
    .long STAGE2_VERSION
.globl payload_lba
payload_lba:
    .quad 0                             # first sector of the payload
.globl payload_header_size
payload_header_size:
    .long 0                             # bytes
.globl payload_header_crc32
payload_header_crc32:
    .long 0
mbr_crc32:
    .long 0                             # of the MBR's first MBR_CHECKED_SIZE bytes

.Lreal_mode_entry:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    movb %dl, boot_drive
    lgdt gdt_pointer
    movl %cr0, %eax
    orb $CR0_PE, %al
    movl %eax, %cr0
    ljmp $CODE32, $main

.section .text, "ax", @progbits
.code32

# Does everything, in order; does not return.
main:
    movw $DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl $STACK_TOP, %esp
    movl $_bss_start, %edi              # image and .bss: the script says where
    movl $_bss_end, %ecx
    subl %edi, %ecx
    xorl %eax, %eax
    rep stosb

    call console_init
    say "oro: loader=bios stage=2 payload-version=1\r\n"
    call a20_enable
    call memory_map_read
    call crc32_init
    call check_master_boot_record
    call disk_init
    call payload_open
    call kernel_load
    call modules_load
    call multiboot2_build
    jmp multiboot2_enter

# The code that ran before this is still in memory at 0x7c00: was it what the builder wrote?
# The signature of the disk and the partition table may be changed by disk tools and do not count.
# Changes %eax, %ecx, %edx, %esi.
check_master_boot_record:
    movl $MBR_BASE, %esi
    movl $MBR_CHECKED_SIZE, %ecx
    call crc32
    cmpl mbr_crc32, %eax
    jne .Lmbr_damaged
    ret
.Lmbr_damaged:
    fatal "mbr-damaged", "The boot record does not match its checksum: the disk was damaged or modified."

.section .data, "aw", @progbits
.globl boot_drive
boot_drive:
    .byte 0

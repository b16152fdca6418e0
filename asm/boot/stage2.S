# The second stage: entry, and the order in which things happen.
#
# Loaded at 0000:8000 and checked by the first stage (mbr.S, cd.S or pxe.S), it enters 32-bit protected mode at
# once and goes back to real mode only for the length of a BIOS call (bios_call.S). Everything
# it loads is checked by CRC-32 before it is believed.
#
# Conventions of the 32-bit code: flat segments, %ds = %es = %ss, direction flag clear. A routine
# states what it takes and gives; registers that it does not mention are kept.

.include "boot.inc"

.section .stage2.head, "ax", @progbits
.code16

# In: real mode, %cs = 0, serial port programmed, medium in %dh; drive in %dl, or PXE's entry
# point in %ebx.
.globl stage2_start
stage2_start:
    jmp .Lreal_mode_entry
    .balign 4
# What the image builder fills in, before it computes the CRC-32 that the first stage compares.
.globl stage2_parameters
stage2_parameters:
    .long STAGE2_SIGNATURE
    .long STAGE2_VERSION
.globl volume_lba
volume_lba:
    .quad 0                             # first sector of the boot volume, of 512 bytes
first_stage_crc32:                      # by the medium's number
    .long 0                             # of the MBR's first MBR_CHECKED_SIZE bytes
    .long 0                             # of the CD's first HEAD_CHECKED_SIZE bytes
    .long 0                             # of the network's, likewise

.Lreal_mode_entry:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    movb %dl, boot_drive
    movb %dh, boot_medium
    movl %ebx, pxe_entry
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
    say "\r\noro: loader=bios stage=2 medium="
    movzbl boot_medium, %eax
    movl medium_names(, %eax, 4), %esi
    call print
    say "\r\n"
    call a20_enable
    call memory_map_read
    call crc32_init
    call first_stage_check
    call files_open
    call config_open
    call menu_choose
    call kernel_load
    call information_begin
    call modules_load
    call information_finish
    jmp multiboot2_enter

# The code that ran before this is still in memory at 0x7c00: was it what the builder wrote? The
# signature of the disk and the partition table may be changed by disk tools and do not count.
# Changes %eax, %ebx, %ecx, %edx, %esi.
first_stage_check:
    movl $FIRST_STAGE_BASE, %esi
    movl $MBR_CHECKED_SIZE, %ecx
    movzbl boot_medium, %ebx
    testl %ebx, %ebx
    jz .Lchecked_size
    movl $HEAD_CHECKED_SIZE, %ecx
.Lchecked_size:
    call crc32
    cmpl first_stage_crc32(, %ebx, 4), %eax
    jne .Lfirst_stage_damaged
    ret
.Lfirst_stage_damaged:
    fatal "mbr-damaged", "The boot record does not match its checksum: it was damaged or modified."

.section .rodata, "a", @progbits
    .balign 4
medium_names:
    .long .Ldisk, .Lcd, .Lnetwork
.Ldisk:
    .asciz "disk"
.Lcd:
    .asciz "cd"
.Lnetwork:
    .asciz "network"

.section .data, "aw", @progbits
.globl boot_drive
boot_drive:
    .byte 0
.globl boot_medium
boot_medium:
    .byte 0
    .balign 4
.globl pxe_entry
pxe_entry:
    .long 0                             # segment and offset

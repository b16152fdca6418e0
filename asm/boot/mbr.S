# The master boot record: loads the second stage and checks it.
#
# The BIOS loads this sector at 0000:7c00 (or 07c0:0000, the same byte) and jumps to it in real
# mode with the drive in %dl. It reads the second stage to 0000:8000 in one piece, compares its
# CRC-32 with the one in `parameters`, and jumps to it. Whatever goes wrong, it says
# `oro: loader-error=...` on screen and on the first serial port, and stops.
#
# Bytes 416..439 are the parameters that the image builder fills in; 440..511 (disk signature,
# partition table, boot signature) belong to the partition table's owner and are not touched.

.include "boot.inc"
.include "first_stage.inc"

.section .mbr.code, "ax", @progbits
.code16

.globl mbr_start
mbr_start:
    normalise
    set_up_serial_port

    movw $.Lunprepared, %si
    cmpl $MBR_SIGNATURE, parameters_signature
    jne stop

    # EDD installation check (EDD 3.0 section 4.1); a drive without it is read by CHS.
    movb $DISK_EDD_CHECK, %ah
    movw $EDD_QUESTION, %bx
    movb SAVED_DRIVE, %dl
    int $BIOS_DISK
    jc read_chs
    cmpw $EDD_ANSWER, %bx
    jne read_chs
    testb $EDD_PACKET_ACCESS, %cl
    jz read_chs

    movb $DISK_EDD_READ, %ah
    movw $parameters, %si
    movb SAVED_DRIVE, %dl
    int $BIOS_DISK
    jc .Lread_failed

# The whole second stage is in memory: check it and go.
check_stage2:
    check_stage2_and_enter MEDIUM_DISK

.Lread_failed:
    movw $.Lunreadable, %si
    first_stage_messages

# Reads the second stage sector by sector with the oldest interface: cylinder, head, sector.
read_chs:
    movb $DISK_GEOMETRY, %ah
    movb SAVED_DRIVE, %dl
    xorw %di, %di                       # a BIOS bug: some expect ES:DI to be 0:0
    int $BIOS_DISK
    jc .Lread_failed
    xorw %ax, %ax
    movw %ax, %es                       # function 08h points ES:DI at a table for floppies
    andw $0x3f, %cx                     # sectors a track
    jz .Lread_failed
    movzbw %dh, %bp
    incw %bp                            # heads
    movw %cx, %di
    movw parameters_lba, %ax            # the builder keeps the second stage below LBA 65536
    movw parameters_stage2_sectors, %si
    movw parameters_offset, %bx
.Lchs_sector:
    pushw %ax
    xorw %dx, %dx
    divw %di                            # ax = track, dx = sector - 1
    movw %dx, %cx
    incw %cx
    xorw %dx, %dx
    divw %bp                            # ax = cylinder, dx = head
    movb %dl, %dh
    movb SAVED_DRIVE, %dl
    movb %al, %ch
    shlb $6, %ah
    orb %ah, %cl
    movw $DISK_READ_CHS << 8 | 1, %ax
    int $BIOS_DISK
    popw %ax
    jc .Lread_failed
    incw %ax
    addw $SECTOR_SIZE, %bx
    decw %si
    jnz .Lchs_sector
    jmp check_stage2

.Lunprepared:
    .asciz "mbr-has-no-parameters\r\n"
.Lunreadable:
    .asciz "disk-unreadable-at-stage2\r\n"

# What the image builder fills in. The first 16 bytes are an EDD disk address packet (EDD 3.0
# section 4.2), handed to the BIOS as it is.
.section .mbr.parameters, "ax", @progbits
    .type parameters, @object
    .type parameters_signature, @object
parameters:
    .byte 16, 0
parameters_stage2_sectors:
    .word 0
parameters_offset:
    .word STAGE2_BASE
    .word 0                             # segment
parameters_lba:
    .quad 0
parameters_crc32:
    .long 0                             # of the second stage's sectors
parameters_signature:
    .long MBR_SIGNATURE

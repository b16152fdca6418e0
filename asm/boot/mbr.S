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

.set SAVED_DRIVE, STACK_TOP - 2         # the first word pushed

.section .mbr.code, "ax", @progbits
.code16

.globl mbr_start
mbr_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $STACK_TOP, %sp
    sti
    cld
    ljmp $0, $.Lnormalised

.Lnormalised:
    pushw %dx                           # the drive, at SAVED_DRIVE

    # Serial port: 115200 baud, 8N1, so that messages are seen on machines without a screen.
    movw $COM1 + UART_LCR, %dx
    movb $LCR_DLAB, %al
    outb %al, %dx
    movw $COM1 + UART_THR, %dx
    movw $1, %ax                        # divisor 1, low byte here, high byte in the next port
    outw %ax, %dx
    movw $COM1 + UART_LCR, %dx
    movw $LCR_8N1 | MCR_DTR_RTS << 8, %ax   # LCR and, in the next port, MCR
    outw %ax, %dx

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
    movzwl parameters_sectors, %ecx
    shll $SECTOR_SHIFT, %ecx
    movl $STAGE2_BASE, %esi
    orl $-1, %eax
.Lcrc_byte:
    xorb (%esi), %al
    incl %esi
    movb $8, %dl
.Lcrc_bit:
    shrl $1, %eax
    jnc .Lcrc_even
    xorl $CRC32_POLYNOMIAL, %eax
.Lcrc_even:
    decb %dl
    jnz .Lcrc_bit
    decl %ecx
    jnz .Lcrc_byte
    notl %eax
    movw $.Ldamaged, %si
    cmpl parameters_crc32, %eax
    jne stop
    movb SAVED_DRIVE, %dl
    jmp *parameters_offset

.Lread_failed:
    movw $.Lunreadable, %si

# Prints "oro: loader-error=" and the NUL-terminated string at %ds:%si, and stops for ever.
stop:
    pushw %si
    movw $.Lprefix, %si
    call print
    popw %si
    call print
.Lhalt:
    cli
    hlt
    jmp .Lhalt

# Prints the NUL-terminated string at %ds:%si on screen and serial port. Changes every register.
print:
    lodsb
    testb %al, %al
    jz .Lprinted
    movw $LSR_THR_EMPTY << 8, %cx       # %ch: the bit; loops at most 65536 times in all
    movw $COM1 + UART_LSR, %dx
    xchgw %ax, %bx                      # the character, in %bl
    xorw %di, %di
.Lwait:
    inb %dx, %al
    decw %di
    jz .Lsend                           # no such port: do not hang
    testb %ch, %al
    jz .Lwait
.Lsend:
    xchgw %ax, %bx
    movw $COM1 + UART_THR, %dx
    outb %al, %dx
    movb $VIDEO_TELETYPE, %ah
    movw $7, %bx                        # page 0, light grey
    int $BIOS_VIDEO
    jmp print
.Lprinted:
    ret

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
    movw parameters_sectors, %si
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

.Lprefix:
    .asciz "\r\noro: loader-error="
.Lunprepared:
    .asciz "mbr-has-no-parameters\r\n"
.Lunreadable:
    .asciz "disk-unreadable-at-stage2\r\n"
.Ldamaged:
    .asciz "stage2-damaged\r\n"

# What the image builder fills in. The first 16 bytes are an EDD disk address packet (EDD 3.0
# section 4.2), handed to the BIOS as it is.
.section .mbr.parameters, "ax", @progbits
    .type parameters, @object
    .type parameters_signature, @object
parameters:
    .byte 16, 0
parameters_sectors:
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

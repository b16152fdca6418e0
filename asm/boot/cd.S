# The CD's first stage: reads the rest of its own file and checks the second stage in it.
#
# El Torito ("Bootable CD-ROM Format Specification" 1.0, section 2): no emulation, the BIOS loads
# the file's first sectors to 0000:7c00 (or 07c0:0000) and jumps there with the drive in %dl. Many
# a BIOS loads no more than one sector of 2048 bytes, whatever the catalogue says; so this program
# reads the whole file again, over itself. The second stage lies in the file at byte 1024, which
# then is at 0000:8000.

.include "boot.inc"
.include "first_stage.inc"

.section .head.code, "ax", @progbits
.code16

.globl head_start
head_start:
    normalise
    set_up_serial_port

    movw $.Lunprepared, %si
    cmpl $HEAD_SIGNATURE, parameters_signature
    jne stop
    movw $DISK_ATTEMPTS, %cx
.Lattempt:
    movb $DISK_EDD_READ, %ah
    movw $parameters, %si
    movb SAVED_DRIVE, %dl
    pushw %cx
    int $BIOS_DISK
    popw %cx
    jnc .Lread
    loop .Lattempt
    movw $.Lunreadable, %si
    jmp stop
.Lread:
    check_stage2_and_enter MEDIUM_CD

    first_stage_messages
.Lunprepared:
    .asciz "cd-has-no-parameters\r\n"
.Lunreadable:
    .asciz "disk-unreadable-at-stage2\r\n"

.section .head.parameters, "ax", @progbits
    .type parameters, @object
    .type parameters_crc32, @object
    .type parameters_signature, @object
    head_parameters

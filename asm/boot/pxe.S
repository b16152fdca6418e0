# The network's first stage: remembers how to call PXE, and checks the second stage behind it.
#
# PXE specification 2.1, section 4.4.5: the whole network bootstrap program is loaded to 0000:7c00
# and called with the address of the !PXE structure on the stack, behind the return address. The
# second stage lies in the file at byte 1024, which then is at 0000:8000.

.include "boot.inc"
.include "first_stage.inc"

.set PXE_SIGNATURE,        0x45585021   # "!PXE"
.set PXE_entry,            16           # EntryPointSP

.section .head.code, "ax", @progbits
.code16

.globl head_start
head_start:
    cld
    movw %sp, %bp
    lesw 4(%bp), %di                    # behind the return address, in %ss
    xorl %ebx, %ebx
    cmpl $PXE_SIGNATURE, %es:(%di)
    jne .Lno_pxe
    movl %es:PXE_entry(%di), %ebx
.Lno_pxe:
    normalise
    set_up_serial_port

    movw $.Lunprepared, %si
    cmpl $HEAD_SIGNATURE, parameters_signature
    jne stop
    movw $.Lno_interface, %si
    testl %ebx, %ebx
    jz stop
    check_stage2_and_enter MEDIUM_NETWORK  # with PXE's entry point in %ebx

    first_stage_messages
.Lunprepared:
    .asciz "network-program-has-no-parameters\r\n"
.Lno_interface:
    .asciz "no-pxe-interface\r\n"

.section .head.parameters, "ax", @progbits
    .type parameters, @object
    .type parameters_crc32, @object
    .type parameters_signature, @object
    head_parameters

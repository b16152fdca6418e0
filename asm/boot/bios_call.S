# Calling the BIOS from protected mode: down to real mode, the interrupt, and back up.
#
# Only the registers in `bios_*` travel. Real mode with its own stack, interrupts on, as the
# BIOS expects; the code below 64 KiB runs at the same address in both modes.

.include "boot.inc"

.section .text, "ax", @progbits
.code32

# Sets every bios_* register to 0.
.globl bios_clear
bios_clear:
    pushal
    xorl %eax, %eax
    movl $bios_registers, %edi
    movl $(bios_registers_end - bios_registers) / 4, %ecx
    rep stosl
    popal
    ret

# Calls interrupt %eax with the bios_* registers; they hold the BIOS's answer afterwards.
# Out: the carry flag as the BIOS left it.
.globl bios_call
bios_call:
    pushal
    movl (, %eax, 4), %eax              # the interrupt vector table is at address 0
    jmp .Lcall

# The same for the handler at the far pointer %eax, which returns with iret.
.globl real_mode_call
real_mode_call:
    pushal
.Lcall:
    movl %eax, bios_vector
    movl %esp, protected_esp
    ljmp $CODE16, $.Lprotected16

.code16
.Lprotected16:
    movw $DATA16, %ax                   # segment limits that real mode can live with
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl %cr0, %eax
    andb $~CR0_PE, %al
    movl %eax, %cr0
    ljmp $0, $.Lreal
.Lreal:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl $BIOS_STACK_TOP, %esp
    movw bios_es, %es
    movl bios_ebx, %ebx
    movl bios_ecx, %ecx
    movl bios_edx, %edx
    movl bios_esi, %esi
    movl bios_edi, %edi
    movl bios_ebp, %ebp
    sti
    pushfw                              # what `int` would push: flags, cs, ip
    cli
    movl bios_eax, %eax
    pushw bios_ds
    popw %ds
    lcallw *%cs:bios_vector             # the BIOS returns with iret
    cli
    cld
    pushw %ds
    popw %cs:bios_ds
    pushw $0
    popw %ds
    movl %eax, bios_eax
    pushfw
    popw bios_flags
    movl %ebx, bios_ebx
    movl %ecx, bios_ecx
    movl %edx, bios_edx
    movl %esi, bios_esi
    movl %edi, bios_edi
    movl %ebp, bios_ebp
    movw %es, bios_es
    lgdt gdt_pointer                    # a BIOS that uses protected mode has loaded its own
    movl %cr0, %eax
    orb $CR0_PE, %al
    movl %eax, %cr0
    ljmp $CODE32, $.Lprotected32

.code32
.Lprotected32:
    movw $DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl protected_esp, %esp
    popal
    btw $0, bios_flags                  # the carry flag is bit 0
    ret

.section .rodata, "a", @progbits
    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff            # CODE32: base 0, limit 4 GiB, execute/read, accessed
    .quad 0x00cf93000000ffff            # DATA32: base 0, limit 4 GiB, read/write, accessed
    .quad 0x00009b000000ffff            # CODE16: base 0, limit 64 KiB
    .quad 0x000093000000ffff            # DATA16: base 0, limit 64 KiB
gdt_end:
.globl gdt_pointer
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt

.section .bss, "aw", @nobits
    .balign 4
protected_esp:
    .skip 4
bios_vector:
    .skip 4                             # offset, segment
.globl bios_registers
bios_registers:
.globl bios_eax
bios_eax:
    .skip 4
.globl bios_ebx
bios_ebx:
    .skip 4
.globl bios_ecx
bios_ecx:
    .skip 4
.globl bios_edx
bios_edx:
    .skip 4
.globl bios_esi
bios_esi:
    .skip 4
.globl bios_edi
bios_edi:
    .skip 4
bios_ebp:
    .skip 4
.globl bios_ds
bios_ds:
    .skip 2
.globl bios_es
bios_es:
    .skip 2
.globl bios_flags
bios_flags:
    .skip 4
bios_registers_end:

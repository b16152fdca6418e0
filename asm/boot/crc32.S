# CRC-32 as in ISO 3309, zlib and PNG: reflected, start and end complemented. One byte a step.

.include "boot.inc"

.section .text, "ax", @progbits
.code32

# Fills the table. Changes %eax, %ecx, %edx.
.globl crc32_init
crc32_init:
    xorl %ecx, %ecx
.Lentry:
    movl %ecx, %eax
    movl $8, %edx
.Lbit:
    shrl $1, %eax
    jnc .Leven
    xorl $CRC32_POLYNOMIAL, %eax
.Leven:
    decl %edx
    jnz .Lbit
    movl %eax, crc32_table(, %ecx, 4)
    incl %ecx
    cmpl $256, %ecx
    jne .Lentry
    ret

# In: %esi address, %ecx number of bytes (0 allowed). Out: %eax the CRC-32.
# Changes %ecx, %edx, %esi.
.globl crc32
crc32:
    orl $-1, %eax
    jecxz .Lend
.Lbyte:
    movzbl (%esi), %edx
    xorb %al, %dl
    shrl $8, %eax
    xorl crc32_table(, %edx, 4), %eax
    incl %esi
    decl %ecx
    jnz .Lbyte
.Lend:
    notl %eax
    ret

.section .bss, "aw", @nobits
    .balign 4
crc32_table:
    .skip 256 * 4

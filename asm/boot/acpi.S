# The ACPI root system description pointer (ACPI 6.5 section 5.2.5.1, "Finding the RSDP on IA-PC").

.include "boot.inc"

.set EBDA_SEARCH,          1024
.set BIOS_AREA,            0xe0000
.set BIOS_AREA_END,        0x100000
.set RSDP_STEP,            16
.set RSDP_SIGNATURE_LOW,   0x20445352   # "RSD "
.set RSDP_SIGNATURE_HIGH,  0x20525450   # "PTR "
.set RSDP_MAX_SIZE,        256          # no version is anywhere near

.section .text, "ax", @progbits
.code32

# Out: %esi the RSDP, its checksums right; CF set if there is none. Changes %eax, %ecx, %edx.
.globl acpi_find_rsdp
acpi_find_rsdp:
    movzwl BDA_EBDA_SEGMENT, %esi
    shll $4, %esi
    jz .Lbios_area
    leal EBDA_SEARCH(%esi), %edx
    call rsdp_search
    jnc .Lrsdp_end
.Lbios_area:
    movl $BIOS_AREA, %esi
    movl $BIOS_AREA_END, %edx
    call rsdp_search
.Lrsdp_end:
    ret

# In: %esi start, %edx end of an area. Out: as acpi_find_rsdp. Changes %eax, %ecx.
rsdp_search:
    cmpl $RSDP_SIGNATURE_LOW, (%esi)
    jne .Lno_rsdp_here
    cmpl $RSDP_SIGNATURE_HIGH, 4(%esi)
    jne .Lno_rsdp_here
    movl $RSDP_V1_SIZE, %ecx
    call bytes_sum
    jnz .Lno_rsdp_here
    cmpb $2, RSDP_revision(%esi)
    jb .Lrsdp_found
    movl RSDP_length(%esi), %ecx
    cmpl $RSDP_V1_SIZE, %ecx
    jb .Lno_rsdp_here
    cmpl $RSDP_MAX_SIZE, %ecx
    ja .Lno_rsdp_here
    call bytes_sum
    jz .Lrsdp_found
.Lno_rsdp_here:
    addl $RSDP_STEP, %esi
    cmpl %edx, %esi
    jb rsdp_search
    stc
    ret
.Lrsdp_found:
    clc
    ret

# In: %esi address, %ecx number of bytes, not 0. Out: ZF set if their sum is 0 modulo 256.
# Changes %eax, %ecx.
.globl bytes_sum
bytes_sum:
    xorl %eax, %eax
.Lsum:
    addb -1(%esi, %ecx), %al
    decl %ecx
    jnz .Lsum
    testb %al, %al
    ret

# The SMBIOS entry point (DMTF DSP0134 3.6, section 5.2): 64-bit if there is one, else 32-bit.

.include "boot.inc"

.set BIOS_AREA,            0xf0000
.set BIOS_AREA_END,        0x100000
.set ANCHOR_STEP,          16
.set ANCHOR_LOW,           0x5f4d535f   # "_SM_"
.set ANCHOR_HIGH,          0x334d535f   # "_SM3", then "_"
.set LOW_length,           5
.set LOW_version,          6
.set HIGH_length,          6
.set HIGH_version,         7
.set LENGTH_MIN,           24
.set LENGTH_MAX,           64

.section .text, "ax", @progbits
.code32

# Out: %esi the entry point structure, %ecx its size in bytes, %bl and %bh its version, major and
# minor; CF set if there is none. Changes %eax, %ebx, %edx.
.globl smbios_find
smbios_find:
    movl $ANCHOR_HIGH, %edx
    call smbios_search
    jnc .Lsmbios_found
    movl $ANCHOR_LOW, %edx
    call smbios_search
.Lsmbios_found:
    ret

# In: %edx the anchor. Out: as smbios_find. Changes %eax.
smbios_search:
    movl $BIOS_AREA, %esi
.Lanchor:
    cmpl %edx, (%esi)
    jne .Lno_anchor
    movzbl LOW_length(%esi), %ecx
    movw LOW_version(%esi), %bx
    cmpl $ANCHOR_LOW, %edx
    je .Lhave_length
    movzbl HIGH_length(%esi), %ecx
    movw HIGH_version(%esi), %bx
.Lhave_length:
    cmpl $LENGTH_MIN, %ecx
    jb .Lno_anchor
    cmpl $LENGTH_MAX, %ecx
    ja .Lno_anchor
    pushl %ecx
    call bytes_sum
    popl %ecx
    jz .Lanchor_found
.Lno_anchor:
    addl $ANCHOR_STEP, %esi
    cmpl $BIOS_AREA_END - LENGTH_MAX, %esi
    jbe .Lanchor
    stc
    ret
.Lanchor_found:
    clc
    ret

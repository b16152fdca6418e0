# Reading the boot drive: EDD packets where the BIOS has them, else cylinder, head, sector.
#
# Sectors are 512 bytes here; a CD's are 2048, and EDD counts them in these. The BIOS reads below
# 1 MiB only, so everything passes through the bounce buffer.

.include "boot.inc"

.set PACKET_SIZE,          16           # EDD 3.0, section 4.2: disk address packet
.set MAX_CYLINDER,         1023

.section .text, "ax", @progbits
.code32

# Finds out how the drive wants to be read. Changes %eax, %ecx, %edx.
.globl disk_init
disk_init:
    say "oro: loader=bios drive="
    movzbl boot_drive, %eax
    call print_hex
    call bios_clear
    movb $DISK_EDD_CHECK, bios_eax + 1
    movw $EDD_QUESTION, bios_ebx
    call disk_call
    jc .Luse_chs
    cmpw $EDD_ANSWER, bios_ebx
    jne .Luse_chs
    testb $EDD_PACKET_ACCESS, bios_ecx
    jz .Luse_chs
    movl $disk_read_edd, disk_read_chunk
    cmpb $MEDIUM_CD, boot_medium
    jne .Luse_edd
    movl $disk_read_cd, disk_read_chunk
.Luse_edd:
    say " read=edd\r\n"
    ret

.Luse_chs:
    call bios_clear
    movb $DISK_GEOMETRY, bios_eax + 1
    call disk_call
    jc .Lno_geometry
    movzbl bios_edx + 1, %eax           # last head
    incl %eax
    movl %eax, disk_heads
    movl bios_ecx, %eax
    andl $0x3f, %eax
    jz .Lno_geometry
    movl %eax, disk_sectors_per_track
    movl $disk_read_chs, disk_read_chunk
    say " read=chs\r\n"
    ret
.Lno_geometry:
    fatal "disk-geometry", "The BIOS offers neither EDD reads nor the geometry of the boot drive."

# Calls the disk service for the boot drive with the other bios_* registers as they are.
# Out: CF as the BIOS left it. Changes %eax.
disk_call:
    movb boot_drive, %al
    movb %al, bios_edx
    movl $BIOS_DISK, %eax
    jmp bios_call

# In: %eax first sector, %ecx number of sectors (0 allowed), %edi where to (any address below
# 4 GiB). Out: %edi after the last byte. Stops on a failure. Changes %eax, %ecx.
.globl disk_read
disk_read:
    pushl %ebx
    pushl %edx
    pushl %esi
    movl %eax, %ebx
    movl %ecx, %edx
.Lread_chunk:
    testl %edx, %edx
    jz .Lread_end
    movl %edx, %ecx
    cmpl $BOUNCE_SECTORS, %ecx
    jbe .Lchunk_fits
    movl $BOUNCE_SECTORS, %ecx
.Lchunk_fits:
    movl $DISK_ATTEMPTS, disk_attempts
.Lattempt:
    pushl %ecx
    call *disk_read_chunk
    jnc .Lread
    popl %ecx
    movzbl bios_eax + 1, %eax
    movl %eax, disk_status
    call bios_clear                     # function 00h: reset
    call disk_call
    decl disk_attempts
    jnz .Lattempt
    jmp .Lread_failed
.Lread:
    addl $4, %esp                       # the number of sectors that was tried
    pushl %ecx
    pushl %edx
    call a20_enable
    popl %edx
    popl %ecx
    addl %ecx, %ebx
    subl %ecx, %edx
    shll $SECTOR_SHIFT - 2, %ecx
    rep movsl
    jmp .Lread_chunk
.Lread_end:
    popl %esi
    popl %edx
    popl %ebx
    ret
.Lread_failed:
    say "\r\noro: loader=bios failed-sector="
    movl %ebx, %eax
    call print_decimal
    say " bios-status="
    movl disk_status, %eax
    call print_hex
    fatal "disk-read", "The BIOS cannot read the boot drive."

# In: %ebx first sector, %ecx number of sectors, 1 to BOUNCE_SECTORS.
# Out: %ecx sectors of them really read, to %esi in the bounce buffer; CF set if it failed, and
# %ecx is lost. Changes %eax.
disk_read_edd:
    movw %cx, edd_count
    movl %ebx, edd_lba
    movl $BOUNCE_BASE, %esi
edd_call:
    call bios_clear
    movb $DISK_EDD_READ, bios_eax + 1
    movl $edd_packet, bios_esi
    jmp disk_call

# The same contract; reads whole sectors of a CD, of which the first may lie before the one wanted.
disk_read_cd:
    movl %ebx, %eax
    andl $CD_SECTOR_SIZE / SECTOR_SIZE - 1, %eax
    movl $BOUNCE_SECTORS, %esi
    subl %eax, %esi
    cmpl %esi, %ecx
    jbe .Lin_bounce_buffer
    movl %esi, %ecx
.Lin_bounce_buffer:
    leal CD_SECTOR_SIZE / SECTOR_SIZE - 1(%eax, %ecx), %esi
    shrl $CD_SECTOR_SHIFT - SECTOR_SHIFT, %esi
    movw %si, edd_count
    movl %eax, %esi
    shll $SECTOR_SHIFT, %esi
    addl $BOUNCE_BASE, %esi
    movl %ebx, %eax
    shrl $CD_SECTOR_SHIFT - SECTOR_SHIFT, %eax
    movl %eax, edd_lba
    jmp edd_call

# The same contract; reads up to the end of a track.
disk_read_chs:
    pushl %edx
    movl %ebx, %eax
    xorl %edx, %edx
    divl disk_sectors_per_track         # eax = track, edx = sector - 1
    movl disk_sectors_per_track, %esi
    subl %edx, %esi
    cmpl %esi, %ecx
    jbe .Lon_this_track
    movl %esi, %ecx
.Lon_this_track:
    movl %edx, %esi
    incl %esi                           # sectors count from 1
    xorl %edx, %edx
    divl disk_heads                     # eax = cylinder, edx = head
    cmpl $MAX_CYLINDER, %eax
    ja .Lout_of_reach
    call bios_clear
    movb %dl, bios_edx + 1
    movb %al, bios_ecx + 1
    shll $6, %eax
    shrl $8, %eax
    andl $0xc0, %eax                    # cylinder bits 8 and 9
    orl %esi, %eax
    movb %al, bios_ecx
    movb %cl, bios_eax
    movb $DISK_READ_CHS, bios_eax + 1
    movw $BOUNCE_BASE >> 4, bios_es
    movl $BOUNCE_BASE, %esi
    call disk_call
    popl %edx
    ret
.Lout_of_reach:
    fatal "disk-chs-limit", "A sector lies beyond cylinder 1023, and the BIOS has no EDD reads."

.section .data, "aw", @progbits
    .balign 4
edd_packet:
    .byte PACKET_SIZE, 0
edd_count:
    .word 0
    .word 0                             # buffer: offset
    .word BOUNCE_BASE >> 4              # and segment
edd_lba:
    .quad 0

.section .bss, "aw", @nobits
    .balign 4
disk_read_chunk:
    .skip 4                             # the routine that reads one chunk
disk_attempts:
    .skip 4
disk_status:
    .skip 4                             # the BIOS's of the last failed read
disk_heads:
    .skip 4
disk_sectors_per_track:
    .skip 4

# Reading files from the boot volume: FAT12, FAT16 and FAT32 (Microsoft's "FAT: General Overview of
# On-Disk Format" 1.03, and the UEFI specification 2.10, section 13.3).
#
# Short names only. Nothing on the volume is believed: every sector must lie inside the volume,
# every cluster inside its table, and no chain is followed further than what is wanted from it.

.include "boot.inc"

# The BIOS parameter block at the volume's start.
.set BPB_BytsPerSec,       11
.set BPB_SecPerClus,       13
.set BPB_RsvdSecCnt,       14
.set BPB_NumFATs,          16
.set BPB_RootEntCnt,       17
.set BPB_TotSec16,         19
.set BPB_FATSz16,          22
.set BPB_TotSec32,         32
.set BPB_FATSz32,          36
.set BPB_RootClus,         44
.set BOOT_SIGNATURE_AT,    510
.set BOOT_SIGNATURE,       0xaa55

.set FAT12_CLUSTERS,       4085         # this many and more: FAT16
.set FAT16_CLUSTERS,       65525        # this many and more: FAT32
.set FIRST_CLUSTER,        2
.set FAT32_MASK,           0x0fffffff
.set END_OF_CHAIN,         0x0ffffff8   # and above

.set DIR_attributes,       11
.set DIR_cluster_high,     20           # FAT32 only
.set DIR_cluster_low,      26
.set DIR_size,             28
.set DIR_ENTRY_SIZE,       32
.set DIR_NAME_SIZE,        11
.set DIR_EXTENSION,        8
.set ATTRIBUTE_VOLUME,     0x08         # a label, or a piece of a long name
.set ATTRIBUTE_DIRECTORY,  0x10
.set DIRECTORY_MAX,        4096         # sectors: 65536 entries are the most that there can be

.section .text, "ax", @progbits
.code32

# Reads the volume's parameters and checks them. Changes every register.
.globl fat_open
fat_open:
    movl $.Lvolume_name, fatal_subject
    cmpl $0, volume_lba + 4
    jne .Lbad_volume
    movl $1, volume_sectors             # enough to read the first
    movl $-1, window_sector
    xorl %eax, %eax
    movl $fat_window, %edi
    call sector_read
    movl $fat_window, %ebx
    cmpw $BOOT_SIGNATURE, BOOT_SIGNATURE_AT(%ebx)
    jne .Lbad_volume
    cmpw $SECTOR_SIZE, BPB_BytsPerSec(%ebx)
    jne .Lbad_volume
    movzbl BPB_SecPerClus(%ebx), %eax
    movl %eax, cluster_sectors
    leal -1(%eax), %edx                 # a power of two, and not 0
    testl %eax, %edx
    jnz .Lbad_volume
    testl %eax, %eax
    jz .Lbad_volume
    movzwl BPB_RsvdSecCnt(%ebx), %eax
    movl %eax, fat_start
    testl %eax, %eax
    jz .Lbad_volume
    movzwl BPB_TotSec16(%ebx), %eax
    testl %eax, %eax
    jnz .Lhave_total
    movl BPB_TotSec32(%ebx), %eax
.Lhave_total:
    movl %eax, volume_sectors

    movb $16, fat_bits
    movzwl BPB_FATSz16(%ebx), %esi
    testl %esi, %esi
    jnz .Lhave_table_size
    movb $32, fat_bits
    movl BPB_FATSz32(%ebx), %esi
    movl BPB_RootClus(%ebx), %eax
    movl %eax, root_cluster
.Lhave_table_size:
    movzbl BPB_NumFATs(%ebx), %eax
    mull %esi
    jc .Lbad_volume
    testl %eax, %eax
    jz .Lbad_volume
    addl fat_start, %eax
    jc .Lbad_volume
    movl %eax, root_start
    movzwl BPB_RootEntCnt(%ebx), %edx
    addl $SECTOR_SIZE / DIR_ENTRY_SIZE - 1, %edx
    shrl $SECTOR_SHIFT - 5, %edx
    movl %edx, root_sectors
    addl %edx, %eax
    jc .Lbad_volume
    movl %eax, data_start

    movl %eax, %ecx
    movl volume_sectors, %eax
    subl %ecx, %eax
    jbe .Lbad_volume
    xorl %edx, %edx
    divl cluster_sectors
    testl %eax, %eax
    jz .Lbad_volume
    addl $FIRST_CLUSTER, %eax
    movl %eax, cluster_end
    cmpb $16, fat_bits
    jne .Ltable_is_large_enough
    cmpl $FAT16_CLUSTERS + FIRST_CLUSTER, %eax
    jae .Lbad_volume
    cmpl $FAT12_CLUSTERS + FIRST_CLUSTER, %eax
    jae .Ltable_is_large_enough
    movb $12, fat_bits

.Ltable_is_large_enough:
    movl cluster_end, %eax              # does the table have an entry for each cluster?
    cmpl $END_OF_CHAIN, %eax
    ja .Lbad_volume
    decl %eax
    call fat_entry_offset
    shrl $SECTOR_SHIFT, %eax
    cmpl %esi, %eax
    jae .Lbad_volume
    movl $0, fatal_subject
    ret
.Lbad_volume:
    fatal "volume-format", "The boot volume is not a FAT file system with sectors of 512 bytes."

# Reads sectors of the volume. In: %eax first sector, counted from the volume's first, %ecx number
# of sectors, %edi where to. Out: %edi after the last byte. Stops on a failure. Changes %eax, %ecx.
volume_read:
    pushl %edx
    movl %eax, %edx
    addl %ecx, %edx
    jc .Loutside_volume
    cmpl volume_sectors, %edx
    ja .Loutside_volume
    addl volume_lba, %eax
    jc .Loutside_volume
    popl %edx
    jmp disk_read
.Loutside_volume:
    say "\r\noro: loader=bios volume-sector="
    movl %edx, %eax
    call print_hex
    fatal "volume-chain", "The boot volume's tables are damaged: they lead outside the volume."

# The same for one sector. Changes %eax, %ecx, %edi.
sector_read:
    movl $1, %ecx
    jmp volume_read

# In: %eax a cluster's number. Out: %eax the offset of its entry in the allocation table.
fat_entry_offset:
    cmpb $32, fat_bits
    je .Lfour_bytes
    cmpb $16, fat_bits
    je .Ltwo_bytes
    pushl %eax
    shrl $1, %eax
    addl (%esp), %eax
    addl $4, %esp
    ret
.Lfour_bytes:
    shll $1, %eax
.Ltwo_bytes:
    shll $1, %eax
    ret

# In: %eax an offset in the allocation table. Out: %eax the 32 bits from there to the sector's
# end, at most. Keeps the sector for the next time.
fat_bytes:
    pushl %ecx
    pushl %edx
    movl %eax, %edx
    andl $SECTOR_SIZE - 1, %edx
    shrl $SECTOR_SHIFT, %eax
    addl fat_start, %eax
    cmpl %eax, window_sector
    je .Lin_window
    movl %eax, window_sector
    pushl %edi
    movl $fat_window, %edi
    call sector_read
    popl %edi
.Lin_window:
    movl fat_window(%edx), %eax
    popl %edx
    popl %ecx
    ret

# In: %eax a cluster's number. Out: %eax the next one's in its chain; CF set at the chain's end.
# Stops if the chain leads nowhere.
fat_next:
    pushl %ecx
    pushl %edx
    movl %eax, %edx
    call fat_entry_offset
    movl %eax, %ecx
    call fat_bytes
    cmpb $32, fat_bits
    je .Lmasked
    cmpb $16, fat_bits
    je .Lfat16
    pushl %eax                          # FAT12: the second byte may be the next sector's
    leal 1(%ecx), %eax
    call fat_bytes
    shll $8, %eax
    movb (%esp), %al
    addl $4, %esp
    testb $1, %dl
    jz .Leven_cluster
    shrl $4, %eax
.Leven_cluster:
    andl $0xfff, %eax
    cmpl $END_OF_CHAIN & 0xfff, %eax
    jae .Lend_of_chain
    jmp .Lmasked
.Lfat16:
    movzwl %ax, %eax
    cmpl $END_OF_CHAIN & 0xffff, %eax
    jae .Lend_of_chain
.Lmasked:
    andl $FAT32_MASK, %eax
    cmpl $END_OF_CHAIN, %eax
    jae .Lend_of_chain
    call cluster_check
    clc
    jmp .Lfat_next_end
.Lend_of_chain:
    stc
.Lfat_next_end:
    popl %edx
    popl %ecx
    ret

# In: %eax a cluster's number. Stops unless the volume has this cluster.
cluster_check:
    cmpl $FIRST_CLUSTER, %eax
    jb .Lno_such_cluster
    cmpl cluster_end, %eax
    jae .Lno_such_cluster
    ret
.Lno_such_cluster:
    say "\r\noro: loader=bios cluster="
    call print_hex
    fatal "volume-chain", "The boot volume's tables are damaged: a chain of clusters is broken."

# In: %eax a cluster's number, checked. Out: %eax its first sector in the volume.
cluster_sector:
    pushl %edx
    subl $FIRST_CLUSTER, %eax
    mull cluster_sectors                # below volume_sectors: no overflow
    addl data_start, %eax
    popl %edx
    ret

# Looks for fat_name in a directory. In: %eax its first cluster, 0 for a root without clusters.
# Out: %ebx the entry, in directory_sector; CF set if there is none. Changes %eax, %ecx, %edx, %edi.
directory_search:
    pushl %esi
    movl %eax, directory_cluster
    movl $DIRECTORY_MAX, directory_left
    movl root_start, %ebx
    movl root_sectors, %ecx
    testl %eax, %eax
    jz .Ldirectory_part
.Ldirectory_cluster:
    call cluster_check
    call cluster_sector
    movl %eax, %ebx
    movl cluster_sectors, %ecx
.Ldirectory_part:                       # %ecx sectors from sector %ebx on
    jecxz .Lpart_end
    decl directory_left
    js .Lendless_directory
    movl %ebx, %eax
    pushl %ecx
    movl $directory_sector, %edi
    call sector_read
    popl %ecx
    movl $directory_sector, %edx
.Lslot:
    cmpb $0, (%edx)                     # no entry from here on
    je .Lname_not_found
    testb $ATTRIBUTE_VOLUME, DIR_attributes(%edx)
    jnz .Lnext_slot
    pushl %ecx
    movl %edx, %esi
    movl $fat_name, %edi
    movl $DIR_NAME_SIZE, %ecx
    repe cmpsb
    popl %ecx
    je .Lname_found
.Lnext_slot:
    addl $DIR_ENTRY_SIZE, %edx
    cmpl $directory_sector + SECTOR_SIZE, %edx
    jb .Lslot
    incl %ebx
    decl %ecx
    jmp .Ldirectory_part
.Lpart_end:
    movl directory_cluster, %eax
    testl %eax, %eax
    jz .Lname_not_found
    call fat_next
    jc .Lname_not_found
    movl %eax, directory_cluster
    jmp .Ldirectory_cluster
.Lname_found:
    movl %edx, %ebx
    popl %esi
    clc
    ret
.Lname_not_found:
    popl %esi
    stc
    ret
.Lendless_directory:
    fatal "volume-chain", "The boot volume's tables are damaged: a directory has no end."

# Turns a component of a path into the form that directories have. In: %esi its start.
# Out: fat_name, %esi at the character that ends it; CF set if it is no short name.
# Changes %eax, %ecx, %edi.
name_to_short:
    movl $fat_name, %edi
    movl $DIR_NAME_SIZE, %ecx
    movb $0x20, %al
    rep stosb
    movl $fat_name, %edi
    movl $fat_name + DIR_EXTENSION, %ecx    # where this part of the name ends
.Lname_character:
    movb (%esi), %al
    cmpb $0x20, %al
    jbe .Lname_end
    cmpb $0x2f, %al                     # '/'
    je .Lname_end
    incl %esi
    cmpb $0x2e, %al                     # '.'
    je .Lextension
    cmpl %ecx, %edi
    jae .Lnot_short
    cmpb $0x61, %al                     # 'a' to 'z' become capitals
    jb .Lcapital
    cmpb $0x7a, %al
    ja .Lcapital
    subb $0x20, %al
.Lcapital:
    stosb
    jmp .Lname_character
.Lextension:
    movl $fat_name + DIR_EXTENSION, %edi
    cmpl $fat_name + DIR_NAME_SIZE, %ecx
    je .Lnot_short                      # a second dot
    movl $fat_name + DIR_NAME_SIZE, %ecx
    jmp .Lname_character
.Lname_end:
    cmpb $0x20, fat_name
    je .Lnot_short
    clc
    ret
.Lnot_short:
    stc
    ret

# Finds a file. In: %esi its path, from the root, ended by a blank or NUL. Out: %ecx its size in
# bytes; CF set if there is none. Changes %eax, %ebx, %edx, %esi, %edi.
.globl fat_find
fat_find:
    movl root_cluster, %eax
.Lcomponent:
    cmpb $0x2f, (%esi)                  # '/'
    jne .Lno_file
    incl %esi
    pushl %eax
    call name_to_short
    popl %eax
    jc .Lno_file
    call directory_search
    jc .Lno_file
    movzwl DIR_cluster_low(%ebx), %eax
    cmpb $32, fat_bits
    jne .Lhave_cluster
    movzwl DIR_cluster_high(%ebx), %edx
    shll $16, %edx
    orl %edx, %eax
.Lhave_cluster:
    cmpb $0x2f, (%esi)
    je .Ldirectory
    testb $ATTRIBUTE_DIRECTORY, DIR_attributes(%ebx)
    jnz .Lno_file
    movl %eax, file_cluster
    movl DIR_size(%ebx), %ecx
    movl %ecx, file_size
    clc
    ret
.Ldirectory:
    testb $ATTRIBUTE_DIRECTORY, DIR_attributes(%ebx)
    jz .Lno_file
    call cluster_check
    jmp .Lcomponent
.Lno_file:
    stc
    ret

# Reads the file that was found last. In: %edi where to; there must be room for its size rounded up
# to whole sectors. Neighbouring clusters are read together. Stops on a failure. Changes every
# register.
.globl fat_read
fat_read:
    movl file_size, %ebp
    addl $SECTOR_SIZE - 1, %ebp
    jc .Lfile_too_large
    shrl $SECTOR_SHIFT, %ebp            # sectors that are still wanted
    jz .Lfile_read
    movl file_cluster, %eax
    call cluster_check
.Lrun:
    movl %eax, %ebx                     # the run's first cluster
    movl %eax, %edx                     # and its last
    movl cluster_sectors, %ecx          # its length in sectors
.Lextend:
    cmpl %ebp, %ecx
    jae .Llast_run
    movl %edx, %eax
    call fat_next
    jc .Lchain_too_short
    incl %edx
    cmpl %edx, %eax
    jne .Lread_run
    addl cluster_sectors, %ecx
    jmp .Lextend
.Llast_run:
    movl %ebp, %ecx
.Lread_run:
    pushl %eax                          # where the chain goes on
    subl %ecx, %ebp
    movl %ebx, %eax
    call cluster_sector
    call volume_read
    popl %eax
    testl %ebp, %ebp
    jnz .Lrun
.Lfile_read:
    ret
.Lchain_too_short:
    fatal "volume-chain", "The boot volume's tables are damaged: a file has fewer clusters than bytes."
.Lfile_too_large:
    fatal "file-size", "A file on the boot volume is too large."

.section .rodata, "a", @progbits
.Lvolume_name:
    .asciz "boot-volume"

.section .bss, "aw", @nobits
    .balign 4
fat_window:
    .skip SECTOR_SIZE + 4               # fat_bytes reads up to 3 bytes too many
directory_sector:
    .skip SECTOR_SIZE
window_sector:
    .skip 4                             # the one in fat_window
volume_sectors:
    .skip 4
cluster_sectors:
    .skip 4                             # in one cluster
cluster_end:
    .skip 4                             # the number after the last cluster's
fat_start:
    .skip 4
root_start:
    .skip 4
root_sectors:
    .skip 4
root_cluster:
    .skip 4                             # 0: the root directory has no clusters
data_start:
    .skip 4
directory_cluster:
    .skip 4
directory_left:
    .skip 4                             # sectors until it counts as endless
file_cluster:
    .skip 4
file_size:
    .skip 4
fat_name:
    .skip DIR_NAME_SIZE + 1
fat_bits:
    .skip 1

# The payload: what the image builder put on the disk for the loader to find.
#
# A header with one entry for each file, checked as a whole; each file starts on a sector of its
# own and is checked when it has been read. The format is in README.md.

.include "boot.inc"

.section .text, "ax", @progbits
.code32

# Reads and checks the header. Changes %eax, %ebx, %ecx, %edx, %esi, %edi.
.globl payload_open
payload_open:
    movl $.Lheader_name, fatal_subject
    cmpl $0, payload_lba + 4
    jne .Lheader_bad
    movl payload_header_size, %ecx
    cmpl $PAYLOAD_entries, %ecx
    jb .Lheader_bad
    cmpl $HEADER_MAX, %ecx
    ja .Lheader_bad
    addl $SECTOR_SIZE - 1, %ecx
    shrl $SECTOR_SHIFT, %ecx
    movl payload_lba, %eax
    movl $HEADER_BASE, %edi
    call disk_read
    movl $HEADER_BASE, %esi
    movl payload_header_size, %ecx
    call crc32
    cmpl payload_header_crc32, %eax
    jne .Lheader_damaged
    cmpl $PAYLOAD_SIGNATURE, HEADER_BASE
    jne .Lheader_bad
    cmpl $PAYLOAD_VERSION, HEADER_BASE + 4
    jne .Lheader_bad
    movl $0, fatal_subject
    ret
.Lheader_damaged:
    fatal "payload-damaged", "The payload header does not match its checksum: the disk is damaged."
.Lheader_bad:
    fatal "payload-format", "This disk's payload header is not of the kind this loader reads."

# Out: %ebx the first entry; CF set if there is none.
.globl payload_first
payload_first:
    movl HEADER_BASE + PAYLOAD_count, %ebx
    movl %ebx, entries_left
    movl $HEADER_BASE + PAYLOAD_entries, %ebx
    jmp entry_counted

# In: %ebx an entry. Out: %ebx the next; CF set if there is none.
.globl payload_next
payload_next:
    addl $ENTRY_SIZE, %ebx
entry_counted:
    subl $1, entries_left               # CF set when it was 0
    ret

# In: %ebx an entry. Out: %esi its string. Changes nothing else.
.globl entry_string
entry_string:
    movl ENTRY_string(%ebx), %esi
    addl $HEADER_BASE, %esi
    ret

# Reads an entry's file and checks it. In: %ebx entry, %edi where to; there must be room for its
# size rounded up to whole sectors. Stops on a failure. Changes %eax, %ecx, %edx, %esi, %edi.
.globl entry_read
entry_read:
    pushl %edi
    movl payload_lba, %eax
    addl ENTRY_sector(%ebx), %eax
    movl ENTRY_size(%ebx), %ecx
    addl $SECTOR_SIZE - 1, %ecx
    shrl $SECTOR_SHIFT, %ecx
    call disk_read
    popl %esi
    movl ENTRY_size(%ebx), %ecx
    call crc32
    cmpl ENTRY_crc32(%ebx), %eax
    jne .Lfile_damaged
    ret
.Lfile_damaged:
    pushl %eax
    say "\r\noro: loader=bios crc32="
    popl %eax
    call print_hex
    say " expected="
    movl ENTRY_crc32(%ebx), %eax
    call print_hex
    fatal "file-damaged", "A file does not match its checksum: the disk is damaged or was modified."

.section .rodata, "a", @progbits
.Lheader_name:
    .asciz "payload-header"

.section .bss, "aw", @nobits
    .balign 4
entries_left:
    .skip 4

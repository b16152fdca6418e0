# The files of the boot medium, wherever it is: the boot volume of a drive, or a server.

.include "boot.inc"

.section .text, "ax", @progbits
.code32

# Gets ready to read. Changes every register.
.globl files_open
files_open:
    cmpb $MEDIUM_NETWORK, boot_medium
    je tftp_init
    call disk_init
    jmp fat_open

# Finds a file. In: %esi its path, ended by a blank or NUL, %ecx its size if it is known, else -1.
# Out: %ecx its size in bytes; CF set if there is none. Changes %eax, %ebx, %edx, %esi, %edi.
.globl file_find
file_find:
    cmpb $MEDIUM_NETWORK, boot_medium
    je tftp_find
    jmp fat_find

# Reads the file that was found last. In: %edi where to; there must be room for its size rounded
# up to whole sectors. Stops on a failure.
.globl file_read
file_read:
    pushal
    cmpb $MEDIUM_NETWORK, boot_medium
    je .Lfrom_network
    call fat_read
    popal
    ret
.Lfrom_network:
    call tftp_read
    popal
    ret

# Finds the file that BOOT.CFG refers to (reference_parse). Out: %ecx its size.
# Stops if it is not there or of another size. Changes %eax, %ebx, %edx, %esi, %edi.
.globl reference_find
reference_find:
    movl reference_path, %esi
    movl %esi, fatal_subject
    movl reference_size, %ecx
    call file_find
    jc .Lno_such_file
    movl reference_size, %eax
    cmpl $-1, %eax
    je .Lsize_right
    cmpl %eax, %ecx
    jne .Lsize_wrong
.Lsize_right:
    movl %ecx, reference_size
    ret
.Lno_such_file:
    fatal "file-missing", "A file that BOOT.CFG names is not on the boot volume."
.Lsize_wrong:
    fatal "file-size", "A file on the boot volume is not as large as BOOT.CFG says."

# Reads the file that reference_find found, and checks it. In: %edi where to; there must be room for
# its size rounded up to whole sectors. Stops on a failure. Changes %eax, %ecx, %edx, %esi.
.globl reference_read
reference_read:
    call file_read
    cmpb $0, reference_checked
    je .Lunchecked
    movl %edi, %esi
    movl reference_size, %ecx
    call crc32
    cmpl reference_crc32, %eax
    jne .Lfile_damaged
    ret
.Lunchecked:
    say "oro: loader=bios unchecked=\042"
    movl reference_path, %esi
    call print_word
    say "\042\r\n"
    ret
.Lfile_damaged:
    pushl %eax
    say "\r\noro: loader=bios crc32="
    popl %eax
    call print_hex
    say " expected="
    movl reference_crc32, %eax
    call print_hex
    fatal "file-damaged", "A file does not match its checksum: it was damaged or modified."

# BOOT.CFG: what there is to start. The format is in README.md.
#
# The whole file is checked once (config_open); afterwards it is a sequence of lines, each ended by
# a NUL, and whoever wants something walks over them.

.include "boot.inc"

.set TIMEOUT_MAX,          86400        # seconds

# Stops because of the line that is being read.
.macro bad_line text
    .section .rodata, "a", @progbits
.Lbad_line\@:
    .asciz "\text"
    .section .text, "ax", @progbits
    movl $.Lbad_line\@, %ebx
    jmp line_refuse
.endm

# Compares the word at %esi with `keyword` and jumps to `target`, %esi behind the blank after it,
# if it is the same. Changes %al, %edi.
.macro on_keyword keyword, target
    .section .rodata, "a", @progbits
.Lkeyword\@:
    .asciz "\keyword"
    .section .text, "ax", @progbits
    movl $.Lkeyword\@, %edi
    call skip_keyword
    je \target
.endm

# Compares what is at %esi with `prefix` and jumps to `target`, %esi behind it, if it is the same.
# Changes %al, %edi.
.macro on_prefix prefix, target
    .section .rodata, "a", @progbits
.Lprefix\@:
    .asciz "\prefix"
    .section .text, "ax", @progbits
    movl $.Lprefix\@, %edi
    call skip_prefix
    je \target
.endm

.section .text, "ax", @progbits
.code32

# Reads the file and checks it. Changes every register.
.globl config_open
config_open:
    movl $.Lconfig_path, %esi
    movl %esi, fatal_subject
    orl $-1, %ecx
    call file_find
    jc .Lno_config
    cmpl $CONFIG_MAX - SECTOR_SIZE, %ecx
    ja .Lconfig_too_large
    movl $CONFIG_BASE, %edi
    call file_read
    addl %edi, %ecx
    movl %ecx, config_end
    movb $0, (%ecx)
    call config_check_bytes
    call config_split
    call config_check
    movl $0, fatal_subject
    ret
.Lno_config:
    fatal "boot-config-missing", "The boot medium has no file OROBUILD/BOOT.CFG."
.Lconfig_too_large:
    fatal "boot-config-size", "BOOT.CFG is too large: it may have 32256 bytes."

# Looks for bytes that no text has, and for the last line, whose checksum is of all before it.
# Sets config_sealed if there is one. Changes every register.
config_check_bytes:
    movl $CONFIG_BASE, %esi
.Lbyte:
    movl %esi, %ebp                     # the line's start
    on_prefix "end crc32=", .Lend_line
.Lbyte_of_line:
    cmpl config_end, %esi
    jae .Lbytes_end
    lodsb
    cmpb $0x0a, %al
    je .Lbyte
    cmpb $0x20, %al
    jae .Lbyte_of_line
    cmpb $0x09, %al
    je .Lbyte_of_line
    cmpb $0x0d, %al
    je .Lbyte_of_line
.Lnot_text:
    fatal "boot-config-format", "BOOT.CFG is not a text of the kind that this loader reads."
.Lbytes_end:
    ret

.Lend_line:
    call parse_hexadecimal
    jc .Lnot_text
    movl %eax, %ebx
.Lafter_end:                            # only blanks and line ends may follow
    cmpl config_end, %esi
    jae .Lcheck_sum
    lodsb
    cmpb $0x20, %al
    jbe .Lafter_end
    jmp .Lnot_text
.Lcheck_sum:
    movl $CONFIG_BASE, %esi
    movl %ebp, %ecx
    subl %esi, %ecx
    call crc32
    cmpl %ebx, %eax
    jne .Lconfig_damaged
    movl %ebp, config_end
    movb $0, (%ebp)
    movb $1, config_sealed
    ret
.Lconfig_damaged:
    fatal "boot-config-damaged", "BOOT.CFG does not match its checksum: it was damaged or modified."

# Makes line ends and comments NULs. Changes %eax, %esi.
config_split:
    movl $CONFIG_BASE, %esi
.Lsplit_line:
    call skip_blanks
    cmpb $0x23, (%esi)                  # '#'
    je .Lsplit_comment
.Lsplit_byte:
    cmpl config_end, %esi
    jae .Lsplit_end
    movb (%esi), %al
    incl %esi
    cmpb $0x0d, %al
    je .Lsplit_return
    cmpb $0x0a, %al
    jne .Lsplit_byte
    movb $0, -1(%esi)
    jmp .Lsplit_line
.Lsplit_return:                         # a carriage return counts only before the line's end
    cmpb $0x0a, (%esi)
    jne .Lsplit_byte
    movb $0, -1(%esi)
    jmp .Lsplit_byte
.Lsplit_comment:
    cmpl config_end, %esi
    jae .Lsplit_end
    cmpb $0x0a, (%esi)
    je .Lsplit_byte
    movb $0, (%esi)
    incl %esi
    jmp .Lsplit_comment
.Lsplit_end:
    ret

# Checks every line and what there must be. Sets timeout, default and the number of entries.
# Changes every register.
config_check:
    movl $5, config_timeout
    call line_first
    jc .Lnot_text
    on_keyword "orobuild-boot", .Lversion
    jmp .Lnot_text
.Lversion:
    call skip_blanks
    call parse_decimal
    jc .Lnot_text
    cmpl $1, %eax
    jne .Lother_version
    call skip_blanks
    on_keyword "sealed", .Lmust_be_sealed
    jmp .Lversion_end
.Lmust_be_sealed:
    cmpb $0, config_sealed
    je .Lconfig_cut_off
.Lversion_end:
    call end_of_line
    cmpb $0, config_sealed
    jne .Lcheck_line
    say "oro: loader=bios unchecked=\042/OROBUILD/BOOT.CFG\042\r\n"

.Lcheck_line:
    call line_next
    jc .Lcheck_end
    movl %esi, config_line
    on_keyword "timeout", .Lcheck_timeout
    on_keyword "default", .Lcheck_default
    on_keyword "entry", .Lcheck_entry
    cmpl $0, config_entries
    je .Lbefore_entries
    on_keyword "kernel", .Lcheck_kernel
    on_keyword "cmdline", .Lcheck_line
    on_keyword "module", .Lcheck_module
    bad_line "This line of BOOT.CFG begins with no statement that this loader knows."
.Lbefore_entries:
    bad_line "This line of BOOT.CFG is no statement, or belongs below an 'entry'."
.Lcheck_timeout:
    call skip_blanks
    call parse_decimal
    jc .Lbad_number
    call end_of_line
    cmpl $TIMEOUT_MAX, %eax
    ja .Lbad_number
    movl %eax, config_timeout
    jmp .Lcheck_line
.Lcheck_default:
    call skip_blanks
    call parse_decimal
    jc .Lbad_number
    call end_of_line
    movl %eax, config_default
    jmp .Lcheck_line
.Lbad_number:
    bad_line "This line of BOOT.CFG needs a number, and nothing behind it."
.Lcheck_entry:
    call entry_complete
    incl config_entries
    movb $0, entry_kernels
    jmp .Lcheck_line
.Lcheck_kernel:
    cmpb $0, entry_kernels
    jne .Lsecond_kernel
    incb entry_kernels
    call reference_parse
    call end_of_line
    jmp .Lcheck_line
.Lsecond_kernel:
    bad_line "BOOT.CFG names a second kernel in one entry."
.Lcheck_module:
    call reference_parse
    jmp .Lcheck_line
.Lcheck_end:
    call entry_complete
    movl config_entries, %eax
    testl %eax, %eax
    jz .Lno_kernel
    cmpl %eax, config_default
    jb .Lchecked
    fatal "boot-config-default", "The entry that BOOT.CFG calls the default does not exist."
.Lchecked:
    ret
.Lother_version:
    fatal "boot-config-version", "BOOT.CFG is of a version that this loader does not know."
.Lconfig_cut_off:
    fatal "boot-config-damaged", "BOOT.CFG is sealed, and its last line with the checksum is missing."
.Lno_kernel:
    fatal "no-kernel", "BOOT.CFG names no kernel to start."

# Stops if the entry that ends here has no kernel.
entry_complete:
    cmpl $0, config_entries
    je .Lentry_complete
    cmpb $0, entry_kernels
    je .Lno_kernel
.Lentry_complete:
    ret

# In: %esi in a line. Stops unless it ends here. Changes %esi.
end_of_line:
    pushl %eax
    call skip_blanks
    cmpb $0, (%esi)
    popl %eax
    jne .Lmore_on_line
    ret
.Lmore_on_line:
    bad_line "This line of BOOT.CFG goes on where it should end."

# Jumped to: shows the line config_line, and stops with the sentence at %ebx.
line_refuse:
    say "\r\noro: loader=bios line=\042"
    movl config_line, %esi
    call print
    say "\042"
    movl $.Lstatement_slug, %esi
    jmp fatal_stop

# Out: %esi the first line that is not empty; CF set if there is none. Changes %al.
line_first:
    movl $CONFIG_BASE, %esi
    jmp line_here

# In: %esi in a line. Out: %esi the next line that is not empty; CF set if there is none.
# Changes %al.
line_next:
    cmpb $0, (%esi)
    je line_here
    incl %esi
    jmp line_next
line_here:
    cmpl config_end, %esi
    jae .Lno_line
    call skip_blanks
    cmpb $0, (%esi)
    jne .Lline
    incl %esi
    jmp line_here
.Lline:
    clc
    ret
.Lno_line:
    stc
    ret

# In: %eax the number of an entry that exists. Out: %esi in its first line, at the title.
# Changes %eax, %ecx, %edi.
.globl entry_find
entry_find:
    movl %eax, %ecx
    call line_first
.Lentry_line:
    on_keyword "entry", .Lan_entry
.Lnot_this_entry:
    call line_next
    jmp .Lentry_line
.Lan_entry:
    subl $1, %ecx
    jnc .Lnot_this_entry
    ret

# In: %esi in a line of an entry. Out: %esi the entry's next line; CF set if there is none.
# Changes %al, %edi.
entry_line_next:
    call line_next
    jc .Lentry_end
    on_keyword "entry", .Lnext_entry
    clc
.Lentry_end:
    ret
.Lnext_entry:
    stc
    ret

# In: %esi in a line of an entry. Out: the same of its next kernel, module or command line: %esi
# behind the keyword; CF set if there is none. Changes %al, %edi.
.globl entry_next_kernel
entry_next_kernel:
    call entry_line_next
    jc .Lentry_searched
    on_keyword "kernel", .Lstatement_found
    jmp entry_next_kernel
.globl entry_next_module
entry_next_module:
    call entry_line_next
    jc .Lentry_searched
    on_keyword "module", .Lstatement_found
    jmp entry_next_module
.globl entry_next_command_line
entry_next_command_line:
    call entry_line_next
    jc .Lentry_searched
    on_keyword "cmdline", .Lstatement_found
    jmp entry_next_command_line
.Lstatement_found:
    clc
.Lentry_searched:
    ret

# Takes a reference to a file apart: a path, then size= and crc32= if they are there. In: %esi at
# its start. Out: reference_*, %esi at what follows behind one blank, which may be anything. Stops
# if it is none. Changes %eax, %edx, %edi.
.globl reference_parse
reference_parse:
    call skip_blanks
    movl %esi, reference_path
    movl $-1, reference_size
    movb $0, reference_checked
    cmpb $0x2f, (%esi)                  # '/'
    jne .Lbad_path
    call skip_word
.Lreference_option:
    cmpb $0, (%esi)
    je .Lreference_parsed
    leal 1(%esi), %edx                  # where the rest begins if this is no option
    cmpl $-1, reference_size
    je .Lexpect_option
    cmpb $0, reference_checked
    jne .Lreference_rest                # both are known
.Lexpect_option:
    call skip_blanks
    on_prefix "size=", .Lreference_size
    on_prefix "crc32=", .Lreference_crc32
.Lreference_rest:
    movl %edx, %esi
.Lreference_parsed:
    ret
.Lreference_size:
    call parse_decimal
    jc .Lbad_reference
    movl %eax, reference_size
    jmp .Lreference_end
.Lreference_crc32:
    call parse_hexadecimal
    jc .Lbad_reference
    movl %eax, reference_crc32
    movb $1, reference_checked
.Lreference_end:
    cmpb $0x20, (%esi)
    jbe .Lreference_option
.Lbad_reference:
    bad_line "This line of BOOT.CFG has a malformed size= or crc32=."
.Lbad_path:
    bad_line "This line of BOOT.CFG needs a path that begins with a slash."

.section .rodata, "a", @progbits
.Lconfig_path:
    .asciz "/OROBUILD/BOOT.CFG"
.Lstatement_slug:
    .asciz "boot-config-line"

.section .bss, "aw", @nobits
    .balign 4
config_end:
    .skip 4
.globl config_timeout
config_timeout:
    .skip 4                             # seconds
.globl config_default
config_default:
    .skip 4                             # an entry's number, from 0
.globl config_entries
config_entries:
    .skip 4
config_line:
    .skip 4                             # the one that is being checked
.globl reference_path
reference_path:
    .skip 4                             # ended by a blank or NUL
.globl reference_size
reference_size:
    .skip 4                             # bytes; -1: unknown
.globl reference_crc32
reference_crc32:
    .skip 4
.globl reference_checked
reference_checked:
    .skip 1                             # whether there is a CRC-32
config_sealed:
    .skip 1
entry_kernels:
    .skip 1

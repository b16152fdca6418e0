# Reading files from the network: PXE's TFTP (PXE specification 2.1, chapter 3).
#
# Paths are below the directory that this program came from. PXE runs in real mode and fills
# buffers below 1 MiB, so that every packet passes through the bounce buffer.

.include "boot.inc"

.set PXE_GET_CACHED_INFO,  0x71
.set PXE_TFTP_OPEN,        0x20
.set PXE_TFTP_CLOSE,       0x21
.set PXE_TFTP_READ,        0x22
.set PXE_TFTP_GET_FSIZE,   0x25
.set PXE_UNDI_SHUTDOWN,    0x05
.set PXE_UNLOAD_STACK,     0x70
.set PXE_CACHED_REPLY,     3            # the last packet of the boot server

.set REPLY_siaddr,         20           # RFC 951: the server's address
.set REPLY_file,           108          # and the boot file's name
.set REPLY_FILE_SIZE,      128

# Offsets in the parameters of a call; the first word always is the status.
.set CACHED_type,          2
.set CACHED_size,          4
.set CACHED_offset,        6
.set CACHED_segment,       8
.set CACHED_limit,         10
.set TFTP_server,          2
.set TFTP_name,            10
.set TFTP_port,            138
.set TFTP_packet_size,     140
.set TFTP_file_size,       138
.set READ_size,            4
.set READ_offset,          6
.set READ_segment,         8
.set PARAMETERS_SIZE,      144
.set TFTP_PORT,            0x4500       # 69, in network order
.set TFTP_PACKET_SIZE,     1456         # what an Ethernet frame has room for

.section .text, "ax", @progbits
.code32

# Learns the server's address and the directory. Changes every register.
.globl tftp_init
tftp_init:
    call parameters_clear
    movw $PXE_CACHED_REPLY, pxe_parameters + CACHED_type
    movl $PXE_GET_CACHED_INFO, %eax
    call pxe_call
    jc .Lno_reply
    movzwl pxe_parameters + CACHED_segment, %esi
    shll $4, %esi
    movzwl pxe_parameters + CACHED_offset, %eax
    addl %eax, %esi
    movl REPLY_siaddr(%esi), %eax
    movl %eax, tftp_server
    addl $REPLY_file, %esi
    movl $tftp_directory, %edi
    movl %edi, %edx                     # after the last slash
    movl $REPLY_FILE_SIZE - 1, %ecx
.Lfile_character:
    lodsb
    testb %al, %al
    jz .Lfile_end
    stosb
    cmpb $0x2f, %al                     # '/'
    jne .Lnot_a_slash
    movl %edi, %edx
.Lnot_a_slash:
    loop .Lfile_character
.Lfile_end:
    movb $0, (%edx)
    say "oro: loader=bios server="
    movl tftp_server, %eax
    bswap %eax
    call print_hex
    say " directory=\042"
    movl $tftp_directory, %esi
    call print
    say "\042\r\n"
    ret
.Lno_reply:
    fatal "network-reply", "PXE does not say which server this program came from."

# Calls PXE. In: %eax the function, pxe_parameters. Out: CF set if it failed. Changes %eax.
pxe_call:
    pushl %edx
    call bios_clear
    movl %eax, bios_ebx
    movl $pxe_parameters, bios_edi
    movl $pxe_thunk, %eax               # segment 0
    call real_mode_call
    call a20_keep
    movzwl pxe_parameters, %eax
    negl %eax                           # CF set if the status is not 0
    popl %edx
    ret

# Between the real-mode call, which is made like an interrupt, and PXE, which wants its arguments
# on the stack and interrupts on. In: function in %bx, parameters at %es:%di.
.code16
pxe_thunk:
    pushw %es
    pushw %di
    pushw %bx
    sti
    lcallw *%cs:pxe_entry
    addw $6, %sp
    iretw
.code32

a20_keep:
    pushal
    call a20_enable
    popal
    ret

# Changes nothing.
parameters_clear:
    pushal
    xorl %eax, %eax
    movl $pxe_parameters, %edi
    movl $PARAMETERS_SIZE / 4, %ecx
    rep stosl
    popal
    ret

# Prepares parameters with server and file name. In: %esi a path. Out: CF set if it is too long.
# Changes %eax, %esi, %edi.
parameters_name:
    call parameters_clear
    movl tftp_server, %eax
    movl %eax, pxe_parameters + TFTP_server
    movl $pxe_parameters + TFTP_name, %edi
    pushl %esi
    movl $tftp_directory, %esi
.Ldirectory_character:
    lodsb
    testb %al, %al
    jz .Ldirectory_end
    stosb
    jmp .Ldirectory_character
.Ldirectory_end:
    popl %esi
    incl %esi                           # the path's slash: the directory ends in one, or is empty
.Lpath_character:
    lodsb
    cmpb $0x20, %al
    jbe .Lpath_end
    cmpl $pxe_parameters + TFTP_name + 127, %edi
    jae .Lpath_too_long
    stosb
    jmp .Lpath_character
.Lpath_end:
    clc
    ret
.Lpath_too_long:
    stc
    ret

# Finds a file. In: %esi its path, %ecx its size if it is known, else -1. Out: %ecx its size; CF
# set if there is none. A file whose size is known is not asked for before it is read.
# Changes %eax, %esi, %edi.
.globl tftp_find
tftp_find:
    movl %esi, tftp_path
    cmpl $-1, %ecx
    jne .Lsize_known
    call parameters_name
    jc .Lfound_nothing
    movl $PXE_TFTP_GET_FSIZE, %eax
    call pxe_call
    jc .Lfound_nothing
    movl pxe_parameters + TFTP_file_size, %ecx
.Lsize_known:
    movl %ecx, tftp_size
    clc
.Lfound_nothing:
    ret

# Reads the file that was found last to %edi. Stops on a failure. Changes every register.
.globl tftp_read
tftp_read:
    pushl %edi
    movl tftp_path, %esi
    call parameters_name
    popl %edi
    jc .Lcannot_open
    movw $TFTP_PORT, pxe_parameters + TFTP_port
    movw $TFTP_PACKET_SIZE, pxe_parameters + TFTP_packet_size
    movl $PXE_TFTP_OPEN, %eax
    call pxe_call
    jc .Lcannot_open
    movzwl pxe_parameters + TFTP_packet_size, %ebp
    movl tftp_size, %ebx                # bytes that are still wanted
.Lpacket:
    call parameters_clear
    movw $BOUNCE_BASE >> 4, pxe_parameters + READ_segment
    movw %bp, pxe_parameters + READ_size
    movl $PXE_TFTP_READ, %eax
    call pxe_call
    jc .Lcannot_read
    movzwl pxe_parameters + READ_size, %ecx
    movl %ecx, %edx
    subl %ecx, %ebx
    jb .Lwrong_size
    movl $BOUNCE_BASE, %esi
    rep movsb
    cmpl %ebp, %edx                     # a short packet is the last
    jae .Lpacket
    call parameters_clear
    movl $PXE_TFTP_CLOSE, %eax
    call pxe_call
    testl %ebx, %ebx
    jnz .Lwrong_size
    ret
.Lcannot_open:
    call print_pxe_status
    fatal "file-missing", "The boot server does not have a file."
.Lcannot_read:
    call print_pxe_status
    fatal "network-read", "The network boot ROM cannot read a file from the boot server."
.Lwrong_size:
    fatal "file-size", "A file on the boot server is not as large as BOOT.CFG or the server said."

# Changes %eax.
print_pxe_status:
    say "\r\noro: loader=bios pxe-status="
    movzwl pxe_parameters, %eax
    jmp print_hex

# Ends the network card's activity, which could write to memory that is the kernel's by now.
# Changes %eax.
.globl network_shutdown
network_shutdown:
    cmpb $MEDIUM_NETWORK, boot_medium
    jne .Lno_network
    call parameters_clear
    movl $PXE_UNDI_SHUTDOWN, %eax       # what it answers does not matter: there is no way back
    call pxe_call
    call parameters_clear
    movl $PXE_UNLOAD_STACK, %eax
    call pxe_call
.Lno_network:
    ret

.section .bss, "aw", @nobits
    .balign 4
pxe_parameters:
    .skip PARAMETERS_SIZE
tftp_server:
    .skip 4
tftp_path:
    .skip 4
tftp_size:
    .skip 4
tftp_directory:
    .skip REPLY_FILE_SIZE

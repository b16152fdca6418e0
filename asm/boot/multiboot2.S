# Multiboot2 (specification 2.0): the header in the kernel's file, and the way in.

.include "boot.inc"

.set MB2_HEADER_MAGIC,     0xe85250d6   # section 3.1.1
.set MB2_ARCHITECTURE_I386, 0
.set MB2_SEARCH,           32768        # the header lies wholly within the first 32 KiB
.set MB2_HEADER_SIZE,      16
.set MB2_BOOT_MAGIC,       0x36d76289   # section 3.3, EAX

.set HEADER_architecture,  4
.set HEADER_length,        8
.set HEADER_checksum,      12

# Tags of the header (sections 3.1.3 to 3.1.13).
.set HTAG_flags,           2
.set HTAG_size,            4
.set HTAG_value,           8
.set HTAG_OPTIONAL,        1
.set HTAG_width,           8            # of the framebuffer tag
.set HTAG_height,          12
.set HTAG_depth,           16
.set HTAG_FRAMEBUFFER_SIZE, 20
.set HTAG_END,             0
.set HTAG_REQUEST,         1
.set HTAG_ENTRY,           3
.set HTAG_CONSOLE,         4
.set HTAG_FRAMEBUFFER,     5
.set HTAG_ALIGN,           6
.set HTAG_EFI_BS,          7
.set HTAG_ENTRY_EFI32,     8
.set HTAG_ENTRY_EFI64,     9
.set HTAG_RELOCATABLE,     10

.section .text, "ax", @progbits
.code32

# Finds the header in the kernel file and checks that everything it demands is offered here.
# Sets entry_tag_* and video_*. Changes every register.
.globl multiboot2_find_header
multiboot2_find_header:
    movl kernel_file, %esi
    movl kernel_size, %ecx
    cmpl $MB2_SEARCH, %ecx
    jbe .Lsearch_size
    movl $MB2_SEARCH, %ecx
.Lsearch_size:
    leal (%esi, %ecx), %edi             # the end of where it may lie
    subl $MB2_HEADER_SIZE, %ecx         # the ELF header is larger: no underflow
    addl %esi, %ecx                     # the last place where it may start
.Lsearch:
    cmpl $MB2_HEADER_MAGIC, (%esi)
    jne .Lnot_here
    movl $MB2_HEADER_MAGIC, %eax
    addl HEADER_architecture(%esi), %eax
    addl HEADER_length(%esi), %eax
    addl HEADER_checksum(%esi), %eax
    jz .Lfound
.Lnot_here:
    addl $8, %esi                       # 64-bit aligned
    cmpl %ecx, %esi
    jbe .Lsearch
    fatal "kernel-not-multiboot2", "The kernel has no Multiboot2 header within the first 32 KiB of its file."

.Lfound:
    cmpl $MB2_ARCHITECTURE_I386, HEADER_architecture(%esi)
    jne .Lbad_header
    movl HEADER_length(%esi), %eax
    subl %esi, %edi
    cmpl %edi, %eax
    ja .Lbad_header
    leal (%esi, %eax), %edi             # the header's end
    addl $MB2_HEADER_SIZE, %esi
.Ltag:
    leal HTAG_value(%esi), %eax
    cmpl %edi, %eax
    ja .Lbad_header
    movl HTAG_size(%esi), %eax
    cmpl $HTAG_value, %eax
    jb .Lbad_header
    movl %edi, %edx
    subl %esi, %edx
    cmpl %edx, %eax
    ja .Lbad_header
    movzwl (%esi), %eax
    cmpl $HTAG_END, %eax
    je .Lheader_done
    cmpl $HTAG_ENTRY, %eax
    je .Lentry_tag
    cmpl $HTAG_REQUEST, %eax
    je .Lrequest_tag
    cmpl $HTAG_ALIGN, %eax              # modules always start on a page
    je .Lnext_tag
    cmpl $HTAG_CONSOLE, %eax            # there is text, unless a framebuffer is asked for
    je .Lnext_tag
    cmpl $HTAG_FRAMEBUFFER, %eax
    je .Lframebuffer_tag
    cmpl $HTAG_EFI_BS, %eax             # the next four say nothing to a BIOS loader that puts
    jb .Lunknown_tag                    # segments where p_paddr says
    cmpl $HTAG_RELOCATABLE, %eax
    jbe .Lnext_tag
.Lunknown_tag:
    testb $HTAG_OPTIONAL, HTAG_flags(%esi)
    jz .Lrefuse_tag
.Lnext_tag:
    movl HTAG_size(%esi), %eax
    addl $7, %eax
    andl $-8, %eax
    addl %eax, %esi
    jmp .Ltag
.Lheader_done:
    ret

.Lentry_tag:
    cmpl $HTAG_value + 4, HTAG_size(%esi)
    jb .Lbad_header
    movl HTAG_value(%esi), %eax
    movl %eax, entry_tag_address
    movb $1, entry_tag_present
    jmp .Lnext_tag

.Lframebuffer_tag:
    cmpl $HTAG_FRAMEBUFFER_SIZE, HTAG_size(%esi)
    jb .Lbad_header
    movl HTAG_width(%esi), %eax
    movl %eax, video_width
    movl HTAG_height(%esi), %eax
    movl %eax, video_height
    movl HTAG_depth(%esi), %eax
    movl %eax, video_depth
    movb HTAG_flags(%esi), %al
    andb $HTAG_OPTIONAL, %al
    movb %al, video_optional
    movb $1, video_wanted
    jmp .Lnext_tag

# Every kind of information that the kernel cannot do without must be one that we give.
.Lrequest_tag:
    testb $HTAG_OPTIONAL, HTAG_flags(%esi)
    jnz .Lnext_tag
    movl HTAG_size(%esi), %ecx
    subl $HTAG_value, %ecx
    shrl $2, %ecx
    leal HTAG_value(%esi), %edx
.Lrequest:
    jecxz .Lnext_tag
    movl (%edx), %eax
    cmpl $31, %eax
    ja .Lrefuse_request
    btl %eax, offered_tags              # information.S
    jnc .Lrefuse_request
    addl $4, %edx
    decl %ecx
    jmp .Lrequest

.Lbad_header:
    fatal "kernel-multiboot2-header", "The kernel's Multiboot2 header is malformed (architecture, length or a tag)."
.Lrefuse_tag:
    say "\r\noro: loader=bios header-tag="
    movzwl (%esi), %eax
    call print_decimal
    fatal "kernel-multiboot2-tag", "The kernel's Multiboot2 header demands something that this loader does not do."
.Lrefuse_request:
    say "\r\noro: loader=bios requested-tag="
    call print_decimal
    fatal "kernel-multiboot2-request", "The kernel demands boot information that this loader does not have."

# Enters the kernel in the state of section 3.3: protected mode, flat segments, A20 open,
# interrupts off. Does not return.
.globl multiboot2_enter
multiboot2_enter:
    call network_shutdown
    call a20_enable
    movl entry_address, %ebp
    movl $MB2_BOOT_MAGIC, %eax
    movl $INFO_BASE, %ebx
    jmp *%ebp

# Works out where the kernel is entered and checks it. Changes every register.
.globl multiboot2_find_entry
multiboot2_find_entry:
    movl kernel_path, %eax
    movl %eax, fatal_subject
    movl entry_tag_address, %eax
    cmpb $0, entry_tag_present
    jne .Lhave_entry
    call elf_entry
.Lhave_entry:
    call elf_check_entry
    movl %eax, entry_address
    say "oro: loader=bios entry="
    call print_hex
    say "\r\n"
    movl $0, fatal_subject
    ret

.section .bss, "aw", @nobits
    .balign 4
entry_tag_address:
    .skip 4
entry_address:
    .skip 4                             # where the kernel is entered, physical
entry_tag_present:
    .skip 1

# Multiboot2 (specification 2.0): the kernel's header, the information, and the way in.

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
.set HTAG_END,             0
.set HTAG_REQUEST,         1
.set HTAG_ENTRY,           3
.set HTAG_CONSOLE,         4
.set HTAG_ALIGN,           6
.set HTAG_EFI_BS,          7
.set HTAG_ENTRY_EFI32,     8
.set HTAG_ENTRY_EFI64,     9
.set HTAG_RELOCATABLE,     10

# Tags of the information (sections 3.6.2 onwards).
.set TAG_COMMAND_LINE,     1
.set TAG_LOADER_NAME,      2
.set TAG_MODULE,           3
.set TAG_BASIC_MEMORY,     4
.set TAG_BOOT_DEVICE,      5
.set TAG_MEMORY_MAP,       6
.set TAG_ACPI_OLD,         14
.set TAG_ACPI_NEW,         15
.set NO_SUB_PARTITION,     0xffffffff

.section .text, "ax", @progbits
.code32

# Finds the header in the kernel file and checks that everything it demands is offered here.
# Sets entry_tag. Changes every register.
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
    cmpl $HTAG_CONSOLE, %eax            # the screen is in text mode
    je .Lnext_tag
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
    btl %eax, offered_tags
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

# Reads the modules to pages above the kernel, in the payload's order. ENTRY_sector of each in the
# header's copy in memory becomes its address. Changes every register.
.globl modules_load
modules_load:
    movl kernel_end, %eax
    cmpl $0x100000, %eax
    jae .Lfloor
    movl $0x100000, %eax
.Lfloor:
    movl %eax, modules_floor
    call payload_first
.Lmodule:
    jc .Lmodules_done
    cmpl $ENTRY_KIND_MODULE, ENTRY_kind(%ebx)
    jne .Lnot_a_module
    call entry_string
    movl %esi, fatal_subject
    movl ENTRY_size(%ebx), %ecx
    addl $SECTOR_SIZE - 1, %ecx
    jc .Lmodule_no_room
    andl $-SECTOR_SIZE, %ecx
    movl modules_floor, %eax
    call memory_find_low
    jc .Lmodule_no_room
    movl %eax, %edi
    pushl %eax
    addl %ecx, %eax
    movl %eax, modules_floor
    call entry_read
    popl ENTRY_sector(%ebx)
.Lnot_a_module:
    call payload_next
    jmp .Lmodule
.Lmodules_done:
    movl $0, fatal_subject
    ret
.Lmodule_no_room:
    fatal "memory-module", "There is no usable memory for this module."

# Builds the information at INFO_BASE. It fits: it is at most as long as the payload header (32 KiB,
# of which every tag made from an entry and its string takes no more than they do), the memory
# map (3 KiB) and some fixed tags. Changes every register.
.globl multiboot2_build
multiboot2_build:
    movl $INFO_BASE + 8, %edi           # after total_size and a reserved zero

    movl kernel_entry, %ebx
    movl $TAG_COMMAND_LINE, %eax
    xorl %edx, %edx
    call entry_string
    call tag_string

    movl $TAG_LOADER_NAME, %eax
    xorl %edx, %edx
    movl $.Lloader_name, %esi
    call tag_string

    call payload_first
.Lmodule_tag:
    jc .Lmodule_tags_done
    cmpl $ENTRY_KIND_MODULE, ENTRY_kind(%ebx)
    jne .Lskip_tag
    movl ENTRY_sector(%ebx), %eax       # its address by now
    movl %eax, 8(%edi)
    addl ENTRY_size(%ebx), %eax
    movl %eax, 12(%edi)
    movl $TAG_MODULE, %eax
    movl $8, %edx
    call entry_string
    call tag_string
.Lskip_tag:
    call payload_next
    jmp .Lmodule_tag
.Lmodule_tags_done:

    movl $TAG_BASIC_MEMORY, (%edi)
    movl $16, 4(%edi)
    movl memory_lower_kib, %eax
    movl %eax, 8(%edi)
    movl memory_upper_kib, %eax
    movl %eax, 12(%edi)
    addl $16, %edi

    movl $TAG_BOOT_DEVICE, (%edi)
    movl $20, 4(%edi)
    movzbl boot_drive, %eax
    movl %eax, 8(%edi)
    movl $0, 12(%edi)                   # the first partition
    movl $NO_SUB_PARTITION, 16(%edi)
    movl $0, 20(%edi)                   # padding
    addl $24, %edi

    movl $TAG_MEMORY_MAP, (%edi)
    movl memory_map_size, %ecx
    leal 16(%ecx), %eax
    movl %eax, 4(%edi)
    movl $MAP_ENTRY_SIZE, 8(%edi)
    movl $0, 12(%edi)                   # entry_version
    addl $16, %edi
    movl $memory_map, %esi
    rep movsb                           # entries are 24 bytes: still 8-byte aligned

    call acpi_find_rsdp
    jc .Lno_rsdp
    movl $TAG_ACPI_OLD, %eax
    movl $RSDP_V1_SIZE, %ecx
    call tag_bytes
    cmpb $2, RSDP_revision(%esi)
    jb .Lno_rsdp
    movl $TAG_ACPI_NEW, %eax
    movl RSDP_length(%esi), %ecx
    call tag_bytes
.Lno_rsdp:

    movl $0, (%edi)                     # the end tag
    movl $8, 4(%edi)
    addl $8 - INFO_BASE, %edi
    movl %edi, INFO_BASE
    movl $0, INFO_BASE + 4
    ret

# Appends a tag made of a fixed part and a string. In: %edi where, %eax its type, %edx the bytes of
# the fixed part (already written after type and size), %esi the string.
# Out: %edi after it, aligned. Changes %eax, %ecx, %edx, %esi.
tag_string:
    movl %eax, (%edi)
    pushl %edi
    leal 8(%edi, %edx), %edi
.Lstring_byte:
    lodsb
    stosb
    testb %al, %al
    jnz .Lstring_byte
    popl %edx
    jmp tag_finish

# Appends a tag of %ecx bytes copied from %esi; %eax its type. Out: %edi after it, aligned.
# Changes %eax, %ecx, %edx.
tag_bytes:
    movl %eax, (%edi)
    pushl %esi
    movl %edi, %edx
    addl $8, %edi
    rep movsb
    popl %esi

# In: %edx a tag's start, %edi its end. Writes its size and pads with zeros to 8 bytes.
tag_finish:
    movl %edi, %ecx
    subl %edx, %ecx
    movl %ecx, 4(%edx)
    xorl %eax, %eax
.Lpad:
    testl $7, %edi
    jz .Lpadded
    stosb
    jmp .Lpad
.Lpadded:
    ret

# Enters the kernel in the state of section 3.3: protected mode, flat segments, A20 open,
# interrupts off.
.globl multiboot2_enter
multiboot2_enter:
    movl $.Lkernel_subject, fatal_subject
    movl entry_tag_address, %eax
    cmpb $0, entry_tag_present
    jne .Lhave_entry
    call elf_entry
.Lhave_entry:
    call elf_check_entry
    movl %eax, %ebp
    say "oro: loader=bios entry="
    call print_hex
    say "\r\n"
    call a20_enable
    movl $MB2_BOOT_MAGIC, %eax
    movl $INFO_BASE, %ebx
    jmp *%ebp

.section .rodata, "a", @progbits
.Lloader_name:
    .asciz "orobuild"
.Lkernel_subject:
    .asciz "kernel"
    .balign 4
# Bit n: information tag n is one that multiboot2_build gives.
.set OFFERED_STRINGS,      1 << TAG_COMMAND_LINE | 1 << TAG_LOADER_NAME | 1 << TAG_MODULE
.set OFFERED_MEMORY,       1 << TAG_BASIC_MEMORY | 1 << TAG_MEMORY_MAP
.set OFFERED_MACHINE,      1 << TAG_BOOT_DEVICE | 1 << TAG_ACPI_OLD | 1 << TAG_ACPI_NEW
offered_tags:
    .long OFFERED_STRINGS | OFFERED_MEMORY | OFFERED_MACHINE

.section .bss, "aw", @nobits
    .balign 4
entry_tag_address:
    .skip 4
modules_floor:
    .skip 4
entry_tag_present:
    .skip 1

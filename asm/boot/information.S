# Multiboot2 information (specification 2.0, section 3.6): tag after tag, as things become known.

.include "boot.inc"

.set TAG_END,              0
.set TAG_COMMAND_LINE,     1
.set TAG_LOADER_NAME,      2
.set TAG_MODULE,           3
.set TAG_BASIC_MEMORY,     4
.set TAG_BOOT_DEVICE,      5
.set TAG_MEMORY_MAP,       6
.set TAG_VBE,              7
.set TAG_FRAMEBUFFER,      8
.set TAG_ELF_SECTIONS,     9
.set TAG_SMBIOS,           13
.set TAG_ACPI_OLD,         14
.set TAG_ACPI_NEW,         15
.set TAG_LOAD_BASE,        21
.set TAG_VALUE,            8            # after type and size
.set NO_PARTITION,         0xffffffff
.set MODULES_FLOOR,        0x100000

.section .text, "ax", @progbits
.code32

# Begins: what BOOT.CFG says of the entry. Changes every register.
.globl information_begin
information_begin:
    movl $INFO_BASE + 8, information_next   # after total_size and a reserved zero
    movl chosen_entry, %eax
    call entry_find
    call entry_next_command_line
    jnc .Lhave_command_line
    movl $.Lno_words, %esi
.Lhave_command_line:
    movl $TAG_COMMAND_LINE, %eax
    xorl %edx, %edx
    call tag_string
    movl $TAG_LOADER_NAME, %eax
    xorl %edx, %edx
    movl $.Lloader_name, %esi
    jmp tag_string

# Reads the entry's modules to pages above the kernel, in BOOT.CFG's order, and makes a tag of each.
# Changes every register.
.globl modules_load
modules_load:
    movl kernel_end, %eax
    cmpl $MODULES_FLOOR, %eax
    jae .Lfloor
    movl $MODULES_FLOOR, %eax
.Lfloor:
    movl %eax, modules_floor
    movl chosen_entry, %eax
    call entry_find
.Lmodule:
    call entry_next_module
    jc .Lmodules_done
    call reference_parse
    movl %esi, %ebp                     # the module's string
    call reference_find
    addl $SECTOR_SIZE - 1, %ecx
    jc .Lmodule_no_room
    andl $-SECTOR_SIZE, %ecx
    movl modules_floor, %eax
    call memory_find_low
    jc .Lmodule_no_room
    movl %eax, %edi
    addl %ecx, %eax
    movl %eax, modules_floor
    call reference_read
    movl %edi, %ebx
    movl %ebp, %esi
    movl $TAG_MODULE, %eax
    movl $8, %edx
    call tag_string
    movl %ebx, TAG_VALUE(%edi)
    addl reference_size, %ebx
    movl %ebx, TAG_VALUE + 4(%edi)
    movl %ebp, %esi
    jmp .Lmodule
.Lmodules_done:
    movl $0, fatal_subject
    ret
.Lmodule_no_room:
    fatal "memory-module", "There is no usable memory for this module."

# Adds what the machine says, works out the entry, and sets the video mode. Changes every register.
.globl information_finish
information_finish:
    movl $TAG_BASIC_MEMORY, %eax
    movl $16, %ecx
    call tag_new
    movl memory_lower_kib, %eax
    movl %eax, TAG_VALUE(%edi)
    movl memory_upper_kib, %eax
    movl %eax, TAG_VALUE + 4(%edi)

    cmpb $MEDIUM_NETWORK, boot_medium
    je .Lno_boot_device
    movl $TAG_BOOT_DEVICE, %eax
    movl $20, %ecx
    call tag_new
    movzbl boot_drive, %eax
    movl %eax, TAG_VALUE(%edi)
    movl $NO_PARTITION, TAG_VALUE + 4(%edi)
    movl $NO_PARTITION, TAG_VALUE + 8(%edi)
.Lno_boot_device:

    movl $TAG_MEMORY_MAP, %eax
    movl memory_map_size, %ecx
    addl $TAG_VALUE + 8, %ecx
    call tag_new
    movl $MAP_ENTRY_SIZE, TAG_VALUE(%edi)
    addl $TAG_VALUE + 8, %edi           # entry_version stays 0
    movl $memory_map, %esi
    movl memory_map_size, %ecx
    rep movsb

    call tag_elf_sections
    call smbios_find
    jc .Lno_smbios
    movl %ecx, %edx
    addl $TAG_VALUE + 8, %ecx
    movl $TAG_SMBIOS, %eax
    call tag_new
    movw %bx, TAG_VALUE(%edi)           # version: major, minor; then six reserved bytes
    addl $TAG_VALUE + 8, %edi
    movl %edx, %ecx
    rep movsb
.Lno_smbios:
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
    movl $TAG_LOAD_BASE, %eax
    movl $TAG_VALUE + 4, %ecx
    call tag_new
    movl kernel_start, %eax
    movl %eax, TAG_VALUE(%edi)

    call multiboot2_find_entry
    call video_set                      # the last thing that can fail: messages need a text mode
    call tag_video

    movl $TAG_END, %eax
    movl $TAG_VALUE, %ecx
    call tag_new
    movl information_next, %edi
    subl $INFO_BASE, %edi
    movl %edi, INFO_BASE
    movl $0, INFO_BASE + 4
    ret

# The kernel's section headers; sections that are no part of its segments (symbols, strings, debug
# information) are where its file was read to. Left out where the file has none. Changes every
# register.
tag_elf_sections:
    call elf_sections
    jc .Lno_elf_sections
    movl %eax, %ebp
    movl %ecx, %ebx                     # how many
    imull %edx, %ecx
    addl $TAG_VALUE + 12, %ecx
    call tag_room
    jc .Lno_elf_sections                # nothing that a kernel could not start without
    movl $TAG_ELF_SECTIONS, %eax
    call tag_new
    movl %ebx, TAG_VALUE(%edi)
    movl %edx, TAG_VALUE + 4(%edi)
    movl %ebp, TAG_VALUE + 8(%edi)
    movl %ebx, %ebp
    leal TAG_VALUE + 12(%edi), %ebx
    subl $TAG_VALUE + 12, %ecx
    movl %ebx, %edi
    rep movsb
.Lsection:
    call elf_section_place
    addl section_header_size, %ebx
    decl %ebp
    jnz .Lsection
.Lno_elf_sections:
    ret

# The screen, as video_set left it. Changes every register.
tag_video:
    cmpb $0, video_is_set
    je .Lframebuffer
    movl $TAG_VBE, %eax
    movl $video_vbe_tag, %esi
    movl video_vbe_size, %ecx
    call tag_bytes
.Lframebuffer:
    movl $TAG_FRAMEBUFFER, %eax
    movl $video_framebuffer_tag, %esi
    movl video_framebuffer_size, %ecx
    jmp tag_bytes

# In: %ecx a tag's size in bytes. Out: CF set if there is no room for it and the end tag.
tag_room:
    pushl %ecx
    addl information_next, %ecx
    cmpl $INFO_END - 16, %ecx           # CF set if it ends below
    cmc
    popl %ecx
    ret

# Begins a tag. In: %eax its type, %ecx its size in bytes, type and size included.
# Out: %edi its start; all behind the size is 0. Stops if there is no room.
tag_new:
    call tag_room
    jc .Linformation_too_large
    pushl %eax
    pushl %ecx
    movl information_next, %edi
    pushl %edi
    addl $7, %ecx
    andl $-8, %ecx
    xorl %eax, %eax
    rep stosb
    movl %edi, information_next
    popl %edi
    popl %ecx
    popl %eax
    movl %eax, (%edi)
    movl %ecx, 4(%edi)
    ret
.Linformation_too_large:
    fatal "information-too-large", "Command line and module strings are too long for the boot information."

# Appends a tag made of a fixed part and a string. In: %eax its type, %edx the bytes of the fixed
# part, %esi the string. Out: %edi the tag; the fixed part is 0. Changes %eax, %ecx, %esi.
tag_string:
    xorl %ecx, %ecx
.Lstring_length:
    incl %ecx
    cmpb $0, -1(%esi, %ecx)
    jne .Lstring_length
    pushl %ecx
    leal TAG_VALUE(%edx, %ecx), %ecx
    call tag_new
    popl %ecx
    pushl %edi
    leal TAG_VALUE(%edi, %edx), %edi
    rep movsb
    popl %edi
    ret

# Appends a tag of %ecx bytes copied from %esi; %eax its type. Changes %eax, %ecx, %edi.
tag_bytes:
    pushl %ecx
    addl $TAG_VALUE, %ecx
    call tag_new
    popl %ecx
    addl $TAG_VALUE, %edi
    pushl %esi
    rep movsb
    popl %esi
    ret

.section .rodata, "a", @progbits
.Lloader_name:
    .asciz "orobuild"
.Lno_words:
    .asciz ""
    .balign 4
# Bit n: information tag n is one that is given here.
.set OFFERED_STRINGS,      1 << TAG_COMMAND_LINE | 1 << TAG_LOADER_NAME | 1 << TAG_MODULE
.set OFFERED_MEMORY,       1 << TAG_BASIC_MEMORY | 1 << TAG_MEMORY_MAP | 1 << TAG_LOAD_BASE
.set OFFERED_MACHINE,      1 << TAG_BOOT_DEVICE | 1 << TAG_ACPI_OLD | 1 << TAG_ACPI_NEW
.set OFFERED_SCREEN,       1 << TAG_FRAMEBUFFER | 1 << TAG_SMBIOS | 1 << TAG_ELF_SECTIONS
.globl offered_tags
offered_tags:
    .long OFFERED_STRINGS | OFFERED_MEMORY | OFFERED_MACHINE | OFFERED_SCREEN

.section .bss, "aw", @nobits
    .balign 4
information_next:
    .skip 4                             # where the next tag goes
modules_floor:
    .skip 4

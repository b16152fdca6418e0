# Enters a kernel of the first Multiboot (specification 0.6.96): makes its boot information of
# Multiboot2's. Strings, section headers and VBE's blocks stay where they are.

.include "entry.inc"

.set MB1_BOOT_MAGIC,       0x2badb002

# The information (section 3.3), and what lies behind it.
.set INFO_flags,           0
.set INFO_mem_lower,       4
.set INFO_mem_upper,       8
.set INFO_boot_device,     12
.set INFO_cmdline,         16
.set INFO_mods_count,      20
.set INFO_mods_addr,       24
.set INFO_shdr_num,        28
.set INFO_shdr_size,       32
.set INFO_shdr_addr,       36
.set INFO_shdr_shndx,      40
.set INFO_mmap_length,     44
.set INFO_mmap_addr,       48
.set INFO_loader_name,     64
.set INFO_vbe_control,     72
.set INFO_vbe_mode_info,   76
.set INFO_vbe_mode,        80
.set INFO_vbe_interface,   82
.set INFO_framebuffer,     88
.set INFO_colours,         110
.set INFO_SIZE,            128
.set MODULES_MAX,          256
.set MODULE_SIZE,          16           # start, end, string, zero
.set MAP_MAX,              680
.set MAP_ENTRY_SIZE,       24           # size (20), base, length, type
.set MODULES,              INFO_SIZE
.set MAP,                  MODULES + MODULES_MAX * MODULE_SIZE
.set MEMORY_SIZE,          MAP + MAP_MAX * MAP_ENTRY_SIZE

.set HAS_MEMORY,           1 << 0
.set HAS_BOOT_DEVICE,      1 << 1
.set HAS_COMMAND_LINE,     1 << 2
.set HAS_MODULES,          1 << 3
.set HAS_SECTIONS,         1 << 5
.set HAS_MAP,              1 << 6
.set HAS_LOADER_NAME,      1 << 9
.set HAS_VBE,              1 << 11
.set HAS_FRAMEBUFFER,      1 << 12

entry_head 0x4d6f726f, MEMORY_SIZE      # "oroM"

# %esi the tag, %edi the information, %ebx what it holds (its flags). There is no stack.
entry_begin:
    movl entry_memory - entry_base(%ebp), %edi
    leal 8(%ebx), %esi
    xorl %ebx, %ebx
.Ltag:
    movl (%esi), %eax
    cmpl $9, %eax
    ja .Lnext
    movl tag_table - entry_base(%ebp, %eax, 4), %eax
    addl %ebp, %eax
    jmp *%eax
.Lnext:
    movl 4(%esi), %eax
    addl $7, %eax
    andl $-8, %eax
    addl %eax, %esi
    jmp .Ltag

.Lend:
    movl %ebx, INFO_flags(%edi)
    movl %edi, %ebx
    movl entry_kernel - entry_base(%ebp), %ecx
    movl $MB1_BOOT_MAGIC, %eax
    jmp *%ecx

.Lcommand_line:
    leal 8(%esi), %eax
    movl %eax, INFO_cmdline(%edi)
    orl $HAS_COMMAND_LINE, %ebx
    jmp .Lnext

.Lloader_name:
    leal 8(%esi), %eax
    movl %eax, INFO_loader_name(%edi)
    orl $HAS_LOADER_NAME, %ebx
    jmp .Lnext

.Lmodule:
    movl INFO_mods_count(%edi), %ecx
    cmpl $MODULES_MAX, %ecx
    jae .Ltoo_many
    incl INFO_mods_count(%edi)
    shll $4, %ecx                       # MODULE_SIZE
    leal MODULES(%edi, %ecx), %edx
    movl 8(%esi), %eax
    movl %eax, (%edx)
    movl 12(%esi), %eax
    movl %eax, 4(%edx)
    leal 16(%esi), %eax
    movl %eax, 8(%edx)
    leal MODULES(%edi), %eax
    movl %eax, INFO_mods_addr(%edi)
    orl $HAS_MODULES, %ebx
    jmp .Lnext

.Lmemory:
    movl 8(%esi), %eax
    movl %eax, INFO_mem_lower(%edi)
    movl 12(%esi), %eax
    movl %eax, INFO_mem_upper(%edi)
    orl $HAS_MEMORY, %ebx
    jmp .Lnext

.Lboot_device:
    movl 8(%esi), %eax
    shll $24, %eax
    orl $0xffffff, %eax                 # no partition
    movl %eax, INFO_boot_device(%edi)
    orl $HAS_BOOT_DEVICE, %ebx
    jmp .Lnext

# Entries that do not fit are left out: the map is sorted in practice, and they are its end.
.Lmap:
    movl 4(%esi), %ecx
    addl %esi, %ecx                     # the tag's end
    leal 16(%esi), %edx
    leal MAP(%edi), %eax
    movl %eax, INFO_mmap_addr(%edi)
    orl $HAS_MAP, %ebx
.Lmap_entry:
    cmpl %ecx, %edx
    jae .Lnext
    cmpl $MAP_MAX * MAP_ENTRY_SIZE, INFO_mmap_length(%edi)
    jae .Lnext
    movl INFO_mmap_length(%edi), %eax
    addl $MAP_ENTRY_SIZE, INFO_mmap_length(%edi)
    movl $MAP_ENTRY_SIZE - 4, MAP(%edi, %eax)
.set field, 0
.rept 5                                 # base, length, type: %esp is free where there is no stack
    movl field(%edx), %esp
    movl %esp, MAP + 4 + field(%edi, %eax)
.set field, field + 4
.endr
    addl 8(%esi), %edx                  # the size of an entry
    jmp .Lmap_entry

.Lvbe:
    leal 16(%esi), %eax
    movl %eax, INFO_vbe_control(%edi)
    addl $512, %eax
    movl %eax, INFO_vbe_mode_info(%edi)
    movl 8(%esi), %eax                  # mode and interface segment
    movl %eax, INFO_vbe_mode(%edi)
    movl 12(%esi), %eax                 # interface offset and length
    movl %eax, INFO_vbe_interface + 2(%edi)
    orl $HAS_VBE, %ebx
    jmp .Lnext

.Lframebuffer:
.set field, 0
.rept 5                                 # address, pitch, width, height
    movl 8 + field(%esi), %eax
    movl %eax, INFO_framebuffer + field(%edi)
.set field, field + 4
.endr
    movw 28(%esi), %ax                  # bits, kind
    movw %ax, INFO_framebuffer + 20(%edi)
    orl $HAS_FRAMEBUFFER, %ebx
    cmpl $38, 4(%esi)                   # without colours it is a text screen
    jb .Lnext
    movl 32(%esi), %eax
    movl %eax, INFO_colours(%edi)
    movw 36(%esi), %ax
    movw %ax, INFO_colours + 4(%edi)
    jmp .Lnext

.Lsections:
    movl 8(%esi), %eax
    movl %eax, INFO_shdr_num(%edi)
    movl 12(%esi), %eax
    movl %eax, INFO_shdr_size(%edi)
    movl 16(%esi), %eax
    movl %eax, INFO_shdr_shndx(%edi)
    leal 20(%esi), %eax
    movl %eax, INFO_shdr_addr(%edi)
    orl $HAS_SECTIONS, %ebx
    jmp .Lnext

.Ltoo_many:
    entry_fatal "too-many-modules", "There are more modules than fit in the kernel's boot information (256)."

    .balign 4
tag_table:                              # by the tag's type
    .long .Lend - entry_base, .Lcommand_line - entry_base, .Lloader_name - entry_base
    .long .Lmodule - entry_base, .Lmemory - entry_base, .Lboot_device - entry_base
    .long .Lmap - entry_base, .Lvbe - entry_base, .Lframebuffer - entry_base
    .long .Lsections - entry_base

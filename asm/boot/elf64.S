# The kernel file: read to the top of memory, checked, and its segments copied to p_paddr.
#
# Structures: System V gABI, ELF Header and Program Header. Nothing in the file is believed before
# it has been compared with the file's size and the machine's memory. Of an ELF32 file, elf32.S
# makes headers in the form of ELF64, and all that is here works on them.

.include "boot.inc"
.include "elf.inc"

.section .text, "ax", @progbits
.code32

# Finds the chosen entry's kernel, reads it, checks it, and puts its segments where they belong.
# Changes every register.
.globl kernel_load
kernel_load:
    movl chosen_entry, %eax
    call entry_find
    call entry_next_kernel              # config_check saw one
    call reference_parse
    call reference_find
    movl %ecx, kernel_size
    addl $SECTOR_SIZE - 1, %ecx
    jc .Lno_memory
    andl $-SECTOR_SIZE, %ecx
    call memory_find_high
    jc .Lno_memory
    movl %eax, kernel_file
    addl %eax, %ecx
    movl %ecx, kernel_file_end
    say "oro: loader=bios kernel-bytes="
    movl kernel_size, %eax
    call print_decimal
    say "\r\n"
    movl kernel_file, %edi
    call reference_read
    call elf_check
    call multiboot2_find_header
    call segments_load
    movl kernel_file, %eax              # its symbols are the kernel's to read: keep modules away
    movl kernel_file_end, %edx
    movl %eax, memory_taken_start
    movl %edx, memory_taken_end
    movl reference_path, %eax
    movl %eax, kernel_path
    movl $0, fatal_subject
    ret
.Lno_memory:
    fatal "memory-kernel-file", "There is no usable memory to hold the kernel file."

# Checks the ELF header and that the program header table is inside the file.
# Changes %eax, %ecx, %edx, %esi.
elf_check:
    movl kernel_file, %esi
    cmpl $EHDR_SIZE, kernel_size
    jb .Lnot_elf
    cmpl $ELF_MAGIC, (%esi)
    jne .Lnot_elf
    cmpb $ELFDATA2LSB, EHDR_data(%esi)
    jne .Lwrong_class
    movl $SHDR_SIZE, section_header_size
    cmpb $ELFCLASS32, EHDR_class(%esi)
    je .Lelf32
    cmpb $ELFCLASS64, EHDR_class(%esi)
    jne .Lwrong_class
    movl %esi, file_header
    cmpw $EM_X86_64, EHDR_machine(%esi)
    jne .Lwrong_machine
    cmpw $ET_EXEC, EHDR_type(%esi)
    jne .Lwrong_type
    cmpw $PHDR_SIZE, EHDR_phentsize(%esi)
    jne .Lbad_table
    cmpl $0, EHDR_phoff + 4(%esi)
    jne .Lbad_table
    movzwl EHDR_phnum(%esi), %ecx
    jecxz .Lbad_table
    imull $PHDR_SIZE, %ecx, %eax        # at most 65535 * 56: no overflow
    movl EHDR_phoff(%esi), %edx
    addl %edx, %eax
    jc .Lbad_table
    cmpl kernel_size, %eax
    ja .Lbad_table
    addl %esi, %edx
    movl %edx, program_headers
    movl %ecx, program_header_count
    ret
.Lelf32:
    cmpw $EM_386, EHDR_machine(%esi)
    jne .Lwrong_machine
    cmpw $ET_EXEC, EHDR_type(%esi)
    jne .Lwrong_type
    call elf32_widen
    jc .Lbad_table
    ret
.Lnot_elf:
    fatal "kernel-not-elf", "The kernel is not an ELF file."
.Lwrong_class:
    fatal "kernel-elf-class", "The kernel is not a little-endian ELF64 or ELF32 file."
.Lwrong_machine:
    fatal "kernel-elf-machine", "The kernel is not made for x86 (e_machine is not 62, or 3 in ELF32)."
.Lwrong_type:
    fatal "kernel-elf-type", "The kernel is not an executable (e_type is not ET_EXEC)."
.Lbad_table:
    fatal "kernel-elf-segments", "The kernel's program header table is missing, too long or outside the file."

# Out: %ebx the first PT_LOAD program header that occupies memory; CF set if there is none.
segment_first:
    movl program_header_count, %ebx
    movl %ebx, headers_left
    movl program_headers, %ebx
    jmp segment_counted

# In: %ebx a program header. Out: %ebx the next PT_LOAD that occupies memory; CF set if none.
segment_next:
    addl $PHDR_SIZE, %ebx
segment_counted:
    subl $1, headers_left               # CF set when it was 0
    jc .Lsegment_end
    cmpl $PT_LOAD, PHDR_type(%ebx)
    jne segment_next
    cmpl $0, PHDR_memsz + 4(%ebx)
    jne .Lsegment_found
    cmpl $0, PHDR_memsz(%ebx)
    je segment_next
.Lsegment_found:
    clc
.Lsegment_end:
    ret

# In: %ebx a program header with 32-bit addresses (segment_check). Out: %eax the first physical
# address, %edx the one after the last.
segment_range:
    movl PHDR_paddr(%ebx), %eax
    movl %eax, %edx
    addl PHDR_memsz(%ebx), %edx
    ret

# Checks all segments, then copies them and clears what the file does not fill.
# Sets kernel_end. Changes every register.
segments_load:
    call segment_first
    jc .Lno_segments
.Lcheck_one:
    call segment_check
    call segment_next
    jnc .Lcheck_one
    call segments_check_apart

    call segment_first
.Lcopy_one:
    movl PHDR_paddr(%ebx), %edi
    movl PHDR_offset(%ebx), %esi
    addl kernel_file, %esi
    movl PHDR_filesz(%ebx), %ecx
    rep movsb
    movl PHDR_memsz(%ebx), %ecx
    subl PHDR_filesz(%ebx), %ecx
    xorl %eax, %eax
    rep stosb
    cmpl kernel_end, %edi
    jbe .Lnot_last
    movl %edi, kernel_end
.Lnot_last:
    movl PHDR_paddr(%ebx), %eax
    decl %eax                           # so that the 0 at first is the highest
    movl kernel_start, %ecx
    decl %ecx
    cmpl %ecx, %eax
    jae .Lnot_first
    incl %eax
    movl %eax, kernel_start
.Lnot_first:
    call segment_next
    jnc .Lcopy_one
    ret
.Lno_segments:
    fatal "kernel-elf-segments", "The kernel has no PT_LOAD segment."

# In: %ebx a program header. Stops unless it is inside the file, 32-bit, in usable memory, and
# away from the loader and the file itself. Changes %eax, %edx.
segment_check:
    movl PHDR_offset + 4(%ebx), %eax
    orl PHDR_filesz + 4(%ebx), %eax
    jnz .Loutside_file
    movl PHDR_offset(%ebx), %eax
    addl PHDR_filesz(%ebx), %eax
    jc .Loutside_file
    cmpl kernel_size, %eax
    ja .Loutside_file
    movl PHDR_paddr + 4(%ebx), %eax
    orl PHDR_memsz + 4(%ebx), %eax
    jnz .Labove_4gib
    movl PHDR_filesz(%ebx), %eax
    cmpl PHDR_memsz(%ebx), %eax
    ja .Loutside_file
    movl PHDR_paddr(%ebx), %eax
    addl PHDR_memsz(%ebx), %eax
    jc .Labove_4gib
    call segment_range
    cmpl $LOADER_END, %eax
    jb .Lover_loader
    call memory_is_usable
    jc .Lnot_usable
    cmpl kernel_file_end, %eax
    jae .Lsegment_good
    cmpl kernel_file, %edx
    ja .Lover_file
.Lsegment_good:
    ret
.Loutside_file:
    call print_segment
    fatal "kernel-segment-file", "A segment of the kernel is outside its file, or larger there than in memory."
.Labove_4gib:
    call print_segment
    fatal "kernel-segment-address", "A segment of the kernel is not below 4 GiB physical."
.Lover_loader:
    call print_segment
    fatal "kernel-segment-loader", "A segment of the kernel overlaps the boot loader (below 0x38000)."
.Lnot_usable:
    call print_segment
    fatal "kernel-segment-memory", "A segment of the kernel is not in memory that the BIOS calls usable."
.Lover_file:
    call print_segment
    fatal "memory-small", "There is not enough memory for the kernel file and its segments."

# Names the segment %ebx in the log. Changes %eax.
print_segment:
    say "\r\noro: loader=bios p_paddr="
    movl PHDR_paddr(%ebx), %eax
    call print_hex
    say " p_memsz="
    movl PHDR_memsz(%ebx), %eax
    call print_hex
    ret

# Stops if two segments share a byte of physical memory. Every one has passed segment_check.
# Changes %eax, %ebx, %ecx, %edx, %esi, %edi.
segments_check_apart:
    call segment_first
.Louter:
    call segment_range
    movl %eax, %esi
    movl %edx, %edi
    pushl %ebx
    pushl headers_left
.Linner:
    call segment_next
    jc .Linner_end
    call segment_range
    cmpl %edi, %eax
    jae .Linner
    cmpl %esi, %edx
    ja .Loverlap
    jmp .Linner
.Linner_end:
    popl headers_left
    popl %ebx
    call segment_next
    jnc .Louter
    ret
.Loverlap:
    call print_segment
    fatal "kernel-segment-overlap", "Two segments of the kernel overlap in physical memory."

# In: %eax an address, physical. Stops unless an executable segment's file contents are there.
# Changes %ebx, %ecx, %edx.
.globl elf_check_entry
elf_check_entry:
    call segment_first
.Lentry_in_segment:
    jc .Lentry_nowhere
    movl %eax, %ecx
    subl PHDR_paddr(%ebx), %ecx
    jb .Lentry_not_here
    cmpl PHDR_filesz(%ebx), %ecx
    jae .Lentry_not_here
    testb $PF_X, PHDR_flags(%ebx)
    jz .Lentry_not_executable
    ret
.Lentry_not_here:
    call segment_next
    jmp .Lentry_in_segment
.Lentry_nowhere:
    call print_entry
    fatal "kernel-entry", "The kernel's entry point is in none of its segments."
.Lentry_not_executable:
    call print_entry
    fatal "kernel-entry-not-executable", "The kernel's entry point is in a segment without execute permission (PF_X)."

# Names the entry point %eax in the log.
print_entry:
    say "\r\noro: loader=bios entry="
    jmp print_hex

# Out: %eax the physical address of e_entry: through p_vaddr if it is an address in a segment,
# as it is if not. Changes %ebx, %ecx, %edx, %esi.
.globl elf_entry
elf_entry:
    movl file_header, %esi
    call segment_first
.Lvirtual_in_segment:
    jc .Lentry_is_physical
    movl EHDR_entry(%esi), %eax
    movl EHDR_entry + 4(%esi), %edx
    subl PHDR_vaddr(%ebx), %eax
    sbbl PHDR_vaddr + 4(%ebx), %edx
    jnz .Lvirtual_not_here              # before it (borrow) or more than 4 GiB after it
    cmpl PHDR_memsz(%ebx), %eax
    jae .Lvirtual_not_here
    addl PHDR_paddr(%ebx), %eax
    ret
.Lvirtual_not_here:
    call segment_next
    jmp .Lvirtual_in_segment
.Lentry_is_physical:
    movl EHDR_entry(%esi), %eax
    cmpl $0, EHDR_entry + 4(%esi)
    jne .Lentry_nowhere
    ret

# Out: %esi the section header table, %ecx the number of sections, %edx the size of a header, %eax
# the index of the section with their names; CF set if the file has none that can be used.
# Changes %ebx.
.globl elf_sections
elf_sections:
    movl file_header, %ebx
    movl section_header_size, %edx
    cmpw %dx, EHDR_shentsize(%ebx)
    jne .Lno_sections
    cmpl $0, EHDR_shoff + 4(%ebx)
    jne .Lno_sections
    movzwl EHDR_shnum(%ebx), %ecx
    jecxz .Lno_sections
    movl %ecx, %esi
    imull %edx, %esi                    # at most 65535 * 64: no overflow
    addl EHDR_shoff(%ebx), %esi
    jc .Lno_sections
    cmpl kernel_size, %esi
    ja .Lno_sections
    movzwl EHDR_shstrndx(%ebx), %eax
    movl EHDR_shoff(%ebx), %esi
    addl kernel_file, %esi
    clc
    ret
.Lno_sections:
    stc
    ret

# Gives a section that is in the file but not in memory the address of its copy in kernel_file.
# In: %ebx a section header that may be changed. Changes %eax, %edx.
.globl elf_section_place
elf_section_place:
    cmpl $SHDR_SIZE, section_header_size
    jne elf32_section_place
    movl SHDR_addr(%ebx), %eax
    orl SHDR_addr + 4(%ebx), %eax
    jnz .Lsection_placed
    testb $SHF_ALLOC, SHDR_flags(%ebx)
    jnz .Lsection_placed
    cmpl $SHT_NOBITS, SHDR_type(%ebx)
    je .Lsection_placed
    movl SHDR_offset + 4(%ebx), %eax
    orl SHDR_size + 4(%ebx), %eax
    jnz .Lsection_placed
    movl SHDR_offset(%ebx), %eax
    movl SHDR_size(%ebx), %edx
    call elf_file_part
    jc .Lsection_placed
    movl %eax, SHDR_addr(%ebx)
.Lsection_placed:
    ret

# In: %eax an offset in the kernel's file, %edx a number of bytes from there. Out: %eax where they
# are in memory; CF set if they are none or not all in the file. Changes %edx.
.globl elf_file_part
elf_file_part:
    subl $1, %edx
    jb .Lno_part
    addl %eax, %edx
    jc .Lno_part
    cmpl kernel_size, %edx
    jae .Lno_part
    addl kernel_file, %eax
    clc
    ret
.Lno_part:
    stc
    ret

.section .bss, "aw", @nobits
    .balign 4
.globl kernel_path
kernel_path:
    .skip 4                             # as BOOT.CFG has it, for messages
.globl kernel_file
kernel_file:
    .skip 4                             # where its file is in memory
kernel_file_end:
    .skip 4
.globl file_header
file_header:
    .skip 4                             # an ELF64 header: the file's, or what elf32.S made of it
.globl section_header_size
section_header_size:
    .skip 4
.globl kernel_size
kernel_size:
    .skip 4
.globl kernel_start
kernel_start:
    .skip 4                             # the first byte of any segment
.globl kernel_end
kernel_end:
    .skip 4                             # after the last byte of any segment
.globl program_headers
program_headers:
    .skip 4
.globl program_header_count
program_header_count:
    .skip 4
headers_left:
    .skip 4

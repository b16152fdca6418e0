# ELF32 kernels: their headers in the form of ELF64, so that elf64.S has one form to check.

.include "boot.inc"
.include "elf.inc"

.set SEGMENTS_MAX,         64

.section .text, "ax", @progbits
.code32

# Makes wide_header and wide_segments of the file's headers. In: %esi the kernel's file, an ELF32
# header. Sets file_header, program_headers, program_header_count and section_header_size. CF set if
# the program header table is missing, too long or outside the file. Changes %eax, %ecx, %edx.
.globl elf32_widen
elf32_widen:
    pushl %edi
    pushl %esi
    cmpw $PHDR32_SIZE, EHDR32_phentsize(%esi)
    jne .Lbad_table
    movzwl EHDR32_phnum(%esi), %ecx
    testl %ecx, %ecx
    jz .Lbad_table
    cmpl $SEGMENTS_MAX, %ecx
    ja .Lbad_table
    movl EHDR32_phoff(%esi), %eax
    movl %ecx, %edx
    shll $5, %edx                       # PHDR32_SIZE
    call elf_file_part
    jc .Lbad_table

    movl $wide_header, %edi             # .bss: what is not written is 0
    movl %edi, file_header
    movl $wide_segments, program_headers
    movl %ecx, program_header_count
    movl $SHDR32_SIZE, section_header_size
    movl EHDR32_entry(%esi), %edx
    movl %edx, EHDR_entry(%edi)
    movl EHDR32_shoff(%esi), %edx
    movl %edx, EHDR_shoff(%edi)
    movw EHDR32_shentsize(%esi), %dx
    movw %dx, EHDR_shentsize(%edi)
    movw EHDR32_shnum(%esi), %dx
    movw %dx, EHDR_shnum(%edi)
    movw EHDR32_shstrndx(%esi), %dx
    movw %dx, EHDR_shstrndx(%edi)

    movl %eax, %esi
    movl $wide_segments, %edi
.Lwiden:
    movl PHDR32_type(%esi), %eax
    movl %eax, PHDR_type(%edi)
    movl PHDR32_flags(%esi), %eax
    movl %eax, PHDR_flags(%edi)
    movl PHDR32_offset(%esi), %eax
    movl %eax, PHDR_offset(%edi)
    movl PHDR32_vaddr(%esi), %eax
    movl %eax, PHDR_vaddr(%edi)
    movl PHDR32_paddr(%esi), %eax
    movl %eax, PHDR_paddr(%edi)
    movl PHDR32_filesz(%esi), %eax
    movl %eax, PHDR_filesz(%edi)
    movl PHDR32_memsz(%esi), %eax
    movl %eax, PHDR_memsz(%edi)
    addl $PHDR32_SIZE, %esi
    addl $PHDR_SIZE, %edi
    decl %ecx
    jnz .Lwiden
    popl %esi
    popl %edi
    clc
    ret
.Lbad_table:
    popl %esi
    popl %edi
    stc
    ret

# elf_section_place for the sections of ELF32. In: %ebx a section header that may be changed.
# Changes %eax, %edx.
.globl elf32_section_place
elf32_section_place:
    cmpl $0, SHDR32_addr(%ebx)
    jne .Lsection_placed
    testb $SHF_ALLOC, SHDR32_flags(%ebx)
    jnz .Lsection_placed
    cmpl $SHT_NOBITS, SHDR32_type(%ebx)
    je .Lsection_placed
    movl SHDR32_offset(%ebx), %eax
    movl SHDR32_size(%ebx), %edx
    call elf_file_part
    jc .Lsection_placed
    movl %eax, SHDR32_addr(%ebx)
.Lsection_placed:
    ret

.section .bss, "aw", @nobits
    .balign 8
wide_header:
    .skip EHDR_SIZE
wide_segments:
    .skip SEGMENTS_MAX * PHDR_SIZE

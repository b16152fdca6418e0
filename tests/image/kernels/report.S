# A kernel that says on the serial port how it was entered and what it was told, and exits.
#
# Assembled with GNU as and linked with GNU ld by the tests: an oracle for the loader should not
# depend on what is being tested. 32-bit code at a high virtual, low physical address, run before
# any paging: every address has `- OFFSET`.

.set OFFSET, KERNEL_OFFSET
.set COM1, 0x3f8

.section .header, "a", @progbits
    .balign 8
header:
    .long 0xe85250d6
    .long 0
    .long header_end - header
    .long -(0xe85250d6 + (header_end - header))
.ifdef ENTRY_TAG
    .balign 8
    .word 3, 0
    .long 12
    .long other_entry - OFFSET
.endif
.ifdef REQUEST
    .balign 8
    .word 1, 0
    .long 12
    .long REQUEST
.endif
.ifdef FRAMEBUFFER                      # its width and height; with OPTIONAL, one may be missing
    .balign 8
    .word 5
.ifdef OPTIONAL
    .word 1
.else
    .word 0
.endif
    .long 20
    .long FRAMEBUFFER >> 16
    .long FRAMEBUFFER & 0xffff
    .long 32
.endif
.ifdef KEEP_BOOT_SERVICES               # its flags
    .balign 8
    .word 7, KEEP_BOOT_SERVICES
    .long 8
.endif
.ifdef EFI_ENTRY
    .balign 8
    .word 9, 1
    .long 12
    .long efi_entry - OFFSET
.endif
.ifdef EXTRA_TAG
    .balign 8
    .word EXTRA_TAG, 0
    .long 8
.endif
    .balign 8
    .word 0, 0
    .long 8
header_end:

.macro say text
    .section .rodata, "a", @progbits
.Lsay\@:
    .asciz "\text"
    .section .text, "ax", @progbits
    pushl %esi
    movl $.Lsay\@ - OFFSET, %esi
    call print
    popl %esi
.endm

.macro fact name, value
    say " \name="
    movl \value, %eax
    call print_hex
.endm

.section .text, "ax", @progbits
.code32
.globl _start
_start:
    movl $0x656c66, %ebp                # "elf": entered at e_entry
    jmp common
.ifdef EFI_ENTRY
# Long mode, boot services running: leaves for 32-bit code, which is all that the rest is.
.code64
.globl efi_entry
efi_entry:
    cli
    movl %eax, %edx
    leaq efi_gdt_pointer(%rip), %rcx
    lgdt (%rcx)
    movl $stack_end - OFFSET, %esp
    pushq $8
    leaq efi_protected(%rip), %rcx
    pushq %rcx
    lretq
.code32
efi_protected:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $0x11, %eax
    movl %eax, %cr0
    movl %edx, %eax
    movl $0x656669, %ebp                # "efi": entered at the EFI entry
    jmp common
    .balign 8
efi_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
efi_gdt_pointer:
    .word 23
    .quad efi_gdt - OFFSET
.endif
.globl other_entry
other_entry:
    movl $0x746167, %ebp                # "tag": entered at the entry address tag
common:
    movl %eax, %edx
    pushfl                              # the loader's stack still works
    popl %ecx
    movl $stack_end - OFFSET, %esp
    movl %ebx, %edi
    movl %edx, magic - OFFSET
    movl %ecx, flags - OFFSET

    say "\noro: boot protocol=multiboot2"
    fact "magic", "magic - OFFSET"
    fact "info", "%edi"
    fact "entry", "%ebp"
    movl %cr0, %eax
    movl %eax, scratch - OFFSET
    fact "cr0", "scratch - OFFSET"
    fact "eflags", "flags - OFFSET"
    movw %cs, %ax
    movzwl %ax, %eax
    movl %eax, scratch - OFFSET
    lsll scratch - OFFSET, %eax
    movl %eax, scratch - OFFSET
    fact "cs-limit", "scratch - OFFSET"
    movw %ds, %ax
    movzwl %ax, %eax
    movl %eax, scratch - OFFSET
    lsll scratch - OFFSET, %eax
    movl %eax, scratch - OFFSET
    fact "ds-limit", "scratch - OFFSET"

    # A20: write 1 MiB + x, see whether x changes.
    movl $0x100500, %ebx
    movl 0x500, %ecx
    notl %ecx
    movl %ecx, scratch - OFFSET
    xorl %eax, %eax
    movl (%ebx), %edx
    movl %ecx, (%ebx)
    cmpl %ecx, 0x500
    movl %edx, (%ebx)
    sete %al
    movl %eax, scratch - OFFSET
    fact "a20-closed", "scratch - OFFSET"

    # The .bss of 64 KiB that nobody has touched is zero.
    movl $clear - OFFSET, %esi
    movl $0x10000 / 4, %ecx
    xorl %ebx, %ebx
1:  orl (%esi), %ebx
    addl $4, %esi
    decl %ecx
    jnz 1b
    fact "bss", "%ebx"
    fact "data", "initialised - OFFSET"
    say "\n"

    movl (%edi), %ecx                   # total_size
    leal (%edi, %ecx), %ecx
    movl %ecx, info_end - OFFSET
    leal 8(%edi), %esi
tag:
    movl (%esi), %ebx
    say "oro: tag"
    fact "type", "%ebx"
    fact "size", "4(%esi)"
    fact "at", "%esi"
    cmpl $1, %ebx
    je string_tag
    cmpl $2, %ebx
    je string_tag
    cmpl $3, %ebx
    je module_tag
    cmpl $4, %ebx
    je memory_tag
    cmpl $6, %ebx
    je map_tag
    cmpl $8, %ebx
    je framebuffer_tag
    cmpl $9, %ebx
    je sections_tag
    cmpl $14, %ebx
    je rsdp_tag
    cmpl $0x6f726f01, %ebx
    je word_tag
    say "\n"
    testl %ebx, %ebx
    jz finish
next_tag:
    movl 4(%esi), %eax
    addl $7, %eax
    andl $-8, %eax
    addl %eax, %esi
    cmpl info_end - OFFSET, %esi
    jb tag
    say "oro: verdict=fail reason=no-end-tag\n"
    movb $0x11, %al
    outb %al, $0xf4
    jmp stop

string_tag:
    say " string=\""
    pushl %esi
    addl $8, %esi
    call print
    popl %esi
    say "\"\n"
    jmp next_tag

module_tag:
    fact "start", "8(%esi)"
    fact "end", "12(%esi)"
    movl 8(%esi), %ecx
    xorl %edx, %edx
2:  cmpl 12(%esi), %ecx
    jae 3f
    roll $1, %edx
    movzbl (%ecx), %eax
    addl %eax, %edx
    incl %ecx
    jmp 2b
3:  movl %edx, scratch - OFFSET
    fact "sum", "scratch - OFFSET"
    say " string=\""
    pushl %esi
    addl $16, %esi
    call print
    popl %esi
    say "\"\n"
    jmp next_tag

memory_tag:
    fact "lower", "8(%esi)"
    fact "upper", "12(%esi)"
    say "\n"
    jmp next_tag

map_tag:
    fact "entry-size", "8(%esi)"
    fact "version", "12(%esi)"
    say "\n"
    leal 16(%esi), %ecx
    movl 4(%esi), %edx
    addl %esi, %edx
4:  cmpl %edx, %ecx
    jae next_tag
    pushl %edx
    say "oro: memory"
    fact "base-high", "4(%ecx)"
    fact "base", "(%ecx)"
    fact "length-high", "12(%ecx)"
    fact "length", "8(%ecx)"
    fact "type", "16(%ecx)"
    say "\n"
    popl %edx
    addl $24, %ecx
    jmp 4b

framebuffer_tag:
    fact "address", "8(%esi)"
    fact "pitch", "16(%esi)"
    fact "width", "20(%esi)"
    fact "height", "24(%esi)"
    fact "kind", "28(%esi)"             # bits a pixel, type
    say "\n"
    jmp next_tag

sections_tag:
    fact "count", "8(%esi)"
    fact "names", "16(%esi)"
    movl 16(%esi), %eax
    shll $6, %eax
    movl 20 + 16(%esi, %eax), %eax      # sh_addr of the section with the names
    incl %eax
    say " first=\""
    pushl %esi
    movl %eax, %esi
    call print
    popl %esi
    say "\"\n"
    jmp next_tag

word_tag:
    fact "value", "8(%esi)"
    say "\n"
    jmp next_tag

rsdp_tag:
    fact "signature", "8(%esi)"
    fact "rsdt", "24(%esi)"
    say "\n"
    jmp next_tag

finish:
    say "oro: verdict=pass\n"
    movb $0x10, %al
    outb %al, $0xf4
stop:
    cli
    hlt
    jmp stop

# Prints %eax in hexadecimal. Changes %eax.
print_hex:
    pushal
    movl %eax, %ebx
    movl $8, %ecx
5:  roll $4, %ebx
    movl %ebx, %eax
    andl $15, %eax
    addb $0x30, %al
    cmpb $0x39, %al
    jbe 6f
    addb $0x27, %al
6:  call print_character
    decl %ecx
    jnz 5b
    popal
    ret

# Prints the string at %esi.
print:
    pushal
7:  lodsb
    testb %al, %al
    jz 8f
    call print_character
    jmp 7b
8:  popal
    ret

print_character:
    pushal
    movb %al, %cl
    movw $COM1 + 5, %dx
9:  inb %dx, %al
    testb $0x20, %al
    jz 9b
    movb %cl, %al
    movw $COM1, %dx
    outb %al, %dx
    popal
    ret

.section .data, "aw", @progbits
initialised:
    .long 0x600dda7a

.section .bss, "aw", @nobits
    .balign 16
stack:
    .skip 4096
stack_end:
magic:
    .skip 4
flags:
    .skip 4
scratch:
    .skip 4
info_end:
    .skip 4
clear:
    .skip 0x10000

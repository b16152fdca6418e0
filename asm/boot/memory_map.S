# The memory map of the machine (ACPI 6.5 section 15.1, "INT 15H, E820H") and room in it.
#
# Ranges below 4 GiB are all this loader uses; addresses are 32-bit, ends exclusive, and an end
# of exactly 4 GiB is cut to the last page below it.

.include "boot.inc"

.set E820_SIGNATURE,       0x534d4150   # "SMAP"
.set E820_FUNCTION,        0xe820
.set E820_ANSWER_SIZE,     24
.set E820_ATTRIBUTE_VALID, 1            # ACPI 3.0 extended attributes, bit 0: not to be ignored
.set E820_USABLE,          1
.set FIRST_MIB,            0x100000
.set LAST_PAGE,            0xfffff000

.section .text, "ax", @progbits
.code32

# Reads the map into memory_map and checks that the loader's own memory exists.
# Changes %eax, %ebx, %ecx, %edx, %edi.
.globl memory_map_read
memory_map_read:
    call bios_clear
    movl $BIOS_MEMORY_SIZE, %eax
    call bios_call
    movzwl bios_eax, %eax
    movl %eax, memory_lower_kib
    cmpl $LOADER_END / 1024, %eax
    jae .Lenough
    fatal "memory-low", "The BIOS reports less conventional memory than the loader needs (224 KiB)."
.Lenough:
    xorl %ebx, %ebx                     # the BIOS's continuation value
    movl $memory_map, %edi
.Lask:
    call bios_clear
    movl $E820_FUNCTION, bios_eax
    movl %ebx, bios_ebx
    movl $E820_ANSWER_SIZE, bios_ecx
    movl $E820_SIGNATURE, bios_edx
    movl %edi, bios_edi
    movl $E820_ATTRIBUTE_VALID, MAP_zero(%edi) # for a BIOS that answers with 20 bytes
    movl $BIOS_SYSTEM, %eax
    call bios_call
    jc .Lend                            # on the first call: unsupported; later: past the end
    cmpl $E820_SIGNATURE, bios_eax
    jne .Lend
    testl $E820_ATTRIBUTE_VALID, MAP_zero(%edi)
    jz .Lskip
    movl MAP_length(%edi), %eax
    orl MAP_length + 4(%edi), %eax
    jz .Lskip
    movl $0, MAP_zero(%edi)
    addl $MAP_ENTRY_SIZE, %edi
    cmpl $memory_map_end, %edi
    je .Lend
.Lskip:
    movl bios_ebx, %ebx
    testl %ebx, %ebx
    jnz .Lask
.Lend:
    subl $memory_map, %edi
    movl %edi, memory_map_size
    jnz .Lhave_map
    fatal "memory-map", "The BIOS gives no memory map (int 15h, function E820h)."
.Lhave_map:
    movl $FIRST_MIB, %eax               # what Multiboot2 calls upper memory ends at the first hole
    call memory_usable_end
    subl $FIRST_MIB, %eax
    shrl $10, %eax
    movl %eax, memory_upper_kib
    ret

# In: %ebx a map entry. Out: %eax its start, %edx its end, cut to what lies below 4 GiB; CF set
# if nothing does.
entry_range:
    pushl %ecx
    cmpl $0, MAP_base + 4(%ebx)
    jne .Lnothing
    movl MAP_base(%ebx), %eax
    movl MAP_base(%ebx), %edx
    xorl %ecx, %ecx
    addl MAP_length(%ebx), %edx
    adcl MAP_length + 4(%ebx), %ecx
    jz .Lbelow_4gib
    movl $LAST_PAGE, %edx
.Lbelow_4gib:
    cmpl %edx, %eax
    jae .Lnothing
    clc
    jmp .Lrange
.Lnothing:
    stc
.Lrange:
    popl %ecx
    ret

# In: %eax an address. Out: %eax the first address from there on that is not usable memory
# (the same address if it is not usable itself).
.globl memory_usable_end
memory_usable_end:
    pushl %ebx
    pushl %ecx
    pushl %edx
    movl %eax, %ecx
.Lagain:
    call map_first
.Lusable_entry:
    jc .Lno_more
    cmpl $E820_USABLE, MAP_type(%ebx)
    jne .Lnext_usable
    call entry_range
    jc .Lnext_usable
    cmpl %ecx, %eax
    ja .Lnext_usable
    cmpl %edx, %ecx
    jae .Lnext_usable
    movl %edx, %ecx                     # inside this entry: go to its end, look from there
    jmp .Lagain
.Lnext_usable:
    call map_next
    jmp .Lusable_entry
.Lno_more:
    movl %ecx, %eax
    popl %edx
    popl %ecx
    popl %ebx
    ret

# In: %eax start, %edx end of a range. Out: CF clear if all of it is usable memory and no
# other entry of the map, nor the loader, claims any of it.
.globl memory_is_usable
memory_is_usable:
    pushal
    movl %eax, %esi
    movl %edx, %edi
    call memory_usable_end
    cmpl %edi, %eax
    jb .Lunusable
    cmpl memory_taken_start, %edi
    jbe .Lnot_taken
    cmpl memory_taken_end, %esi
    jb .Lunusable
.Lnot_taken:
    call map_first
.Lreserved_entry:
    jc .Lusable
    cmpl $E820_USABLE, MAP_type(%ebx)
    je .Lnext_reserved
    call entry_range
    jc .Lnext_reserved
    cmpl %edi, %eax
    jae .Lnext_reserved
    cmpl %esi, %edx
    ja .Lunusable
.Lnext_reserved:
    call map_next
    jmp .Lreserved_entry
.Lusable:
    popal
    clc
    ret
.Lunusable:
    popal
    stc
    ret

# In: %ecx size in bytes, %eax the lowest address allowed (1 MiB or above).
# Out: %eax the lowest page in usable memory where it fits; CF set if there is none.
.globl memory_find_low
memory_find_low:
    pushl %ebx
    pushl %edx
    pushl %esi
    pushl %edi
    addl $PAGE_SIZE - 1, %eax
    andl $-PAGE_SIZE, %eax
    movl %eax, %esi                     # the floor
    movl $LAST_PAGE, %edi               # the best so far
    call map_first
.Llow_entry:
    jc .Lfound_low
    cmpl $E820_USABLE, MAP_type(%ebx)
    jne .Lnext_low
    call entry_range
    jc .Lnext_low
    cmpl %esi, %eax
    jae .Labove_floor
    movl %esi, %eax
.Labove_floor:
    addl $PAGE_SIZE - 1, %eax
    jc .Lnext_low
    andl $-PAGE_SIZE, %eax
    cmpl %edi, %eax
    jae .Lnext_low
    subl %eax, %edx                     # room from there to the entry's end
    jbe .Lnext_low
    cmpl %ecx, %edx
    jb .Lnext_low
    leal (%eax, %ecx), %edx
    call memory_is_usable
    jc .Lnext_low
    movl %eax, %edi
.Lnext_low:
    call map_next
    jmp .Llow_entry
.Lfound_low:
    movl %edi, %eax
    cmpl $LAST_PAGE, %edi
    cmc                                 # CF set if nothing below it was found
    popl %edi
    popl %esi
    popl %edx
    popl %ebx
    ret

# In: %ecx size in bytes. Out: %eax the highest page in usable memory, 1 MiB or above, where it
# fits; CF set if there is none.
.globl memory_find_high
memory_find_high:
    pushl %ebx
    pushl %edx
    pushl %esi
    pushl %edi
    xorl %edi, %edi                     # the best so far
    call map_first
.Lhigh_entry:
    jc .Lfound_high
    cmpl $E820_USABLE, MAP_type(%ebx)
    jne .Lnext_high
    call entry_range
    jc .Lnext_high
    movl %eax, %esi
    movl %edx, %eax
    subl %ecx, %eax
    jb .Lnext_high
    andl $-PAGE_SIZE, %eax
    cmpl %esi, %eax
    jb .Lnext_high
    cmpl $FIRST_MIB, %eax
    jb .Lnext_high
    cmpl %edi, %eax
    jbe .Lnext_high
    leal (%eax, %ecx), %edx
    call memory_is_usable
    jc .Lnext_high
    movl %eax, %edi
.Lnext_high:
    call map_next
    jmp .Lhigh_entry
.Lfound_high:
    movl %edi, %eax
    cmpl $1, %edi                       # CF set if nothing was found
    popl %edi
    popl %esi
    popl %edx
    popl %ebx
    ret

# Out: %ebx the first entry of the map, CF clear (there always is one).
map_first:
    movl $memory_map, %ebx
    clc
    ret

# In: %ebx an entry. Out: %ebx the next; CF set if there is none.
map_next:
    pushl %eax
    addl $MAP_ENTRY_SIZE, %ebx
    movl $memory_map, %eax
    addl memory_map_size, %eax
    decl %eax
    cmpl %ebx, %eax                     # CF set if the last byte lies before %ebx
    popl %eax
    ret

.section .bss, "aw", @nobits
    .balign 8
.globl memory_map
memory_map:
    .skip MAP_MAX * MAP_ENTRY_SIZE
memory_map_end:
.globl memory_map_size
memory_map_size:
    .skip 4                             # bytes in use
.globl memory_taken_start
memory_taken_start:
    .skip 4                             # what the loader has in use, up to memory_taken_end
.globl memory_taken_end
memory_taken_end:
    .skip 4
.globl memory_lower_kib
memory_lower_kib:
    .skip 4
.globl memory_upper_kib
memory_upper_kib:
    .skip 4

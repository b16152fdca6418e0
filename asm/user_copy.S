# user_copy.S - the only instructions of the kernel that touch a program's memory, and the table
# that says where to go on when one of them faults.

.section .text.user_copy,"ax",@progbits
.code64

# Copy rdx bytes from rsi to rdi, words first. Clobbers rcx, rsi, rdi. \kind makes the labels differ.
.macro copy_words_and_bytes kind
    movq %rdx, %rcx
    shrq $3, %rcx
words_may_fault_\kind:
    rep movsq
    movl %edx, %ecx
    andl $7, %ecx
bytes_may_fault_\kind:
    rep movsb
.endm

# uint64_t _oro_user_copy(void *to, const void *from, size_t size)
# Copies with access to user pages allowed (CR4.SMAP is set). In: System V ABI; the user range has
# been checked to lie below USER_LIMIT. Out: rax = 0 when all was copied, else 1.
    .globl _oro_user_copy
    .type _oro_user_copy, @function
_oro_user_copy:
    stac
    copy_words_and_bytes smap
    clac
    xorl %eax, %eax
    ret
fixup_smap:
    clac
    movl $1, %eax
    ret
    .size _oro_user_copy, . - _oro_user_copy

# The same for processors without SMAP, which do not know stac and clac.
    .globl _oro_user_copy_nosmap
    .type _oro_user_copy_nosmap, @function
_oro_user_copy_nosmap:
    copy_words_and_bytes nosmap
    xorl %eax, %eax
    ret
fixup_nosmap:
    movl $1, %eax
    ret
    .size _oro_user_copy_nosmap, . - _oro_user_copy_nosmap

# Pairs: an instruction that may fault in ring 0, and where to resume if it does.
.section .rodata.fixups,"a",@progbits
    .balign 8
    .globl _oro_fixups
    .type _oro_fixups, @object
_oro_fixups:
    .quad words_may_fault_smap, fixup_smap
    .quad bytes_may_fault_smap, fixup_smap
    .quad words_may_fault_nosmap, fixup_nosmap
    .quad bytes_may_fault_nosmap, fixup_nosmap
    .quad 0, 0
    .size _oro_fixups, . - _oro_fixups

# user_copy.S - the only instructions of the kernel that touch a program's memory, and the table
# that says where to go on when one of them faults.

.section .text.user_copy,"ax",@progbits
.code64

# size_t _oro_user_copy(void *to, const void *from, size_t size)
# Copies with access to user pages allowed (CR4.SMAP is set). In: System V ABI; the user range has
# been checked to lie below USER_LIMIT. Out: rax = bytes not copied, 0 when all went well.
    .globl _oro_user_copy
    .type _oro_user_copy, @function
_oro_user_copy:
    movq %rdx, %rcx
    stac
user_copy_may_fault:
    rep movsb
user_copy_fixup:
    clac
    movq %rcx, %rax
    ret
    .size _oro_user_copy, . - _oro_user_copy

# The same for processors without SMAP, which do not know stac and clac.
    .globl _oro_user_copy_nosmap
    .type _oro_user_copy_nosmap, @function
_oro_user_copy_nosmap:
    movq %rdx, %rcx
user_copy_nosmap_may_fault:
    rep movsb
user_copy_nosmap_fixup:
    movq %rcx, %rax
    ret
    .size _oro_user_copy_nosmap, . - _oro_user_copy_nosmap

# Pairs: an instruction that may fault in ring 0, and where to resume if it does.
.section .rodata.fixups,"a",@progbits
    .balign 8
    .globl _oro_fixups
    .type _oro_fixups, @object
_oro_fixups:
    .quad user_copy_may_fault, user_copy_fixup
    .quad user_copy_nosmap_may_fault, user_copy_nosmap_fixup
    .quad 0, 0
    .size _oro_fixups, . - _oro_fixups

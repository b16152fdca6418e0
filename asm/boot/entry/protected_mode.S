# Enters an ELF32 kernel that declares no protocol: as Multiboot2 would, and with a stack, on which
# magic and information lie as the arguments of a C function:
#
#   void entry(uint32_t magic, const void *information)

.include "entry.inc"

.set STACK_SIZE,           0x4000

entry_head 0x506f726f, STACK_SIZE       # "oroP"

entry_begin:
    movl entry_memory - entry_base(%ebp), %esp
    addl $STACK_SIZE - 8, %esp          # aligned to 16 behind the arguments
    pushl %ebx
    pushl $MB2_BOOT_MAGIC
    movl entry_kernel - entry_base(%ebp), %ecx
    movl $MB2_BOOT_MAGIC, %eax
    xorl %ebp, %ebp                     # the last frame
    call *%ecx
.Lreturned:
    cli
    hlt
    jmp .Lreturned

# boot_header.S - what boot loaders read of the image, and the first descriptor table. All of it
# is read-only data of the segment .oro_boot, within the first page of the file.

# Multiboot2 specification 3.1: the header, in the first 32 KiB of the file, 8-byte aligned.
.set MULTIBOOT2_ARCHITECTURE_I386, 0
.set MULTIBOOT2_TAG_END, 0
.set MULTIBOOT2_TAG_ENTRY, 3
.set MULTIBOOT2_TAG_FRAMEBUFFER, 5
.set MULTIBOOT2_OPTIONAL, 1
.set SCREEN_WIDTH, 1024             # pixels
.set SCREEN_HEIGHT, 768
.set SCREEN_DEPTH, 32               # bits of a pixel

.section .oro_boot.multiboot2,"a",@progbits
    .balign 8
multiboot2_header:
    .long MULTIBOOT2_HEADER_MAGIC
    .long MULTIBOOT2_ARCHITECTURE_I386
    .long multiboot2_header_end - multiboot2_header
    .long -(MULTIBOOT2_HEADER_MAGIC + MULTIBOOT2_ARCHITECTURE_I386 + (multiboot2_header_end - multiboot2_header))

    # The physical address of the entry. e_entry is the same place as a virtual address.
    .balign 8
    .short MULTIBOOT2_TAG_ENTRY, 0
    .long 12
    .long _oro_entry_multiboot2 - KERNEL_BASE

    # What the screen should be like, if the loader can choose. Text mode is as good.
    .balign 8
    .short MULTIBOOT2_TAG_FRAMEBUFFER, MULTIBOOT2_OPTIONAL
    .long 20
    .long SCREEN_WIDTH, SCREEN_HEIGHT, SCREEN_DEPTH

    .balign 8
    .short MULTIBOOT2_TAG_END, 0
    .long 8
multiboot2_header_end:

# Xen PVH: the note that names the 32-bit physical entry.
.section .note.Xen,"a",@note
    .balign 4
    .long 2f - 1f
    .long 4f - 3f
    .long XEN_ELFNOTE_PHYS32_ENTRY
1:  .asciz "Xen"
2:  .balign 4
3:  .quad _oro_entry_pvh - KERNEL_BASE
4:  .balign 4

# The descriptors, in the order of enum selectors (Intel SDM Vol. 3A 3.4.5). Each core copies
# them into a table of its own and adds its TSS. The accessed bits are set already, so that the
# processor never writes to this read-only table.
.section .oro_boot.gdt,"a",@progbits
    .balign 8
    .globl _oro_boot_gdt
    .type _oro_boot_gdt, @object
_oro_boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        # kernel code: 64-bit, DPL 0
    .quad 0x00cf93000000ffff        # kernel data
    .quad 0                         # 32-bit user code: there is none
    .quad 0x00cff3000000ffff        # user data: DPL 3
    .quad 0x00affb000000ffff        # user code: 64-bit, DPL 3
    .size _oro_boot_gdt, . - _oro_boot_gdt

    .balign 8
    .short 0
    .globl _oro_boot_gdt_pointer
    .type _oro_boot_gdt_pointer, @object
_oro_boot_gdt_pointer:              # lgdt's operand in 32-bit mode: limit, 32-bit base
    .short _oro_boot_gdt_pointer - 2 - _oro_boot_gdt - 1
    .long _oro_boot_gdt - KERNEL_BASE
    .size _oro_boot_gdt_pointer, . - _oro_boot_gdt_pointer

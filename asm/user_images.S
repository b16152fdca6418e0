# user_images.S - the user programs, as ELF files inside the kernel's read-only data, and their
# directory: struct user_image { const char *name; const void *start, *end; }.

# One program: its file and its name.
.macro user_image name
.section .rodata.user_images,"a",@progbits
    .balign 16
user_image_\name\():
    .incbin "user/\name\().elf"
user_image_\name\()_end:
user_image_\name\()_name:
    .asciz "\name"
.section .rodata.user_directory,"a",@progbits
    .quad user_image_\name\()_name, user_image_\name, user_image_\name\()_end
.endm

.section .rodata.user_directory,"a",@progbits
    .balign 8
    .globl _oro_user_images
    .type _oro_user_images, @object
_oro_user_images:
    user_image hello
    user_image hog
    user_image yielder
    user_image scrub
    user_image registers
    user_image flags
    user_image vectors
    user_image family
    user_image status_7
    user_image sleeper
    user_image ping
    user_image pong
    user_image sieve
    user_image threads
    user_image promises
    user_image fault_write
    user_image fault_execute
    user_image fault_stack
    user_image fault_privilege
    user_image fault_breakpoint
    user_image fault_step
    user_image fault_undefined
    user_image measure
    user_image shell
    user_image primes
    user_image fault_way
    user_image ways
    user_image fuzz
    user_image fuzz_child
    .globl _oro_user_images_end
_oro_user_images_end:
    .size _oro_user_images, . - _oro_user_images

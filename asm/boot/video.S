# The video mode (VESA BIOS extension 3.0): set only for a kernel that asks for a framebuffer.
#
# Of the modes with a linear framebuffer and direct colour, the one that is nearest to what the
# kernel wants; without a wish, nearest to 1024 x 768 with 32 bits.

.include "boot.inc"

.set VBE_INFO,             0x4f00
.set VBE_MODE_INFO,        0x4f01
.set VBE_SET_MODE,         0x4f02
.set VBE_SUPPORTED,        0x004f
.set VBE_LINEAR,           0x4000       # in a mode's number: with the linear framebuffer
.set VBE_SIGNATURE,        0x32454256   # "VBE2": the long form of the controller's information
.set VESA_SIGNATURE,       0x41534556
.set INFO_version,         4
.set INFO_modes,           14           # offset and segment of a list
.set INFO_SIZE,            512
.set MODE_attributes,      0
.set MODE_pitch,           16
.set MODE_width,           18
.set MODE_height,          20
.set MODE_bits,            25
.set MODE_model,           27
.set MODE_colours,         31           # size and position of red, green, blue
.set MODE_framebuffer,     40
.set MODE_linear_pitch,    50           # VBE 3.0
.set MODE_linear_colours,  54
.set MODE_SIZE,            256
.set MODE_NEEDED,          0x99         # supported, colour, graphics, linear framebuffer
.set MODEL_DIRECT_COLOUR,  6
.set MODES_MAX,            512
.set END_OF_MODES,         0xffff
.set CONTROLLER_BUFFER,    BOUNCE_BASE
.set MODE_BUFFER,          BOUNCE_BASE + 0x1000

.set DEFAULT_WIDTH,        1024
.set DEFAULT_HEIGHT,       768
.set DEFAULT_DEPTH,        32

# Tag 8 behind type and size (Multiboot2 2.0, section 3.6.12).
.set FB_address,           0
.set FB_pitch,             8
.set FB_width,             12
.set FB_height,            16
.set FB_bits,              20
.set FB_type,              21
.set FB_colours,           24           # position and size of red, green, blue
.set FB_TYPE_RGB,          1
.set FB_TYPE_TEXT,         2
.set FB_RGB_SIZE,          30
.set FB_TEXT_SIZE,         24
# Tag 7 likewise (section 3.6.11).
.set VBE_TAG_mode,         0
.set VBE_TAG_controller,   8
.set VBE_TAG_mode_info,    VBE_TAG_controller + INFO_SIZE
.set VBE_TAG_SIZE,         VBE_TAG_mode_info + MODE_SIZE

.section .text, "ax", @progbits
.code32

# Sets the mode that the kernel asks for, and describes the screen in video_framebuffer_tag. Stops
# if a framebuffer is demanded and there is none. Changes every register.
.globl video_set
video_set:
    cmpb $0, video_wanted
    je .Lstay_in_text
    call controller_read
    jc .Lno_framebuffer
    call mode_choose
    jc .Lno_framebuffer
    say "oro: loader=bios video-mode="
    movzwl best_mode, %eax
    call print_hex
    say "\r\n"
    movw best_mode, %cx
    call mode_read
    jc .Lno_framebuffer
    call bios_clear
    movw $VBE_SET_MODE, bios_eax
    movw best_mode, %ax
    orw $VBE_LINEAR, %ax
    movw %ax, bios_ebx
    movl $BIOS_VIDEO, %eax
    call bios_call
    cmpw $VBE_SUPPORTED, bios_eax
    jne .Lno_framebuffer
    call framebuffer_describe
    movb $1, video_is_set
    ret
.Lno_framebuffer:
    cmpb $0, video_optional
    jne .Lstay_in_text
    fatal "framebuffer", "The kernel demands a framebuffer, and this machine's BIOS has none to offer."
.Lstay_in_text:
    movl $video_framebuffer_tag, %edi   # 80 x 25 characters at 0xb8000, which the BIOS started with
    movl $0xb8000, FB_address(%edi)
    movl $160, FB_pitch(%edi)
    movl $80, FB_width(%edi)
    movl $25, FB_height(%edi)
    movb $16, FB_bits(%edi)
    movb $FB_TYPE_TEXT, FB_type(%edi)
    movl $FB_TEXT_SIZE, video_framebuffer_size
    ret

# Reads the controller's information. Out: CF set if there is no VBE 2.0. Changes %eax, %ecx, %edi.
controller_read:
    movl $CONTROLLER_BUFFER, %edi
    movl $INFO_SIZE / 4, %ecx
    xorl %eax, %eax
    rep stosl
    movl $VBE_SIGNATURE, CONTROLLER_BUFFER
    call bios_clear
    movw $VBE_INFO, bios_eax
    movw $CONTROLLER_BUFFER >> 4, bios_es
    movl $BIOS_VIDEO, %eax
    call bios_call
    cmpw $VBE_SUPPORTED, bios_eax
    jne .Lno_vbe
    cmpl $VESA_SIGNATURE, CONTROLLER_BUFFER
    jne .Lno_vbe
    cmpb $2, CONTROLLER_BUFFER + INFO_version + 1
    jb .Lno_vbe
    clc
    ret
.Lno_vbe:
    stc
    ret

# In: %cx a mode's number. Out: its information in MODE_BUFFER; CF set if it has no linear
# framebuffer with direct colour. Changes %eax.
mode_read:
    pushl %ecx
    pushl %edi
    movl $MODE_BUFFER, %edi
    movl $MODE_SIZE / 4, %ecx
    xorl %eax, %eax
    rep stosl
    popl %edi
    popl %ecx
    call bios_clear
    movw $VBE_MODE_INFO, bios_eax
    movw %cx, bios_ecx
    movw $MODE_BUFFER >> 4, bios_es
    movl $BIOS_VIDEO, %eax
    call bios_call
    cmpw $VBE_SUPPORTED, bios_eax
    jne .Lno_mode
    movb MODE_BUFFER + MODE_attributes, %al
    andb $MODE_NEEDED, %al
    cmpb $MODE_NEEDED, %al
    jne .Lno_mode
    cmpb $MODEL_DIRECT_COLOUR, MODE_BUFFER + MODE_model
    jne .Lno_mode
    cmpl $0, MODE_BUFFER + MODE_framebuffer
    je .Lno_mode
    cmpb $15, MODE_BUFFER + MODE_bits
    jb .Lno_mode
    clc
    ret
.Lno_mode:
    stc
    ret

# Out: best_mode; CF set if no mode will do. Changes every register.
mode_choose:
    movl $DEFAULT_WIDTH, %eax
    movl $video_width, %edi
    call default_set
    movl $DEFAULT_HEIGHT, %eax
    movl $video_height, %edi
    call default_set
    movl $DEFAULT_DEPTH, %eax
    movl $video_depth, %edi
    call default_set
    movl $-1, best_distance
    movzwl CONTROLLER_BUFFER + INFO_modes + 2, %esi
    shll $4, %esi
    movzwl CONTROLLER_BUFFER + INFO_modes, %eax
    addl %eax, %esi
    movl $MODES_MAX, %ebp
.Lmode:
    movzwl (%esi), %ecx
    cmpl $END_OF_MODES, %ecx
    je .Lmodes_end
    addl $2, %esi
    call mode_read
    jc .Lnext_mode
    call mode_distance
    cmpl best_distance, %eax
    jae .Lnext_mode
    movl %eax, best_distance
    movw %cx, best_mode
.Lnext_mode:
    decl %ebp
    jnz .Lmode
.Lmodes_end:
    cmpl $-1, best_distance             # CF set if it is less
    cmc
    ret

# Gives the number at %edi the value %eax if it is 0.
default_set:
    cmpl $0, (%edi)
    jne .Lhas_value
    movl %eax, (%edi)
.Lhas_value:
    ret

# Out: %eax how far the mode in MODE_BUFFER is from the wish: size counts more than colours.
# Changes %ebx, %edx.
mode_distance:
    movzwl MODE_BUFFER + MODE_width, %eax
    subl video_width, %eax
    cltd
    xorl %edx, %eax
    subl %edx, %eax                     # |width - wish|
    movl %eax, %ebx
    movzwl MODE_BUFFER + MODE_height, %eax
    subl video_height, %eax
    cltd
    xorl %edx, %eax
    subl %edx, %eax
    addl %eax, %ebx
    cmpl $0xffffff, %ebx
    jbe .Lsize_distance
    movl $0xffffff, %ebx                # a wish that is no size
.Lsize_distance:
    shll $6, %ebx
    movzbl MODE_BUFFER + MODE_bits, %eax
    subl video_depth, %eax
    cltd
    xorl %edx, %eax
    subl %edx, %eax
    cmpl $63, %eax
    jbe .Ldepth_distance
    movl $63, %eax
.Ldepth_distance:
    addl %ebx, %eax
    ret

# Fills both tags from MODE_BUFFER and CONTROLLER_BUFFER. Changes every register.
framebuffer_describe:
    movl $MODE_BUFFER, %esi
    movl $video_framebuffer_tag, %edi
    movl MODE_framebuffer(%esi), %eax
    movl %eax, FB_address(%edi)
    movzwl MODE_width(%esi), %eax
    movl %eax, FB_width(%edi)
    movzwl MODE_height(%esi), %eax
    movl %eax, FB_height(%edi)
    movb MODE_bits(%esi), %al
    movb %al, FB_bits(%edi)
    movb $FB_TYPE_RGB, FB_type(%edi)
    movzwl MODE_pitch(%esi), %eax
    leal MODE_colours(%esi), %ebx
    cmpb $3, CONTROLLER_BUFFER + INFO_version + 1
    jb .Lhave_pitch
    movzwl MODE_linear_pitch(%esi), %edx
    testl %edx, %edx
    jz .Lhave_pitch
    movl %edx, %eax
    leal MODE_linear_colours(%esi), %ebx
.Lhave_pitch:
    movl %eax, FB_pitch(%edi)
    movl $3, %ecx
    addl $FB_colours, %edi
.Lcolour:
    movw (%ebx), %ax                    # VBE: size, position
    xchgb %al, %ah                      # Multiboot2: position, size
    stosw
    addl $2, %ebx
    loop .Lcolour
    movl $FB_RGB_SIZE, video_framebuffer_size

    movw best_mode, %ax
    movw %ax, video_vbe_tag + VBE_TAG_mode
    movl $CONTROLLER_BUFFER, %esi
    movl $video_vbe_tag + VBE_TAG_controller, %edi
    movl $INFO_SIZE / 4, %ecx
    rep movsl
    movl $MODE_BUFFER, %esi
    movl $MODE_SIZE / 4, %ecx
    rep movsl
    ret

.section .rodata, "a", @progbits
    .balign 4
.globl video_vbe_size
video_vbe_size:
    .long VBE_TAG_SIZE

.section .bss, "aw", @nobits
    .balign 8
.globl video_framebuffer_tag
video_framebuffer_tag:
    .skip FB_RGB_SIZE + 2
.globl video_vbe_tag
video_vbe_tag:
    .skip VBE_TAG_SIZE
.globl video_framebuffer_size
video_framebuffer_size:
    .skip 4                             # bytes of the tag that are in use
.globl video_width
video_width:
    .skip 4                             # what the kernel wants; 0: anything
.globl video_height
video_height:
    .skip 4
.globl video_depth
video_depth:
    .skip 4
best_distance:
    .skip 4
best_mode:
    .skip 2
.globl video_wanted
video_wanted:
    .skip 1
.globl video_optional
video_optional:
    .skip 1
.globl video_is_set
video_is_set:
    .skip 1

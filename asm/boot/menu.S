# The menu: which entry of BOOT.CFG to start. Shown where there are several.
#
# One line is written over again and again, so that screen and serial line need nothing but a
# carriage return. Keys: a digit, arrows or j and k, Enter. The first key stops the clock.

.include "boot.inc"

.set KEYBOARD_READ,        0x00
.set KEYBOARD_CHECK,       0x01
.set FLAGS_ZF,             0x40
.set SCAN_UP,              0x48
.set SCAN_DOWN,            0x50
.set KEY_ENTER,            0x0d
.set KEY_ESCAPE,           0x1b
.set KEY_UP,               0x6b         # 'k'
.set KEY_DOWN,             0x6a         # 'j'
.set TITLE_WIDTH,          50
.set TICKS_PER_10_SECONDS, 182

.section .text, "ax", @progbits
.code32

# Sets chosen_entry. Changes every register.
.globl menu_choose
menu_choose:
    movl config_default, %eax
    movl %eax, chosen_entry
    cmpl $1, config_entries
    je .Lno_menu
    cmpl $0, config_timeout
    je .Lno_menu
    call menu_list
    movl config_timeout, %eax
    movl $TICKS_PER_10_SECONDS, %ecx
    mull %ecx
    movl $10, %ecx
    divl %ecx
    movl %eax, ticks_left
    movb $1, clock_runs
    movl BDA_TICKS, %eax
    movl %eax, last_ticks
    call menu_prompt
.Lmenu_wait:
    call key_read
    jnc .Lkey
    cmpb $0, clock_runs
    je .Lmenu_wait
    movl BDA_TICKS, %eax                # advances in BIOS calls, when interrupts are on
    cmpl %eax, last_ticks
    je .Lmenu_wait
    movl %eax, last_ticks
    subl $1, ticks_left
    jbe .Lchosen
    call seconds_left
    cmpl %eax, seconds_shown
    je .Lmenu_wait
    call menu_prompt
    jmp .Lmenu_wait

.Lkey:
    movb $0, clock_runs
    movl chosen_entry, %edx
    cmpb $KEY_ENTER, %al
    je .Lchosen
    cmpb $KEY_UP, %al
    je .Lup
    cmpb $KEY_DOWN, %al
    je .Ldown
    movzbl %al, %eax
    subl $0x31, %eax                    # '1'
    cmpl config_entries, %eax
    jae .Lmenu_show
    cmpl $9, %eax
    jae .Lmenu_show
    movl %eax, %edx
    jmp .Lmenu_show
.Lup:
    testl %edx, %edx
    jz .Lmenu_show
    decl %edx
    jmp .Lmenu_show
.Ldown:
    incl %edx
    cmpl config_entries, %edx
    jb .Lmenu_show
    decl %edx
.Lmenu_show:
    movl %edx, chosen_entry
    call menu_prompt
    jmp .Lmenu_wait

.Lchosen:
    say "\r\n"
.Lno_menu:
    say "oro: loader=bios entry-title=\042"
    movl chosen_entry, %eax
    call entry_find
    call print
    say "\042\r\n"
    ret

# Prints all titles. Changes every register.
menu_list:
    say "\r\n"
    xorl %ebx, %ebx
.Ltitle:
    say "  "
    leal 1(%ebx), %eax
    call print_decimal
    say ". "
    movl %ebx, %eax
    call entry_find
    movl $TITLE_WIDTH, %ecx
    call print_padded
    say "\r\n"
    incl %ebx
    cmpl config_entries, %ebx
    jb .Ltitle
    say "\r\nA number or the arrow keys choose, Enter starts.\r\n"
    ret

# Prints at most %ecx characters of the string at %esi, and blanks up to %ecx. Changes %eax, %ecx,
# %esi.
print_padded:
    movb (%esi), %al
    incl %esi
    testb %al, %al
    jnz .Lpadded_character
    decl %esi
    movb $0x20, %al
.Lpadded_character:
    call print_character
    loop print_padded
    ret

# Writes the prompt over the last one. Changes every register.
menu_prompt:
    say "\r> "
    movl chosen_entry, %eax
    incl %eax
    call print_decimal
    say ". "
    movl chosen_entry, %eax
    call entry_find
    movl $TITLE_WIDTH, %ecx
    call print_padded
    call seconds_left
    movl %eax, seconds_shown
    cmpb $0, clock_runs
    je .Lno_clock
    say " in "
    call print_decimal
    say " s   "
    ret
.Lno_clock:
    say "            "
    ret

# Out: %eax the seconds until the default is started, rounded up. Changes %ecx, %edx.
seconds_left:
    movl ticks_left, %eax
    movl $10, %ecx
    mull %ecx
    addl $TICKS_PER_10_SECONDS - 1, %eax
    movl $TICKS_PER_10_SECONDS, %ecx
    divl %ecx
    ret

# Out: %al a key from keyboard or serial port, arrows as KEY_UP and KEY_DOWN; CF set if there is
# none. Changes %eax, %edx.
key_read:
    call bios_clear
    movb $KEYBOARD_CHECK, bios_eax + 1
    movl $BIOS_KEYBOARD, %eax
    call bios_call
    testb $FLAGS_ZF, bios_flags
    jnz .Lserial_key
    call bios_clear
    movb $KEYBOARD_READ, bios_eax + 1
    movl $BIOS_KEYBOARD, %eax
    call bios_call
    movl bios_eax, %eax
    movb $KEY_UP, %dl
    cmpb $SCAN_UP, %ah
    je .Larrow
    movb $KEY_DOWN, %dl
    cmpb $SCAN_DOWN, %ah
    je .Larrow
    clc
    ret
.Larrow:
    movb %dl, %al
    clc
    ret

# A terminal sends ESC [ A for the arrow up, ESC [ B for down.
.Lserial_key:
    movl $COM1 + UART_LSR, %edx
    inb %dx, %al
    cmpb $0xff, %al                     # there is no such port
    je .Lno_key
    testb $LSR_DATA_READY, %al
    jz .Lno_key
    movl $COM1, %edx
    inb %dx, %al
    cmpb $KEY_ESCAPE, %al
    je .Lescape
    cmpb $0, serial_escape
    je .Lserial_plain
    cmpb $0x5b, %al                     # '['
    je .Lno_key
    cmpb $0x4f, %al                     # 'O'
    je .Lno_key
    movb $0, serial_escape
    movb $KEY_UP, %dl
    cmpb $0x41, %al                     # 'A'
    je .Larrow
    movb $KEY_DOWN, %dl
    cmpb $0x42, %al                     # 'B'
    je .Larrow
.Lserial_plain:
    cmpb $0x0a, %al
    jne .Lserial_key_end
    movb $KEY_ENTER, %al
.Lserial_key_end:
    clc
    ret
.Lescape:
    movb $1, serial_escape
.Lno_key:
    stc
    ret

.section .bss, "aw", @nobits
    .balign 4
.globl chosen_entry
chosen_entry:
    .skip 4
ticks_left:
    .skip 4
last_ticks:
    .skip 4
seconds_shown:
    .skip 4
clock_runs:
    .skip 1
serial_escape:
    .skip 1

# The A20 gate: without it, address bit 20 is forced to 0 and odd megabytes do not exist.
#
# Tried in this order: is it open already; BIOS int 15h 2401h; the keyboard controller (8042
# output port, bit 1); system control port A (0x92, bit 1). After each the memory itself is asked.
# A BIOS that needs the gate for a call may close it again afterwards (SeaBIOS restores what port
# 0x92 says), so this is done again after every disk read and before the kernel is entered.

.include "boot.inc"

.set BIOS_A20_ENABLE,      0x2401
.set KBC_DATA,             0x60
.set KBC_STATUS,           0x64
.set KBC_COMMAND,          0x64
.set KBC_OUTPUT_FULL,      0x01
.set KBC_INPUT_FULL,       0x02
.set KBC_READ_OUTPUT,      0xd0
.set KBC_WRITE_OUTPUT,     0xd1
.set KBC_DISABLE_KEYBOARD, 0xad
.set KBC_ENABLE_KEYBOARD,  0xae
.set KBC_A20,              0x02
.set SYSTEM_CONTROL_A,     0x92
.set CONTROL_A_A20,        0x02
.set CONTROL_A_RESET,      0x01
.set A20_WRAP,             0x100000

.section .text, "ax", @progbits
.code32

# Opens the gate or stops; quick if it is open. Changes %eax, %ecx, %edx.
.globl a20_enable
a20_enable:
    call a20_is_open
    je .Lopen
    call bios_clear
    movl $BIOS_A20_ENABLE, bios_eax
    movl $BIOS_SYSTEM, %eax
    call bios_call
    call a20_is_open
    je .Lopen
    call a20_keyboard_controller
    call a20_is_open
    je .Lopen
    inb $SYSTEM_CONTROL_A, %al
    orb $CONTROL_A_A20, %al
    andb $~CONTROL_A_RESET, %al         # bit 0 resets the machine
    outb %al, $SYSTEM_CONTROL_A
    call a20_is_open
    je .Lopen
    fatal "a20", "The A20 gate does not open: memory above 1 MiB cannot be used."
.Lopen:
    ret

# Out: ZF set if the gate is open. Gives the hardware some time to react.
# Changes %eax, %ecx.
a20_is_open:
    movl $1000, %ecx
.Lprobe:
    movl %ecx, a20_probe                # never the same value twice
    movl a20_probe + A20_WRAP, %eax
    cmpl %ecx, %eax
    jne .Ldifferent
    notl a20_probe                      # equal: the same memory, or a coincidence?
    cmpl a20_probe + A20_WRAP, %ecx
    je .Ldifferent
    outb %al, $0x80                     # about a microsecond
    decl %ecx
    jnz .Lprobe
    incl %ecx                           # clears ZF
    ret
.Ldifferent:
    cmpl %eax, %eax                     # sets ZF
    ret

# Sets bit 1 of the 8042's output port, if there is an 8042. Changes %eax, %ecx, %edx.
a20_keyboard_controller:
    call kbc_input_empty
    jnz .Lno_controller
    movb $KBC_DISABLE_KEYBOARD, %al
    outb %al, $KBC_COMMAND
    call kbc_input_empty
    movb $KBC_READ_OUTPUT, %al
    outb %al, $KBC_COMMAND
    movl $0x10000, %ecx
.Lfull:
    inb $KBC_STATUS, %al
    testb $KBC_OUTPUT_FULL, %al
    jnz .Lread
    decl %ecx
    jnz .Lfull
    ret
.Lread:
    inb $KBC_DATA, %al
    movb %al, %dl
    call kbc_input_empty
    movb $KBC_WRITE_OUTPUT, %al
    outb %al, $KBC_COMMAND
    call kbc_input_empty
    movb %dl, %al
    orb $KBC_A20, %al
    outb %al, $KBC_DATA
    call kbc_input_empty
    movb $KBC_ENABLE_KEYBOARD, %al
    outb %al, $KBC_COMMAND
    call kbc_input_empty
.Lno_controller:
    ret

# Waits, not for ever, until the controller takes a byte. Out: ZF set if it does.
# Changes %eax, %ecx.
kbc_input_empty:
    movl $0x10000, %ecx
.Lbusy:
    inb $KBC_STATUS, %al
    testb $KBC_INPUT_FULL, %al
    jz .Lempty
    decl %ecx
    jnz .Lbusy
    incl %ecx                           # clears ZF
.Lempty:
    ret

.section .bss, "aw", @nobits
    .balign 4
a20_probe:
    .skip 4

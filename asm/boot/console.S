# Messages: to the first serial port and, through the BIOS, to the screen.

.include "boot.inc"

.section .text, "ax", @progbits
.code32

# Programs the first serial port: 115200 baud, 8N1. Changes %eax, %edx.
.globl console_init
console_init:
    movl $COM1 + UART_IER, %edx
    xorl %eax, %eax
    outb %al, %dx                       # no interrupts
    movl $COM1 + UART_LCR, %edx
    movb $LCR_DLAB, %al
    outb %al, %dx
    movl $COM1 + UART_THR, %edx
    movb $1, %al                        # divisor 1
    outb %al, %dx
    incl %edx
    xorl %eax, %eax
    outb %al, %dx
    movl $COM1 + UART_LCR, %edx
    movb $LCR_8N1, %al
    outb %al, %dx
    incl %edx                           # UART_MCR
    movb $MCR_DTR_RTS, %al
    outb %al, %dx
    ret

# Prints the character in %al, a byte of UTF-8, on the serial port and the screen. The screen has
# a code page of its own: what is not ASCII is one question mark there.
.globl print_character
print_character:
    pushal
    movl %eax, %ebx
    movl $COM1 + UART_LSR, %edx
    movl $0x10000, %ecx                 # bounded: there may be no such port
.Lwait:
    inb %dx, %al
    testb $LSR_THR_EMPTY, %al
    jnz .Lready
    decl %ecx
    jnz .Lwait
.Lready:
    movl $COM1 + UART_THR, %edx
    movb %bl, %al
    outb %al, %dx

    movb %bl, %al
    andb $0xc0, %al
    cmpb $0x80, %al                     # further bytes of a character show nothing
    je .Lon_screen
    testb %bl, %bl
    jns .Lascii
    movb $0x3f, %bl                     # '?'
.Lascii:
    call bios_clear
    movb %bl, bios_eax
    movb $VIDEO_TELETYPE, bios_eax + 1
    movb $7, bios_ebx                   # page 0, light grey
    movl $BIOS_VIDEO, %eax
    call bios_call
.Lon_screen:
    popal
    ret

# Prints the NUL-terminated string at %esi.
.globl print
print:
    pushal
.Lnext:
    lodsb
    testb %al, %al
    jz .Ldone
    call print_character
    jmp .Lnext
.Ldone:
    popal
    ret

# Prints the string at %esi up to its first blank.
.globl print_word
print_word:
    pushal
.Lnext_of_word:
    lodsb
    cmpb $0x20, %al
    jbe .Lword_done
    call print_character
    jmp .Lnext_of_word
.Lword_done:
    popal
    ret

# Prints the string whose address was pushed before the call, and takes it off the stack.
.globl print_pushed
print_pushed:
    pushl %esi
    movl 8(%esp), %esi
    call print
    popl %esi
    ret $4

# Prints %eax as 0x and eight hexadecimal digits.
.globl print_hex
print_hex:
    pushal
    movl %eax, %ebx
    say "0x"
    movl $8, %ecx
.Ldigit:
    roll $4, %ebx
    movl %ebx, %eax
    andl $15, %eax
    movb hex_digits(%eax), %al
    call print_character
    decl %ecx
    jnz .Ldigit
    popal
    ret

# Prints %eax in decimal.
.globl print_decimal
print_decimal:
    pushal
    movl $10, %ebx
    xorl %ecx, %ecx
.Ldivide:
    xorl %edx, %edx
    divl %ebx
    addb $0x30, %dl                     # '0'
    pushl %edx
    incl %ecx
    testl %eax, %eax
    jnz .Ldivide
.Lemit:
    popl %eax
    call print_character
    decl %ecx
    jnz .Lemit
    popal
    ret

# Prints the reader's sentence (at %ebx) and, as the very last line, the machine's (slug at
# %esi), and stops for ever. Jumped to, by the macro `fatal`; details printed before stay above.
.globl fatal_stop
fatal_stop:
    say "\r\n"
    xchgl %esi, %ebx
    call print
    say "\r\nThe loader has stopped. Switch the machine off, or reset it.\r\noro: loader-error="
    movl %ebx, %esi
    call print
    cmpl $0, fatal_subject
    je .Lno_subject
    say " subject=\042"                 # a quote
    movl fatal_subject, %esi
    call print_word
    say "\042"
.Lno_subject:
    say "\r\n"
.Lstopped:
    cli
    hlt
    jmp .Lstopped

.section .rodata, "a", @progbits
hex_digits:
    .ascii "0123456789abcdef"

.section .bss, "aw", @nobits
    .balign 4
# What the loader is working on (a word or string), for the message of a failure; 0 for nothing.
.globl fatal_subject
fatal_subject:
    .skip 4

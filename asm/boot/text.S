# Reading text: blanks, words, numbers. Strings end with NUL; blanks are spaces and tabs.

.include "boot.inc"

.section .text, "ax", @progbits
.code32

# In: %esi in a string. Out: %esi at its next character that is no blank. Changes %al.
.globl skip_blanks
skip_blanks:
    movb (%esi), %al
    incl %esi
    cmpb $0x20, %al
    je skip_blanks
    cmpb $0x09, %al
    je skip_blanks
    decl %esi
    ret

# In: %esi in a string. Out: %esi at the end of the word there. Changes %al.
.globl skip_word
skip_word:
    movb (%esi), %al
    cmpb $0x20, %al
    jbe .Lword_end
    incl %esi
    jmp skip_word
.Lword_end:
    ret

# In: %esi in a string, %edi a NUL-terminated keyword. Out: ZF set if the string goes on with the
# keyword; then %esi is behind it. Changes %al, %edi.
.globl skip_prefix
skip_prefix:
    pushl %esi
.Lprefix_character:
    movb (%edi), %al
    testb %al, %al
    jz .Lprefix_found
    cmpb (%esi), %al
    jne .Lno_prefix
    incl %esi
    incl %edi
    jmp .Lprefix_character
.Lno_prefix:
    popl %esi                           # ZF is clear
    ret
.Lprefix_found:
    addl $4, %esp
    cmpb %al, %al
    ret

# The same for a whole word; then %esi is behind the blank that follows it.
.globl skip_keyword
skip_keyword:
    pushl %esi
    call skip_prefix
    jne .Lno_keyword
    movb (%esi), %al
    cmpb $0x20, %al
    ja .Lno_keyword
    addl $4, %esp
    testb %al, %al
    jz .Lkeyword_end                    # the line's last word
    incl %esi
    cmpb %al, %al                       # sets ZF
.Lkeyword_end:
    ret
.Lno_keyword:
    popl %esi
    testl %esi, %esi                    # clears ZF
    ret

# In: %esi at a decimal number. Out: %eax its value, %esi behind it; CF set if there is none, or if
# it does not fit 32 bits. Changes %edx.
.globl parse_decimal
parse_decimal:
    pushl %ebx
    pushl %ecx
    movl %esi, %ebx
    xorl %eax, %eax
.Ldecimal_digit:
    movzbl (%esi), %ecx
    subl $0x30, %ecx                    # '0'
    cmpl $9, %ecx
    ja .Ldecimal_end
    incl %esi
    movl $10, %edx
    mull %edx
    jc .Lno_decimal
    addl %ecx, %eax
    jc .Lno_decimal
    jmp .Ldecimal_digit
.Ldecimal_end:
    cmpl %esi, %ebx                     # CF set if %esi has moved
    cmc
.Lno_decimal:
    popl %ecx
    popl %ebx
    ret

# In: %esi at eight hexadecimal digits. Out: %eax their value, %esi behind them; CF set if they are
# fewer. Changes %edx.
.globl parse_hexadecimal
parse_hexadecimal:
    pushl %ecx
    movl $8, %ecx
    xorl %eax, %eax
.Lhexadecimal_digit:
    movzbl (%esi), %edx
    subl $0x30, %edx                    # '0'
    cmpl $9, %edx
    jbe .Lhexadecimal_value
    orl $0x20, %edx                     # capitals become small
    subl $0x61 - 0x30, %edx             # 'a'
    cmpl $5, %edx
    ja .Lno_hexadecimal
    addl $10, %edx
.Lhexadecimal_value:
    shll $4, %eax
    orl %edx, %eax
    incl %esi
    decl %ecx
    jnz .Lhexadecimal_digit
    clc
    popl %ecx
    ret
.Lno_hexadecimal:
    stc
    popl %ecx
    ret

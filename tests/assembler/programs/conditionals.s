#### if
a = 5
.if a == 5
.byte 1
.else
.byte 2
.endif
.if a > 5
.byte 3
.elseif a == 5
.byte 4
.elseif 1
.byte 5
.else
.byte 6
.endif
#### nested
.if 0
.if 1
.byte 1
.else
.byte 2
.endif
.else
.if 0
.byte 3
.else
.byte 4
.endif
.endif
#### comparisons
.ifeq 0
.byte 1
.endif
.ifne 1
.byte 2
.endif
.ifgt 1
.byte 3
.endif
.ifge 0
.byte 4
.endif
.iflt -1
.byte 5
.endif
.ifle 0
.byte 6
.endif
.ifgt -1
.byte 7
.endif
#### definedness
.ifdef a
.byte 1
.else
.byte 2
.endif
a:
.ifdef a
.byte 3
.endif
.ifndef b
.byte 4
.endif
.ifnotdef a
.byte 5
.endif
.globl c
.ifdef c
.byte 6
.endif
.set d, 1
.ifdef d
.byte 7
.endif
.long e
.ifdef e
.byte 8
.endif
.comm f,4
.ifdef f
.byte 9
.endif
#### blanks
.ifb
.byte 1
.endif
.ifb x
.byte 2
.endif
.ifnb x
.byte 3
.endif
.ifnb
.byte 4
.endif
#### texts
.ifc a,a
.byte 1
.endif
.ifc a, b
.byte 2
.endif
.ifnc a, b
.byte 3
.endif
.ifc "a b","a b"
.byte 4
.endif
.ifc 'a b' , 'a b'
.byte 5
.endif
.ifc a b,a  b
.byte 6
.endif
.ifeqs "a","a"
.byte 7
.endif
.ifnes "a","b"
.byte 8
.endif
#### distances
a: nop
b: .byte 1
.if b-a == 1
.byte 2
.endif
.if . - a > 1
.byte 3
.endif
#### distances over a branch
a: jmp a
b:
.if b-a == 2
.byte 1
.endif
#### forward references
.if later
.endif
later = 1
#### skipped text is not looked at
.if 0
this is not an instruction
.no_such_directive "
.endif
nop
#### else twice
.if 1
.else
.else
.endif
#### endif alone
.endif
#### else alone
.else
#### never closed
.if 1
nop
#### in macros
.macro m a
.ifb \a
.byte 0
.else
.byte \a
.endif
.ifc \a,5
.byte 55
.endif
.endm
m
m 5
m 6
#### error in a skipped part
.if 0
.error "no"
.endif
#### error
.error "yes"
#### err
.err
#### warning
.warning "careful"
nop
#### end
nop
.end
this is not read
#### registers compare as themselves, which macros ask for
.macro which base=%rsp
.if \base == %rsp
ret
.elseif \base != %rdi
int3
.else
hlt
.endif
.endm
which
which base=%rdi
which %rax
.if %RSP == %rsp
nop
.endif
.set stack_register, %rsp
.if stack_register == %rsp && 1
leave
.endif
number_for_registers = 5
.if number_for_registers == %rax || %eax == %rax
ud2
.endif
.if 7 %number_for_registers == 2
clc
.endif

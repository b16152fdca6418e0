#### comments
# one
nop # two
// three
nop
/* four */ nop /* five */
/* six
 seven */ nop
nop /* eight */ ; nop
 / nine
/ ten
#### separators
nop; nop ;nop
a: nop; b: nop
.byte 1; .byte 2
#### line markers
# 1 "kernel.S"
# 1 "<built-in>" 1
# 40 "kernel.S" 2
nop
# a comment
#another
#### strings with comment characters
.ascii "a # b", "c ; d", "e /* f */", "g // h"
#### white space
	 mov	$1 , %eax
 .byte  1 ,  2	,3
label :	nop
a	=	5
 .byte a
#### carriage returns
nop
#### upper case
.BYTE 1
.Long 2
NOP
MOV $1,%EAX
#### a label and a directive
a: .long 1
b:.long 2
c:d:e: .long 3
#### code widths
.code16
mov $1,%ax
mov $1,%eax
.code32
mov $1,%ax
mov $1,%eax
.code64
mov $1,%rax
.code16gcc
push %eax
ret
.code32
#### registers with other names
counter = %rcx
.set base, %rbx
mov counter, (base,counter,8)
push base
#### no-ops


.list
.nolist
.eject
.psize 10,20
.title "x"
.sbttl "y"
.line 5
.lflags
#### abort
.abort

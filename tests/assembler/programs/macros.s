#### arguments
.macro m a b c
.string "\a|\b|\c"
.endm
m 1
m 1 2 3
m 1,2,3
m a + b
m a -b
m a - b
m 1 + 2, 3
m (1 + 2) 3
m a,b c
m c=1 b=2 a=3
m "x y" z
m x,,z
m
m ,
m "a,b", "c"
m %rax, 8(%rbx)
m $1, $2
#### defaults
.macro m a=1, b=2, c
.long \a, \b
.string "\c"
.endm
m
m 5
m 5,6
m b=7
m ,8
m 1,2,"x"
#### required and vararg
.macro m a:req, b:vararg
.long \a
.string "\b"
.endm
m 1
m 1, 2
m 1, 2, 3, 4
m 1 2 3
#### missing required
.macro m a:req
.endm
m
#### too many
.macro m a
.endm
m 1,2
#### numbers of expansions
.macro m
.Ll\@: jmp .Ll\@
.long \@
.endm
m
m
m
#### joining
.macro m a
v\a\()x: .long \a\()1
.byte 0x\a
.endm
m 1
m 2
#### nesting
.macro outer a
.macro inner\a b
.long \a, \b
.endm
inner\a 7
.endm
outer 1
outer 2
inner1 9
#### recursion
.macro count n
.long \n
.if \n
count "(\n-1)"
.endif
.endm
count 5
#### exitm
.macro m a
.long 1
.if \a
.exitm
.endif
.long 2
.endm
m 0
m 1
.long 3
#### purgem
.macro m
.long 1
.endm
m
.purgem m
.macro m
.long 2
.endm
m
#### case
.macro Mixed a
.long \a
.endm
mixed 1
MIXED 2
#### semicolons
.macro m a; .long \a; .long 9; .endm
m 1; m 2
#### rept
.rept 3
.byte 1
.rept 2
.byte 2
.endr
.endr
.rept 0
.err
.endr
#### irp
.irp r, 1, 2, 3
.byte \r
.endr
.irp r a b c
.string "\r"
.endr
.irp r
.string "[\r]"
.endr
#### irpc
.irpc c, 123
.byte \c
.endr
.irpc c,"a b"
.string "\c"
.endr
#### irp of registers
.irp r, ax, bx, cx, dx
push %r\r
.endr
.irp r, 8, 9
pop %r\r
.endr
#### instructions with arguments
.macro isr n, code=0
.globl isr\n
.type isr\n, @function
isr\n:
.if \code == 0
pushq $0
.endif
pushq $\n
jmp isr_common
.size isr\n, . - isr\n
.endm
.set i, 0
.rept 3
.set i, i+1
.endr
isr 1
isr 2 1
isr 3, code=1
#### altmacro
.altmacro
.macro m a b
LOCAL x, y
x: .long a, b
y: jmp x
.endm
m 1, 2
m %(3+4), 5
.macro s t
.string "t"
.endm
s <a b, c>
s <x!>y>
.noaltmacro
.macro t u
.string "\u"
.endm
t 5
#### counting with altmacro
.altmacro
.macro stub n
isr\n: push $n
.endm
i = 0
.rept 5
stub %i
i = i+1
.endr
#### ampersands
.macro m mask
.long 0xff & 15
.long 0x&mask
.endm
m 12
#### strings as arguments
.macro m a
.ascii "\a"
.endm
m "hello world"
m hello
m "with \"quotes\""
#### commas in parentheses
.macro m a b
.long \a
.string "\b"
.endm
m (1) 2
m (1+2),(3 4)
#### a macro with the name of an instruction
.macro nop2
nop
nop
.endm
nop2
.macro hlt
cli
.endm
hlt
.purgem hlt
hlt
#### labels before a macro
.macro m
.long 1
.endm
a: m
b: c: m
#### an undefined macro
no_such_macro 1
#### never closed
.macro m
nop
#### endm alone
.endm
#### endr alone
.endr
#### exitm outside
.exitm

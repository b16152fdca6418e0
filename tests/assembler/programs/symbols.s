#### assignments
a = 5
.set b, a+1
.equ c, b*2
.equiv d, c-1
.long a, b, c, d
a = 7
.long a
.set b, 9
.byte b
#### an assignment used before
.long later
later = 5
.long later
later = 6
.long later
#### assigned labels
l: nop
m = l
n = l+4
.long m, n
.globl n
here = .
.long here
here = .
.long here
#### assigned differences
a: nop
b: .byte 1,2,3
size = b-a
total = . - a
.long size, total
.if total-4
.err
.endif
#### assigned to an undefined symbol
x = ext
y = ext+4
.quad x, y
#### eqv
w = 1
.eqv lazy, w+1
w = 9
.long lazy
v == w*2
w = 4
.long v
#### binding
.globl a, b
.global c
.weak d, e
.local f
a: nop
b:
c:
d: nop
f: nop
.long e
#### undefined symbols
.globl a
.weak b
.long c
.quad d-.
#### visibility
.globl a, b, c
.hidden a
.internal b
.protected c
a: b: c: nop
#### types and sizes
.type a,@function
a: nop
.size a,.-a
.type b,%object
b: .long 1
.size b,4
.type c,"function"
c: nop
.size c,100
.type d,STT_FUNC
d: nop
.type e,@tls_object
.type f,@notype
f:
.type g,@gnu_indirect_function
.globl g
g: ret
.type h,@gnu_unique_object
h: .long 1
#### aliases keep the type
.type a,@function
.globl a
a: nop
.size a,.-a
.globl b
.set b,a
.weak c
c = a
#### numeric labels
1: nop
jmp 1b
jmp 1f
2: jmp 2b
1: jmp 1b
jmp 1f
1: .long 1b, 2b-1b
.quad 3f
0: jmp 0b
3: nop
10: jmp 10b
jmp 10f
10:
#### local labels
.La: jmp .La
.quad .La, .Lb
.Lb:
#### names
a.b: _c: $d: e$f: nop
"with space": nop
.quad "with space"
.long a.b, _c
#### a file name
.file "kernel.c"
a: nop
#### symbols in the order of their first mention
.globl z
b: nop
a: call y
.globl x
y: nop
x: nop
call w
.quad v
z:
#### ident
.ident "one"
.ident "two"
#### a label twice
a: nop
a: nop
#### an assignment of a label
a: nop
a = 5
#### equiv twice
.equiv a, 1
.equiv a, 2
#### a label of an assigned symbol
a = 5
a: nop
#### a number that a symbol makes of a number
i = 1
movups (16*i)(%rsi), %xmm0
addl $4*i, %eax
i = 2
movups (16*i)(%rsi), %xmm0
addl $4*i, %eax
i = 3
movups (16*i)(%rsi), %xmm0
addl $4*i, %eax
#### the same in Intel syntax
.intel_syntax noprefix
i = 1
mov eax, 4*i
mov eax, i
add ecx, [4*i]
movups xmm0, [rsi+16*i]
push i
mov eax, offset i
i = 2
mov eax, 4*i
mov eax, i
add ecx, [4*i]
movups xmm0, [rsi+16*i]
push i
mov eax, offset i
i=3
mov eax, 4*i
mov eax, i
add ecx, [4*i]
movups xmm0, [rsi+16*i]
push i
mov eax, 4*1
#### a number that an expression makes of numbers
start:
add (((20 + 1) & 15) * 4)(%rsp), %eax
add $8 & (15), %eax
add $4 & 7, %eax
.intel_syntax noprefix
add eax, 8 and (15)
add eax, [rsp + (8 and 15)]
and eax, 8
mov eax, [rsp + rcx*4 + 8]
.att_syntax
# what is known is encoded here, and remembered
.if . - start == 0
.endif
add (((32 + 1) & 15) * 4)(%rsp), %eax
add $24 & (15), %eax
add $12 & 7, %eax
.intel_syntax noprefix
add eax, 24 and (15)
add eax, [rsp + (24 and 15)]
and eax, 24
mov eax, [rsp + rcx*4 + 24]
#### types and sizes of aliases
.text
.size foo1, 1
foo1:
.set bar1, foo1
.size bar1, 2
.size bar2, 2
.set bar2, foo1
.set bar3, foo2
.size bar3, 2
.size bar4, 2
.set bar4, foo2
.set bar5, foo1
.set bar6, foo2
.size foo2, 3
foo2:
.set bar7, foo1
.set bar7, foo2
.globl __GI_foo
.set __GI_foo, foo
.globl foo
.type foo, %function
foo: .byte 0
.size foo, .-foo
.type foo, %gnu_indirect_function
.set late, g
g: nop
.set early, g
.type g,@function
.size g,.-g
.hidden h
.set h, g
.hidden i
.set i, g
.set i, foo1
.globl h,i
.globl j
.hidden j
.set j, undef_or_later
.type test8,%object
.type test8,%tls_object
.type test8,%object
test8: .byte 0
.type test9,%function
.type test9,%gnu_indirect_function
.type test9,%function
test9: .byte 0
undef_or_later: nop
.type o, @object
.set o, g
.set p, o
.type q, @object
.type g, @notype
.set q, r
.set r, g
#### a symbol equated twice is local in what was said before
.data
.long x1, x2
.global x1, x2, z2
.set x1, y1
.set x2, y2
.section .bss, "aw", @nobits
x1: .zero 4
y1: .zero 4
y2: .zero 4
#### chains of weak references
.text
l: .weakref Wwh2a, wh2
.weakref Wwh2b, Wwh2a
.long Wwh2b
.weakref Wwh4b, Wwh4a
.weakref Wwh4a, wh4
.long Wwh4b
.long Wwh6b
.weakref Wwh6b, Wwh6a
.weakref Wwh6a, wh6
.weakref circle, circled
.weakref circled, circle
#### no alias of a common symbol
.comm foo, 8, 8
.set foo1, foo
#### weak and common
.comm foo,4,4
.weak foo
#### versions of a common symbol
.comm foo,4,4
.symver foo,foo@VERS.1
#### an alias of what becomes a common symbol
.set a, foo
.comm foo,4,4
.globl a
#### registers are not global
.globl r
.equ r,%eax

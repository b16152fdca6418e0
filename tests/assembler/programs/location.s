#### alignment of code and data
nop
.align 4
nop
.balign 8
nop
.p2align 4
nop
.p2align 5,0x90
nop
.p2align 4,,7
nop
.p2align 4,,15
.data
.byte 1
.align 4
.byte 2
.balign 8,0xff
.byte 3
.p2align 4,1,3
.byte 4
.p2align 2
#### wide fills
.data
.byte 1,2
.balignw 8,0x1234
.byte 1,2,3,4
.balignl 16,0x12345678
.byte 5,6
.p2alignw 3,0xabcd
#### alignment without a number
nop
.balign 1
.balign 0
.p2align 0
.align
#### alignment at the end of a section
.text
nop
.balign 16
.data
.byte 1
.balign 32
.bss
.skip 3
.balign 64
#### org
.text
a: nop
.org 16
nop
.org a+40,0xcc
nop
. = 64
nop
. = . + 3
#### org in data
.data
.byte 1
.org 8,0xff
b: .byte 2
.org b+4
#### nops
.nops 1
.nops 9
.nops 40
.nops 40,4
.nops 200
.nops 3,1
#### alignment in 16-bit code
.code16
nop
.balign 8
nop
.balign 16
nop
.balign 32
nop
.balign 256
#### alignment in 32-bit code
.code32
nop
.balign 8
nop
.balign 16
nop
.balign 32
nop
.balign 256
#### alignment in 64-bit code
.code64
nop
.balign 8
nop
.balign 16
nop
.balign 32
nop
.balign 256
#### branches
a: jmp a
jmp b
jne a
jc b
.skip 120
b: jmp a
jmp b
.skip 140
c: jmp a
jne b
jmp c
#### branches over alignments
a: jmp c
.balign 16
jne c
.skip 100
.balign 32
b: jmp a
.skip 20
c: jmp b
.p2align 4,,10
jmp a
#### short branches
a: loop a
jecxz a
#### back from a structure
.globl w1,w2
.data
l1: .long 0
.struct 2
w1: .skip 2
w2: .skip 2
.previous
l2: .long 0

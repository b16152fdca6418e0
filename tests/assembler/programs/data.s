#### numbers of every size
.byte 1, -1, 0x7f, 255, -128
.2byte 1, 0xffff
.short -2
.hword 3
.word 4
.value 5
.4byte 6
.long -7, 0xffffffff
.int 8
.8byte 9
.quad -10, 0xffffffffffffffff
.octa 1, -1, 0xffffffffffffffff, 0x112233445566778899aabbccddeeff00
#### numbers in every base
.long 10, 0x1F, 0X1f, 0b101, 0B11, 017, 0
.byte 'a, 'b', '\n, '\\, '\'', ';', '#', ','
#### suffixes of C
.long 1U, 2L, 3UL
.quad 4ULL
#### truncated numbers
.byte 300, -200
.word 70000
.long 0x123456789
#### operators
.quad 7>>1, -8>>1, -7/2, -7%3, 1==1, 2>1, 3&&4, !0, !5, 6!3, 1<>2, 1!=1, 1|2^3&1
.quad 2+3*4<<1, ~5, 1 <2, -1<0, 0xffffffffffffffff<0, 3-1==2, 1||0, 2*3&4, 5>=5, 4<=3
.quad (1+2)*3, [4+5]*2, -(3), +4, - - 5, ~~6, 1<<63, 1<<64, 1>>64, 2*-3
#### strings
.ascii "a" "b", "c"
.asciz "a" "b", "c"
.string "one", "two"
.string8 "ab"
.string16 "ab"
.string32 "ab"
.string64 "ab"
.ascii ""
#### escapes
.ascii "\b\f\n\r\t\v\\\"\'\0\12\477\8\x41\x1234\xg"
#### text that is not ASCII
.ascii "grüße"
#### fills
.fill 2,8,-1
.fill 2,8,0x1122334455667788
.fill 1,3,0x11223344
.fill 3
.fill 2,2
.zero 3
.skip 4,0xff
.space 5,1
.skip 0
#### fills of an unknown number
.skip b-a
.fill b-a,2,7
a: .byte 1,2,3
b: nop
#### floating point
.float 1.5, -inf, nan, 0f2.5, 3, .5, -1e10
.single 2.0e-3
.double 1.5, -2.25, 1e300, 0d3.25
.dc.s 1.5
.dc.d 2.5
#### LEB128
.uleb128 0, 127, 128, 300, 0xffffffffffffffff
.sleb128 0, 63, 64, -64, -65, -300, 5
#### LEB128 of distances
.uleb128 b-a
.sleb128 a-b
a: .skip 200
b: .uleb128 .-a
#### addresses
.data
a: .quad a, b, a+8, b-4
.long a-b, .-a, b-.
.quad ext, ext+5
b: .byte b-a
.short b-a
.text
.quad a
.long ext-.
#### the place of an element
.long ., .-a, .
a: .quad .-a, .-a
#### nothing
.byte
.long
.ascii
#### dc
.dc 5
.dc.b 1
.dc.w 2
.dc.l 3
#### other floating point
.bfloat16 1.5
.dfloat 1.5
.ffloat 1.5

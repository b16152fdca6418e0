#### extern
.extern foo
.extern bar, baz
nop
#### func
.func f
f: nop
.endfunc
#### address-sized data
.dc.a 5, foo
#### blocks
.dcb 3
.dcb.b 3,5
.dcb.w 2,6
.dcb.l 2,7
.dcb.w 3
#### storage
.ds 2
.ds.b 3
.ds.w 2
.ds.l 2
.ds.d 1
.ds.s 1
.ds.x 1
.ds.p 1
.byte 1
#### blocks of floating point
.dcb.s 2,1.5
.dcb.d 2,1.5
#### spc
.spc 3
.byte 1
#### xdef
.xdef f
f: nop
#### xref
.xref f
nop
#### version
.version "1.0"
#### several versions
.version "1.0"
.version "2"
.ident "x"
#### reloc
f: nop
.reloc 0, R_X86_64_NONE, foo
#### reloc at labels
f: nop
.reloc ., R_X86_64_NONE, f
.reloc f, R_X86_64_64, foo+5
.reloc 4, R_X86_64_32S
.quad 0,0
#### reloc of several types
.data
f: .long 0
.text
.reloc 0, R_X86_64_PC32, f+4
.reloc 4, R_X86_64_PLT32, ext
.reloc 8, BFD_RELOC_32, ext
.reloc 12, BFD_RELOC_NONE, f
.reloc 16, R_X86_64_GOTPCREL, ext
.quad 0,0,0
#### struct
.struct 0
a: .struct a+4
b:
.text
.long a,b
#### offset
.offset 4
x: .skip 4
y:
.text
.long x, y
#### lsym
.lsym x, 5
.long x
#### irep
.irep x, 1, 2
.byte \x
.endr
#### irepc
.irepc x, 12
.byte \x
.endr
#### structures
.struct 0
first: .skip 8
second: .skip 4
.balign 8
third: .space 8
size:
.text
.long first, second, third, size
mov third(%rdi), %rax
#### half floats
.hfloat 1.5, -2.25, 0, 65504
#### nop
.nop
nop
#### slong
.slong 5, -1
#### mri off
.mri 0
nop
#### arch
.arch generic64
nop
#### switching syntax
.att_syntax
mov $1, %eax
.att_syntax prefix
mov $1, %eax
#### common by its other name
.common x, 8, 8
#### wide fills as powers
.data
.byte 1, 2, 3, 4
.p2alignl 4, 0x12345678

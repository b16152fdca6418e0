#### the three
.data
.byte 1
.bss
.skip 2
.text
nop
#### flags
.section .a,"a"
.section .ax,"ax",@progbits
.section .aw,"aw",@progbits
.section .x,"x"
.section .w,"w"
.section .none,""
.section .nothing
.section .awt,"awT"
.section .e,"ae"
.section .r,"aR"
#### types
.section .n,"a",@nobits
.section .o,"a",@note
.section .p,"a",%progbits
.section .q,"aw",@init_array
.section .s,"a","progbits"
.section .t,"a",@0x60000001
#### entry sizes
.section .m,"aM",@progbits,8
.quad 1
.section .s,"aMS",@progbits,1
.string "a"
#### groups
.section .g1,"aG",@progbits,first,comdat
.byte 1
.section .g2,"axG",@progbits,first,comdat
f: nop
.section .g3,"aG",@progbits,second
.byte 2
.section .g4,"a?"
.byte 3
.globl first
.section .g1,"aG",@progbits,third,comdat
.byte 9
.long f
#### linked sections
.section .l,"ao",@progbits,.text
.byte 1
#### unique sections
.section .u,"a",@progbits,unique,4
.byte 1
.section .u,"a",@progbits,unique,5
.byte 2
.section .u,"a",@progbits,unique,4
.byte 3
#### quoted names
.section "a b"
.section ".quoted","a"
.byte 1
#### pushing
.data
.byte 1
.pushsection .other,"a"
.byte 2
.pushsection .text
nop
.popsection
.byte 3
.popsection
.byte 4
.previous
.byte 5
.previous
.byte 6
#### pushing into a subsection
.pushsection .data,2
.byte 2
.popsection
.data
.byte 1
.data 3
.byte 3
#### subsections
.text
nop
.subsection 2
ret
.text 1
hlt
.text
cli
.data
.byte 1
.subsection 4
.byte 4
.subsection 3
.byte 3
a:
.data
.long a-.
#### previous
.section .a,"a"
.section .b,"a"
.previous
.byte 1
.previous
.byte 2
#### sections in the order of their first mention
.section .z,"a"
.section .y,"a"
.section .z
.byte 1
.text
#### common
.comm a,8,8
.comm b,3
.comm c,100
.lcomm d,4
.lcomm e,16
.local f
.comm f,16,16
.comm g,1
#### well-known names
.section .rodata
.byte 1
.section .rodata.x
.section .data.rel.ro
.section .bss.y
.skip 4
.section .init_array
.section .fini_array.5
.section .tdata
.byte 1
.section .tbss
.skip 4
.section .note.x
.section .note.GNU-stack,"",@progbits
.section .comment
.section .init
.section .fini
.section .debug_x
.section .textx
.section .text.hot
.section .data1
.section .eh_frame
.section .gnu.linkonce.b.x
.section .gnu.linkonce.t.x
#### contradictions that only warn
.section .text.foo,"a"
.section .rodata,"aw"
.section .data.x,"aw",@nobits
.section .rodata.x,"ax"
#### an unknown flag
.section .a,"aq"
#### a changed type
.section .a,"a"
.section .a,"a",@nobits
#### changed flags
.section .a,"a"
.section .a,"ax"
#### popping nothing
.popsection
#### sections by name
.quad .text, .data+4, .foo
.section .foo,"a"
.long 1
.text
call .foo
mov $.text,%eax
.long .foo-.
#### a label with the name of a section
.section foo,"a"
foo: .long 1
#### a section with the name of a label
foo: nop
.section foo,"a"
#### a section made global
.globl .text
nop
#### what makes two sections of one name
.section .text,"ax",@progbits
.word 0
.section .bss,"aw",@nobits
.word 0
.section .text,"axR",@progbits
.word 1
.section .text
.word 2
.section .bss,"awR",@nobits
.zero 4
.section .text
f: nop
.section __patchable_function_entries,"awo",@progbits,f
.long 1
.section __patchable_function_entries,"awo",@progbits,g
.long 2
.text
g: nop
.section __patchable_function_entries,"awo",@progbits,f
.long 3
#### memory of a kind
.section .mbind.data,"adw",@progbits
.byte 1
.section .mbind.data,"adw",@progbits,0x3
.byte 2
.section .mbind.rodata,"adG",@progbits,.foo_group,comdat,0x2
.byte 3
.section .mbind.text,"adx",@progbits,0x3,unique,3
.byte 4
#### attributes of Solaris
.section .foo,#alloc,#write
.byte 1
.section .bar,#alloc,#execinstr,#progbits
.byte 2
.section .baz,#alloc,#write,#nobits
.zero 2
#### flags that lack what they need
.section .one,"aM"
.byte 1
.section .two,"aG"
.byte 2
.section .three,"ao"
.byte 3
#### mergeable sections are padded to whole entries
.section s1, "aMS", @progbits, 4
.byte 1
.section s2, "aM", @progbits, 8
.byte 1
.section s3, "aM", @progbits, 12
.byte 1, 2, 3, 4, 5
.section s4, "axM", @progbits, 16
ret
.section s5, "aMS", @progbits, 4
.long 1
.subsection 1
.byte 2

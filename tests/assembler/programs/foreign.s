#### r1 = %eax ; r2 = r1 ; mov r2, r1
r1 = %eax
r2 = r1
mov r2, r1
#### .set r1, %eax ; .equ r2, r1 ; mov r2, r1 ; mov (r2), %ecx
.set r1, %eax
.equ r2, r1
mov r2, r1
mov (r2), %ecx
#### r1 = %eax ; .equiv r3, r1 ; mov r3,%ecx
r1 = %eax
.equiv r3, r1
mov r3,%ecx
#### r1 == %eax ; mov r1,%ecx
r1 == %eax
mov r1,%ecx
#### .eqv r1, %eax ; mov r1,%ecx
.eqv r1, %eax
mov r1,%ecx
#### r1 = %st(2) ; fadd r1
r1 = %st(2)
fadd r1
#### r1 = %eax ; mov %ecx,foo(r1,r1,4)
r1 = %eax
mov %ecx,foo(r1,r1,4)
#### .equ VIRT_START, XEN_VIRT_START ; .globl VIRT_START
.equ VIRT_START, XEN_VIRT_START
.globl VIRT_START
#### .equ VIRT_START, XEN_VIRT_START ; .globl XEN_VIRT_START,VIRT
.equ VIRT_START, XEN_VIRT_START
.globl XEN_VIRT_START,VIRT_START
.long 0
#### .equ VIRT_START, XEN_VIRT_START ; .equ Y, XEN_VIRT_START+4 ;
.equ VIRT_START, XEN_VIRT_START
.equ Y, XEN_VIRT_START+4
.globl XEN_VIRT_START,VIRT_START
.long VIRT_START
#### lret ; lretl ; lretw ; lret $4 ; lretl $4 ; retf
lret
lretl
lretw
lret $4
lretl $4
retf
#### retfw
retfw
#### retfl
retfl
#### .code16 ; retf ; retfw ; retfl ; lret
.code16
retf
retfw
retfl
lret
#### .text ; .code64 ; nop
.text
.code64
nop
#### .rept 1000 ; nop ; .endr ; .p2align 8
.rept 1000
nop
.endr
.p2align 8
#### .cfi_startproc ; nop ; .cfi_offset eflags,8 ; .cfi_endproc
.cfi_startproc
nop
.cfi_offset eflags,8
.cfi_endproc
#### .cfi_startproc ; nop ; .cfi_offset rflags,8 ; .cfi_endproc
.cfi_startproc
nop
.cfi_offset rflags,8
.cfi_endproc
#### .section "x\ty\n","a" ; .byte 1
.section "x\ty\n","a"
.byte 1
#### .section "\101bc","a" ; .byte 1
.section "\101bc","a"
.byte 1
#### .file "a\\b.c"
.file "a\\b.c"
#### .file "a\nb.c"
.file "a\nb.c"
#### # 1 "a\\b.c" ; nop
# 1 "a\\b.c"
nop
#### .section .a;.byte 1
.section .a;.byte 1
#### .section .foo"bar","a" ; .byte 1
.section .foo"bar","a"
.byte 1
#### .section foo$bar,"a" ; .byte 1
.section foo$bar,"a"
.byte 1
#### .section .init.text , "ax" ; nop
.section .init.text , "ax"
nop
#### .section .text.unlikely ; nop
.section .text.unlikely
nop
#### .set "foo bar", 5 ; .long "foo bar"
.set "foo bar", 5
.long "foo bar"
#### .type "foo bar",@function ; "foo bar": ; .size "foo bar",.-"
.type "foo bar",@function
"foo bar":
.size "foo bar",.-"foo bar"
#### mov "foo",%eax ; mov $"foo bar",%eax
mov "foo",%eax
mov $"foo bar",%eax
#### .pushsection ".a b","aw" ; .long 1 ; .popsection ; nop
.pushsection ".a b","aw"
.long 1
.popsection
nop
#### .section .foo,"a",%progbits ; .section .bar,"a","progbits" ;
.section .foo,"a",%progbits
.section .bar,"a","progbits"
.section .baz,"a",@0x7000000
.byte 1
#### .section .foo,"a",@note ; .long 1
.section .foo,"a",@note
.long 1
#### .section .foo,"aR" ; .byte 1
.section .foo,"aR"
.byte 1
#### .section .foo,"ae" ; .byte 1
.section .foo,"ae"
.byte 1
#### .section .foo,"0x2" ; .byte 1
.section .foo,"0x2"
.byte 1
#### .section .foo,"0x80000000aw" ; .byte 1
.section .foo,"0x80000000aw"
.byte 1
#### .section .foo,"a",@progbits,unique,1 ; .byte 1 ; .section .f
.section .foo,"a",@progbits,unique,1
.byte 1
.section .foo,"a",@progbits,unique,2
.byte 2
.section .foo,"a"
.byte 3
#### .section .foo,"aG",@progbits,"g name",comdat ; .byte 1
.section .foo,"aG",@progbits,"g name",comdat
.byte 1
#### .section .foo,"aG",@progbits,g ; .byte 1
.section .foo,"aG",@progbits,g
.byte 1
#### .section .foo,"aMG",@progbits,4,g,comdat ; .long 1
.section .foo,"aMG",@progbits,4,g,comdat
.long 1
#### .section .foo,"ao",@progbits,.text ; .long 1
.section .foo,"ao",@progbits,.text
.long 1
#### .section .foo,"ao",@progbits,0 ; .long 1
.section .foo,"ao",@progbits,0
.long 1
#### .section .foo,"aoG",@progbits,.text,g,comdat ; .long 1
.section .foo,"aoG",@progbits,.text,g,comdat
.long 1
#### .section .foo,"aw",@nobits ; .skip 10
.section .foo,"aw",@nobits
.skip 10
#### .section .foo,"aw",@nobits ; .long 0
.section .foo,"aw",@nobits
.long 0
#### .text 5 ; nop ; .text 1 ; ret ; .data 2 ; .long 1 ; .data ; 
.text 5
nop
.text 1
ret
.data 2
.long 1
.data
.long 2
.bss 1
.skip 4
#### .subsection 3 ; nop ; .text ; ret
.subsection 3
nop
.text
ret
#### .data ; .previous ; nop ; .previous ; .long 1
.data
.previous
nop
.previous
.long 1
#### .section .note.foo ; .long 1
.section .note.foo
.long 1
#### .section .debug_foo ; .long 1
.section .debug_foo
.long 1
#### .section .gnu.warning.foo ; .string "x"
.section .gnu.warning.foo
.string "x"
#### .section .ctors,"aw" ; .section .init_array,"aw" ; .section 
.section .ctors,"aw"
.section .init_array,"aw"
.section .init_array.5
.section .fini_array,"aw",@progbits
.section .preinit_array,"aw",@preinit_array
.long 1
#### .section .eh_frame,"a",@unwind ; .section .eh_frame,"a" ; .l
.section .eh_frame,"a",@unwind
.section .eh_frame,"a"
.long 0
#### .section .eh_frame,"a",@progbits ; .long 0
.section .eh_frame,"a",@progbits
.long 0
#### .section .tbss,"awT",@nobits ; .section .tdata ; .section .t
.section .tbss,"awT",@nobits
.section .tdata
.section .tbss.x
.skip 4
#### .section .bss.foo ; .skip 4 ; .section .sbss ; .section .dat
.section .bss.foo
.skip 4
.section .sbss
.section .data.rel.ro,"aw"
.section .rodata.foo
.section .text.foo
.section .lrodata
.section .note.GNU-stack
#### .section .comment ; .asciz "x" ; .ident "y"
.section .comment
.asciz "x"
.ident "y"
#### .comm x 4
.comm x 4
#### .tls_common a,4,4
.tls_common a,4,4
#### .tls_common a,4 ; .xcom b,4
.tls_common a,4
.xcom b,4
#### .sect .foo,"a" ; .byte 1
.sect .foo,"a"
.byte 1
#### .zero 3 ; .space 3,0xff ; .skip 2,1 ; .fill 3,2,0x1234 ; .fi
.zero 3
.space 3,0xff
.skip 2,1
.fill 3,2,0x1234
.fill 2
.fill 2,9,1
.fill 1,8,-1
.fill 2,,5
#### .linefile 3 ; nop
.linefile 3
nop
#### .sse_check error ; .operand_check warning ; .optim ; .noopt
.sse_check error
.operand_check warning
.optim
.noopt
#### .org 10 ; nop ; .org .+5,0x90
.org 10
nop
.org .+5,0x90
#### .org 10,5 ; .data ; .org 4 ; .byte 1
.org 10,5
.data
.org 4
.byte 1
#### .align 8,0x90 ; .align 4,,2 ; .p2align 4,0,3 ; nop ; .p2alig
.align 8,0x90
.align 4,,2
.p2align 4,0,3
nop
.p2align 4,,
.balignw 4,0x1234
.balignl 8,0x12345678
#### .align
.align
#### .p2align ; nop
.p2align
nop
#### .p2align 0
.p2align 0
#### .balign 0 ; nop ; .balign 1
.balign 0
nop
.balign 1
#### .section .foo,"a" ; .attach_to_group g ; .long 1 ; .section 
.section .foo,"a"
.attach_to_group g
.long 1
.section .bar,"a"
.attach_to_group g
.byte 1
.section .foo,"a"
.byte 7
#### .section .foo,"a" ; .long 1 ; .section .bar,"aG",@progbits,g
.section .foo,"a"
.long 1
.section .bar,"aG",@progbits,g,comdat
.long 1
.section .foo
.attach_to_group g
#### .gnu_attribute 4,1 ; .gnu_attribute 5,"x" ; .gnu_attribute 3
.gnu_attribute 4,1
.gnu_attribute 5,"x"
.gnu_attribute 32,1,"z"
#### .gnu_attribute 4,0
.gnu_attribute 4,0
#### .largecomm foo,100,32 ; .largecomm bar,10 ; .local baz ; .la
.largecomm foo,100,32
.largecomm bar,10
.local baz
.largecomm baz,8,8
#### .tls_common a,4 ; .tls_common b,4,16 ; .common c,8
.tls_common a,4
.tls_common b,4,16
.common c,8
#### .symver a,b@@V1 ; .text ; .globl a ; a: nop ; .symver a,c@V2
.symver a,b@@V1
.text
.globl a
a: nop
.symver a,c@V2
#### .symver a,b@V1,remove ; .text ; .globl a ; a: nop ; call a
.symver a,b@V1,remove
.text
.globl a
a: nop
call a
#### .symver a,b@V1,local ; .text ; .globl a ; a: nop ; call a
.symver a,b@V1,local
.text
.globl a
a: nop
call a
#### .symver a,b@V1,hidden ; .text ; .globl a ; a: nop ; call a ;
.symver a,b@V1,hidden
.text
.globl a
a: nop
call a
.symver a,c@V2
#### .symver a,b@@@V1,hidden ; .text ; .globl a ; a: nop
.symver a,b@@@V1,hidden
.text
.globl a
a: nop
#### .symver a,b@V1 ; call a
.symver a,b@V1
call a
#### .symver a,b@V1,remove ; call a
.symver a,b@V1,remove
call a
#### .symver a,b@V1,local ; call a
.symver a,b@V1,local
call a
#### .text ; .globl a ; .symver a,b@V1 ; a: nop ; .type a,@functi
.text
.globl a
.symver a,b@V1
a: nop
.type a,@function
.size a,.-a
.symver z,zz@@V1
z=a
#### .type x,@common ; .comm x,4,4
.type x,@common
.comm x,4,4
#### .type x,STT_COMMON ; x: .long 1
.type x,STT_COMMON
x: .long 1
#### .local x ; .type x,@common ; x: .long 1
.local x
.type x,@common
x: .long 1
#### .linkonce ; .optim ; .noopt ; .sse_check error ; .operand_ch
.linkonce
.optim
.noopt
.sse_check error
.operand_check none
#### .equ V, X ; .globl V ; .long V,X
.equ V, X
.globl V
.long V,X
#### .cfi_startproc ; nop ; .cfi_def_cfa_offset 16 ; jmp 1f ; .sk
.cfi_startproc
nop
.cfi_def_cfa_offset 16
jmp 1f
.skip 100
1:
.cfi_def_cfa_offset 32
nop
.cfi_endproc
#### .cfi_startproc ; jmp 1f ; .cfi_adjust_cfa_offset 8 ; 1: nop 
.cfi_startproc
jmp 1f
.cfi_adjust_cfa_offset 8
1: nop
.cfi_endproc
#### .cfi_startproc ; .cfi_window_save ; nop ; .cfi_negate_ra_sta
.cfi_startproc
.cfi_window_save
nop
.cfi_negate_ra_state
.cfi_endproc
#### .cfi_startproc ; nop ; .cfi_label foo ; .cfi_def_cfa_offset 
.cfi_startproc
nop
.cfi_label foo
.cfi_def_cfa_offset 16
.cfi_endproc
.globl foo
.long foo
#### .cfi_startproc ; .cfi_label .Lfoo ; .cfi_def_cfa_offset 16 ;
.cfi_startproc
.cfi_label .Lfoo
.cfi_def_cfa_offset 16
.cfi_endproc
.long .Lfoo
#### .cfi_startproc ; nop ; .cfi_val_encoded_addr 3, 0x1b, foo ; 
.cfi_startproc
nop
.cfi_val_encoded_addr 3, 0x1b, foo
.cfi_val_encoded_addr 3, 0, foo
.cfi_endproc
#### .cfi_startproc ; .cfi_personality 0x9b,DW.ref.foo ; .cfi_lsd
.cfi_startproc
.cfi_personality 0x9b,DW.ref.foo
.cfi_lsda 0x1b,.Lx
nop
.cfi_endproc
.Lx:
#### .cfi_startproc simple ; nop ; .cfi_def_cfa 5,16 ; .cfi_offse
.cfi_startproc simple
nop
.cfi_def_cfa 5,16
.cfi_offset 16,-8
.cfi_same_value 3
.cfi_undefined 4,5
.cfi_restore 3,6
.cfi_escape 0x10,3,4
.cfi_register 3,4
.cfi_val_offset 3,-16
.cfi_return_column 8
.cfi_signal_frame
.cfi_endproc
#### .cfi_sections .debug_frame ; .cfi_startproc ; nop ; .cfi_adj
.cfi_sections .debug_frame
.cfi_startproc
nop
.cfi_adjust_cfa_offset 1000
.skip 300
.cfi_adjust_cfa_offset -1000
.skip 70000
.cfi_adjust_cfa_offset -1000
.cfi_endproc
#### .cfi_startproc ; nop ; .cfi_def_cfa_offset 16 ; .cfi_remembe
.cfi_startproc
nop
.cfi_def_cfa_offset 16
.cfi_remember_state
.cfi_offset 3,-24
nop
.cfi_restore_state
nop
.cfi_endproc
.cfi_startproc
.cfi_endproc
#### .cfi_startproc ; nop ; .cfi_escape 1,2,3*4,foo-foo ; .cfi_es
.cfi_startproc
nop
.cfi_escape 1,2,3*4,foo-foo
.cfi_escape 0x16, 1
.cfi_endproc
#### .cfi_startproc ; .cfi_offset 3,-4 ; .cfi_endproc
.cfi_startproc
.cfi_offset 3,-4
.cfi_endproc
#### .cfi_startproc ; .cfi_rel_offset 3,-4 ; .cfi_endproc
.cfi_startproc
.cfi_rel_offset 3,-4
.cfi_endproc
#### .cfi_startproc ; nop ; .cfi_def_cfa rsp,16 ; .cfi_sections .
.cfi_startproc
nop
.cfi_def_cfa rsp,16
.cfi_sections .eh_frame,.debug_frame
.cfi_endproc
#### .cfi_sections .eh_frame,.debug_frame ; .cfi_startproc ; nop 
.cfi_sections .eh_frame,.debug_frame
.cfi_startproc
nop
.cfi_endproc
#### .cfi_sections ; .cfi_startproc ; nop ; .cfi_endproc
.cfi_sections
.cfi_startproc
nop
.cfi_endproc
#### .cfi_startproc ; nop ; .section .foo,"ax" ; .cfi_startproc ;
.cfi_startproc
nop
.section .foo,"ax"
.cfi_startproc
nop
.cfi_endproc
.text
.cfi_def_cfa_offset 16
.cfi_endproc
#### .cfi_startproc ; .cfi_adjust_cfa_offset 8 ; nop ; .cfi_endpr
.cfi_startproc
.cfi_adjust_cfa_offset 8
nop
.cfi_endproc
.cfi_startproc
nop
.cfi_endproc
#### f: .cfi_startproc ; nop ; .cfi_endproc ; .section .gnu.linko
f: .cfi_startproc
nop
.cfi_endproc
.section .gnu.linkonce.t.foo,"ax"
g: .cfi_startproc
nop
.cfi_endproc
#### .section .text.a,"axG",@progbits,a,comdat ; g: .cfi_startpro
.section .text.a,"axG",@progbits,a,comdat
g: .cfi_startproc
nop
.cfi_endproc
#### .section .reloc,"a" ; .long 1
.section .reloc,"a"
.long 1
#### .rel.foo: nop
.rel.foo: nop
#### .section ".a,\"b\\c","a" ; .long 1
.section ".a,\"b\\c","a"
.long 1
#### .section "foo bar","aw" ; .long 1
.section "foo bar","aw"
.long 1
#### .type x,@common ; x: .long 1
.type x,@common
x: .long 1
#### .section .rodata.str1.1,"aMS",@progbits,1 ; .Lx: .string "ab
.section .rodata.str1.1,"aMS",@progbits,1
.Lx: .string "abc"
.text
call .Lx
jmp .Lx
lea .Lx(%rip),%rax
#### .text ; mov $x@SIZE,%eax
.text
mov $x@SIZE,%eax
#### call *%fs:4
call *%fs:4
#### .altmacro ; .macro m a,b ; .byte a,b ; .endm ; m 1,%2+3 ; m 
.altmacro
.macro m a,b
.byte a,b
.endm
m 1,%2+3
m <1>,<2>
#### .altmacro ; .macro m a ; LOCAL l1,l2 ; l1: .byte a ; l2: .by
.altmacro
.macro m a
LOCAL l1,l2
l1: .byte a
l2: .byte l1-l2
.ascii "a"
.ascii "&a"
.endm
m 5
m 6
#### .irpc c,abc ; .byte '\c ; .endr
.irpc c,abc
.byte '\c
.endr
#### .irpc c,"a b" ; .ascii "\c" ; .endr
.irpc c,"a b"
.ascii "\c"
.endr
#### .irpc c, ; .ascii "x\c" ; .endr
.irpc c,
.ascii "x\c"
.endr
#### .irp x,1,2,3 ; .byte \x ; .endr
.irp x,1,2,3
.byte \x
.endr
#### .irp x 1 2 3 ; .byte \x ; .endr
.irp x 1 2 3
.byte \x
.endr
#### .irp x ; .ascii "x\x" ; .endr
.irp x
.ascii "x\x"
.endr
#### .hfloat 1.5, 3.14159, 65504, 65520, 1e-8, 6e-8
.hfloat 1.5, 3.14159, 65504, 65520, 1e-8, 6e-8
#### .float nan, inf, -inf, +inf, -nan, qnan, snan, infinity, NaN
.float nan, inf, -inf, +inf, -nan, qnan, snan, infinity, NaN
#### .double nan, inf, -inf, +inf, -nan, snan
.double nan, inf, -inf, +inf, -nan, snan
#### .tfloat nan, inf, -inf
.tfloat nan, inf, -inf
#### .float 0x:3f800000
.float 0x:3f800000
#### .double 0x:3ff0000000000000
.double 0x:3ff0000000000000
#### .float 0b1
.float 0b1
#### .octa 0x123456789abcdef0123456789abcdef, 1, -1, -5, 99999999
.octa 0x123456789abcdef0123456789abcdef, 1, -1, -5, 99999999999999999999999999999
#### .quad 0xffffffffffffffff, -1, 18446744073709551615
.quad 0xffffffffffffffff, -1, 18446744073709551615
#### .quad 0x1ffffffffffffffff
.quad 0x1ffffffffffffffff
#### .long 0x1ffffffff
.long 0x1ffffffff
#### .byte 256, -129, 255
.byte 256, -129, 255
#### .dc.a 1, foo ; .dc.b 1 ; .dc.w 1 ; .dc.l 1 ; .dc.s 1.5 ; .dc
.dc.a 1, foo
.dc.b 1
.dc.w 1
.dc.l 1
.dc.s 1.5
.dc.d 1.5
#### .dc.x 1.5
.dc.x 1.5
#### .dcb.x 2, 1.5
.dcb.x 2, 1.5
#### .ds.x 2 ; .ds.p 2 ; .ds 3
.ds.x 2
.ds.p 2
.ds 3
#### .nops 5 ; .nops 5, 2 ; .nops 30 ; .nops 100 ; .nops 200 ; .n
.nops 5
.nops 5, 2
.nops 30
.nops 100
.nops 200
.nops 0
#### .symver a,b@V1 ; .text ; a: nop
.symver a,b@V1
.text
a: nop
#### .symver a,b@V1,remove ; .text ; a: nop
.symver a,b@V1,remove
.text
a: nop
#### .symver a,b@V1,local ; .text ; .globl a ; a: nop
.symver a,b@V1,local
.text
.globl a
a: nop
#### .weakref a,b ; call a
.weakref a,b
call a
#### .weakref a,b
.weakref a,b
#### .weakref a,b ; call b ; call a
.weakref a,b
call b
call a
#### .gnu_attribute 4,1
.gnu_attribute 4,1
#### .section .foo,"a" ; .attach_to_group g ; .long 1
.section .foo,"a"
.attach_to_group g
.long 1
#### .linkonce
.linkonce
#### .section .foo,"ax" ; .linkonce discard ; nop
.section .foo,"ax"
.linkonce discard
nop
#### .cfi_startproc ; .cfi_window_save ; .cfi_endproc
.cfi_startproc
.cfi_window_save
.cfi_endproc
#### .cfi_startproc ; nop ; .cfi_label foo ; nop ; .cfi_endproc
.cfi_startproc
nop
.cfi_label foo
nop
.cfi_endproc
#### .warning "x"
.warning "x"
#### .file "a b.c"
.file "a b.c"
#### .ident "foo" ; .ident "bar"
.ident "foo"
.ident "bar"
#### .version "1.0"
.version "1.0"
#### .text ; .byte 'a, 'b', '\n', '\\, '''
.text
.byte 'a, 'b', '\n', '\\, '''
#### .byte 'a+1
.byte 'a+1
#### .long 1u, 2UL, 3ull
.long 1u, 2UL, 3ull
#### .code16 ; nop ; .p2align 4 ; nop ; .code32 ; nop
.code16
nop
.p2align 4
nop
.code32
nop
#### .code32 ; nop ; .p2align 4 ; nop ; .code16 ; nop
.code32
nop
.p2align 4
nop
.code16
nop
#### .code16 ; nop ; .p2align 4 ; nop ; .code32 ; nop ; .p2align 
.code16
nop
.p2align 4
nop
.code32
nop
.p2align 5
.code16
#### .code16 ; nop ; .p2align 4 ; .data ; .code32
.code16
nop
.p2align 4
.data
.code32
#### .section .rodata.str1.1,"aMS",@progbits,1 ; .LC5: .string "a
.section .rodata.str1.1,"aMS",@progbits,1
.LC5: .string "abc"
.LC6: .string "d"
.data
x: .long 1
.text
lea 1+.LC5(%rip),%rax
lea .LC6(%rip),%rax
y: nop
#### .section .rodata.str1.1,"aMS",@progbits,1 ; .LC5: .string "a
.section .rodata.str1.1,"aMS",@progbits,1
.LC5: .string "abc"
.LC6: .string "d"
.data
x: .long 1
.text
lea .LC5+1(%rip),%rax
lea .LC6(%rip),%rax
y: nop
#### .section .rodata.str1.1,"aMS",@progbits,1 ; .LC5: .string "a
.section .rodata.str1.1,"aMS",@progbits,1
.LC5: .string "abc"
.LC6: .string "d"
.text
lea -1+.LC5(%rip),%rax
lea .LC6-1+2(%rip),%rax
y: nop
#### .macro m ; mov K + L(%rip), %eax ; .endm ; K=0 ; m ; K=32 ; 
.macro m
mov K + L(%rip), %eax
.endm
K=0
m
K=32
m
.rept 2
K=K+1
mov K+L(%rip),%eax
.endr
.section .rodata
L: .long 4
#### .section .rodata ; L: .long 4 ; .text ; K=0 ; mov K + L(%rip
.section .rodata
L: .long 4
.text
K=0
mov K + L(%rip), %eax
K=32
mov K + L(%rip), %eax
mov $K+L, %eax
K=33
mov $K+L, %eax
#### .section .rodata ; L: .long 4 ; .text ; K=0 ; mov L+K(%rip),
.section .rodata
L: .long 4
.text
K=0
mov L+K(%rip), %eax
jmp L+K
call K+L
.quad K+L
K=32
mov L+K(%rip), %eax
jmp L+K
call K+L
.quad K+L
#### K=0 ; mov L+K(%rip), %eax ; K=32 ; mov L+K(%rip), %eax ; mov
K=0
mov L+K(%rip), %eax
K=32
mov L+K(%rip), %eax
mov 4*K+L(%rip), %eax
K=33
mov 4*K+L(%rip), %eax
#### .file "a" ; nop ; .file "b" ; .globl x ; .file "c" ; y: call
.file "a"
nop
.file "b"
.globl x
.file "c"
y: call x
#### foo: nop ; .file "a" ; nop ; .file "b" ; bar: ; .file "a"
foo: nop
.file "a"
nop
.file "b"
bar:
.file "a"
#### 

#### .section .t,"ax" ; call a ; jne 1f ; .subsection 1 ; 1: call
.section .t,"ax"
call a
jne 1f
.subsection 1
1: call b
.subsection 0
call c
.long d
x=.
.subsection 1
call e
.long f
.subsection 0
.reloc 0, R_386_NONE, g
call h
.if . - x == 0
.endif
#### .slong: signed numbers
.data
.slong xtrn, xtrn-4, 5, -5, .+1

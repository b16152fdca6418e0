#### .code16 ; .arch i8086 ; jne foo ; jne 1f ; .skip 200 ; 1: no
.code16
.arch i8086
jne foo
jne 1f
.skip 200
1: nop
loop 1b
#### .arch i8086 ; .code16 ; jmp 1f ; .skip 200 ; 1: ; jcxz 1b
.arch i8086
.code16
jmp 1f
.skip 200
1:
jcxz 1b
#### .arch i386 ; .code32 ; .p2align 4 ; nop ; .p2align 4 ; nop ;
.arch i386
.code32
.p2align 4
nop
.p2align 4
nop
.p2align 5
#### .arch i686 ; .code32 ; nop ; .p2align 4 ; nop ; .p2align 5
.arch i686
.code32
nop
.p2align 4
nop
.p2align 5
#### .arch pentium4 ; .code32 ; nop ; .p2align 4 ; nop ; .p2align
.arch pentium4
.code32
nop
.p2align 4
nop
.p2align 5
#### .arch .mmx ; nop ; .p2align 5
.arch .mmx
nop
.p2align 5
#### .arch generic32 ; nop ; .p2align 5
.arch generic32
nop
.p2align 5
#### .arch default ; nop ; .p2align 5
.arch default
nop
.p2align 5
#### .arch push ; .arch i386 ; nop ; .p2align 5 ; .arch pop ; nop
.arch push
.arch i386
nop
.p2align 5
.arch pop
nop
.p2align 5
#### .arch i386,jumps ; nop
.arch i386,jumps
nop
#### .code32 ; .arch core2 ; nop ; .arch i386 ; .p2align 5 ; .arc
.code32
.arch core2
nop
.arch i386
.p2align 5
.arch core2
#### two extensions together
.arch generic64
.arch .avx
.arch .aes
vaesenc (%rcx),%xmm0,%xmm2
vaesimc %xmm1,%xmm2

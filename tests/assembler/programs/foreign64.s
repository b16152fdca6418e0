#### mov foo+4@GOTPCREL(%rip),%rax ; mov foo@GOTPCREL+4(%rip),%ra
mov foo+4@GOTPCREL(%rip),%rax
mov foo@GOTPCREL+4(%rip),%rax
.quad foo+4@GOT, foo@GOTPCREL-8
#### retfq ; lretq ; retfq $4 ; retf $8
retfq
lretq
retfq $4
retf $8
#### .code32 ; .cfi_startproc ; nop ; .code64 ; .cfi_offset rbp,8
.code32
.cfi_startproc
nop
.code64
.cfi_offset rbp,8
.cfi_endproc
#### .cfi_startproc ; nop ; .code32 ; .cfi_endproc
.cfi_startproc
nop
.code32
.cfi_endproc
#### .cfi_startproc ; nop ; .cfi_offset mm3,8 ; .cfi_offset k1,8 
.cfi_startproc
nop
.cfi_offset mm3,8
.cfi_offset k1,8
.cfi_offset xmm17,8
.cfi_offset fs.base,8
.cfi_endproc
#### call *x@tlscall(%rax) ; lea x@tlsdesc(%rip),%rax
call *x@tlscall(%rax)
lea x@tlsdesc(%rip),%rax
#### rex64 pushq %rax ; rex64 sysret ; rex.W sysexit ; rex64 iret
rex64 pushq %rax
rex64 sysret
rex.W sysexit
rex64 iret
rex64 lret
rex64 cmpxchg8b (%rax)
#### call *x@tlscall(%rax)
call *x@tlscall(%rax)
#### call *x@tlscall(%rax) ; lea x@tlsdesc(%rip),%rax ; call *x@T
call *x@tlscall(%rax)
lea x@tlsdesc(%rip),%rax
call *x@TLSCALL(%rax)
#### rex64/fxsave (%rax)
rex64/fxsave (%rax)
#### rex64 fxsave (%rax)
rex64 fxsave (%rax)
#### rex64 sysret
rex64 sysret
#### rex64 iret
rex64 iret
#### mov $x@GOTOFF,%rax
mov $x@GOTOFF,%rax
#### mov $x@SIZE,%rax ; mov $x@PLTOFF,%rcx ; mov $x@GOT,%rcx
mov $x@SIZE,%rax
mov $x@PLTOFF,%rcx
mov $x@GOT,%rcx
#### .code16 ; nop ; .p2align 4 ; .code64 ; nop ; .p2align 4
.code16
nop
.p2align 4
.code64
nop
.p2align 4
#### nop ; .p2align 4 ; .code16
nop
.p2align 4
.code16
#### .code32 ; nop ; .p2align 4 ; .code16 ; nop ; .p2align 4 ; .c
.code32
nop
.p2align 4
.code16
nop
.p2align 4
.code64
nop
.p2align 4
#### .code16 ; .nops 9 ; .code32 ; .nops 9
.code16
.nops 9
.code32
.nops 9
#### .code32 ; .nops 9 ; .code16 ; .nops 9
.code32
.nops 9
.code16
.nops 9
#### .code16 ; nop ; .p2align 8 ; .code64
.code16
nop
.p2align 8
.code64
#### .code64 ; nop ; .p2align 8 ; .code16
.code64
nop
.p2align 8
.code16
#### movq $ucode_path, path(%rip) ; ret ; .local path ; .comm pat
movq $ucode_path, path(%rip)
ret
.local path
.comm path,8,8
.section .rodata
ucode_path: .byte 1
#### foo: ; movq $ucode_path, path(%rip) ; .local path ; .comm pa
foo:
movq $ucode_path, path(%rip)
.local path
.comm path,8,8
.section .rodata
ucode_path: .byte 1
#### movq $wakeup_long64, initial_code(%rip)
movq $wakeup_long64, initial_code(%rip)
#### .intel_syntax noprefix ; mov eax, DWORD PTR .LC1[rip] ; lea 
.intel_syntax noprefix
mov eax, DWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; movss xmm0, DWORD PTR .LC1[rip] ; l
.intel_syntax noprefix
movss xmm0, DWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; mov eax,.LC1[rip] ; lea r9, .LC9[ri
.intel_syntax noprefix
mov eax,.LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; movaps xmm0, XMMWORD PTR .LC1[rip] 
.intel_syntax noprefix
movaps xmm0, XMMWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; movsd xmm0, QWORD PTR .LC1[rip] ; l
.intel_syntax noprefix
movsd xmm0, QWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; mov rax, QWORD PTR .LC1[rip] ; lea 
.intel_syntax noprefix
mov rax, QWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; lea rax, .LC1[rip] ; lea r9, .LC9[r
.intel_syntax noprefix
lea rax, .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; mov rax, .LC1[rip] ; lea r9, .LC9[r
.intel_syntax noprefix
mov rax, .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; mov al, BYTE PTR .LC1[rip] ; lea r9
.intel_syntax noprefix
mov al, BYTE PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; addsd xmm0, QWORD PTR .LC1[rip] ; l
.intel_syntax noprefix
addsd xmm0, QWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; add rax, QWORD PTR .LC1[rip] ; lea 
.intel_syntax noprefix
add rax, QWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; lea rax, [rip+.LC1] ; lea r9, .LC9[
.intel_syntax noprefix
lea rax, [rip+.LC1]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; lea rax, [.LC1+rip] ; lea r9, .LC9[
.intel_syntax noprefix
lea rax, [.LC1+rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; lea rax, 1+.LC1[rip] ; lea r9, .LC9
.intel_syntax noprefix
lea rax, 1+.LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; lea rax, .LC1[rip+1] ; lea r9, .LC9
.intel_syntax noprefix
lea rax, .LC1[rip+1]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; fld QWORD PTR .LC1[rip] ; lea r9, .
.intel_syntax noprefix
fld QWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; mov rax, OFFSET FLAT:.LC1 ; lea r9,
.intel_syntax noprefix
mov rax, OFFSET FLAT:.LC1
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; mov eax, OFFSET .LC1 ; lea r9, .LC9
.intel_syntax noprefix
mov eax, OFFSET .LC1
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; movq xmm0, QWORD PTR .LC1[rip] ; le
.intel_syntax noprefix
movq xmm0, QWORD PTR .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; push .LC1[rip] ; lea r9, .LC9[rip] 
.intel_syntax noprefix
push .LC1[rip]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### .intel_syntax noprefix ; jmp [QWORD PTR .LC1[0+rdi*8]] ; lea
.intel_syntax noprefix
jmp [QWORD PTR .LC1[0+rdi*8]]
lea r9, .LC9[rip]
y: nop
.section .rodata.str1.1,"aMS",@progbits,1
.LC1: .string "a"
.LC9: .string "ab"
#### data16 clflush (%rdi) ; ds clflush (%rdi)
data16 clflush (%rdi)
ds clflush (%rdi)
#### .text ; call f ; jmp f ; .section .t2,"ax" ; f: nop ; .text 
.text
call f
jmp f
.section .t2,"ax"
f: nop
.text
call f
jmp f
#### .text ; call f ; jmp f ; .section .t2,"axG",@progbits,g,comd
.text
call f
jmp f
.section .t2,"axG",@progbits,g,comdat
f: nop
.text
call f
jmp f
#### .text ; call f ; .section .t2,"ax" ; f: nop ; .text
.text
call f
.section .t2,"ax"
f: nop
.text
#### .section .t1,"axG",@progbits,h,comdat ; call f ; call f.isra
.section .t1,"axG",@progbits,h,comdat
call f
call f.isra.0
.section .t2,"axG",@progbits,g,comdat
f: nop
.type f.isra.0,@function
f.isra.0: nop
#### .text ; call .Lf ; jmp .Lf ; .section .t2,"ax" ; .Lf: nop
.text
call .Lf
jmp .Lf
.section .t2,"ax"
.Lf: nop
#### suffixes and prefixes that choose an encoding, and indices that are none
.allow_index_reg
add.s %dl,%cl
mov.s %eax,%ebx
mov.d8 (%rax),%ebx
mov.d32 3(%rax),%ebx
movaps.s %xmm1,%xmm2
vmovaps.s %xmm1,%xmm2
vmovapd.s %zmm29, %zmm30{%k7}
vmovss.s %xmm1,%xmm2,%xmm3
vmovq.s %xmm1,%xmm2
movq.s %xmm1,%xmm2
movq.s %mm1,%mm2
lea 0x0(%rsi,%riz,1),%rsi
lea 0x0(%esi,%eiz,1),%esi
mov -30(,%riz),%ebx
mov -30(,%riz,2),%eax
mov (%rbx,%riz,4),%eax
mov (%r12,%riz,8),%eax
vmovdqa 0x99(,%riz),%xmm0
vmovaps 64(%rax,%riz), %zmm0
.intel_syntax noprefix
mov eax,[rax+riz]
lea esi,[esi+eiz*1+0]
.att_syntax
.code32
lea 0x0(%esi,%eiz,1),%esi
vldmxcsr 0x99(,%eiz)
lea    0x0(%edi,%eiz,1),%edi
mov %eax,0(%esp,%eiz,1)
.code16
lea 0x0(%esi,%eiz,1),%esi
.code32
jmp.d32 1f
{disp32} jmp 1f
{disp8} jmp 1f
{disp32} jne 1f
jne.d32 undefd
jmp.d8 1f
call.d32 1f
1:
.code64
{disp32} jmp 1b
.globl g
g: {disp32} jmp g
#### prefixes of branches
data16 jmp foo
data16 rex.w jmp foo
data16 rex.w call foo
data16 call foo
#### calls of indirect functions through the PLT
jmp ifunc@PLT
.type ifunc, @gnu_indirect_function
ifunc: ret
#### flat addresses
.intel_syntax noprefix
mov eax, FLAT:[rbx]
mov eax, dword ptr flat:[x]
mov FLAT:[rbx+4], eax
x:
#### names for registers in Intel syntax
.intel_syntax noprefix
.set ACC, xmm17
.set A2, eax
vaddss xmm1,xmm2,ACC
mov A2, [rbx+4]
.att_syntax
mov A2, %ebx
#### jmp foo+4: what lies behind a symbol has no PLT entry
jmp foo
jmp foo+4
call foo+4
jne foo-4
i = 1
jmp foo + i*13
call foo + i*13
jmp bar+4
call bar
call bar+4
.globl bar
bar: call bar+4
#### movabs $xtrn@gotplt, %rax
movabs $xtrn@gotplt, %rax
.quad xtrn@gotplt
#### .intel_syntax noprefix ; jmp $ ; mov rax,[rip+$]
.intel_syntax noprefix
jmp $
jmp $+2
mov rax, [rip+$]
lea rax, [$]
.set here, $
.quad here, $
#### invlpga %rax, %ecx ; mov %eax, -0xccddef(,%eiz)
invlpga %rax, %ecx
invlpga %eax, %ecx
addr32 vgatherdps %xmm2, xtrn(,%xmm1), %xmm0
#### %ss: and the bases
mov %eax, %ss:0x12(%rax)
mov %eax, %ss:0x12(%rcx)
mov %eax, %ss:0x12(%rdx)
mov %eax, %ss:0x12(%rbx)
mov %eax, %ss:0x12(%rbp)
mov %eax, %ds:0x12(%rbp)
mov %eax, %ds:0x12(%rsi)

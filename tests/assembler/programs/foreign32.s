#### leal _end+3@GOTOFF(%ebx),%ecx ; leal _end@GOTOFF+3(%ebx),%ec
leal _end+3@GOTOFF(%ebx),%ecx
leal _end@GOTOFF+3(%ebx),%ecx
leal 3+_end@GOTOFF(%ebx),%ecx
.long _end+3@GOTOFF
#### .code64 ; .p2align 4 ; nop ; .p2align 4
.code64
.p2align 4
nop
.p2align 4
#### .code64 ; lea foo-0x100000(%rip),%rax ; mov 1f(%rip),%eax ; 
.code64
lea foo-0x100000(%rip),%rax
mov 1f(%rip),%eax
.p2align 3
1: .long 0
.code32
lea 1b,%eax
mov foo(%eax),%ecx
pushl $foo
#### .code64 ; lret ; ljmp *(%rax) ; lgdt foo(%rip) ; mov $0x10,%
.code64
lret
ljmp *(%rax)
lgdt foo(%rip)
mov $0x10,%ax
mov %ax,%ds
iretq
call foo@PLT
#### .code64 ; mov _GLOBAL_OFFSET_TABLE_(%rip),%eax
.code64
mov _GLOBAL_OFFSET_TABLE_(%rip),%eax
#### .code64 ; .cfi_startproc ; push %rbp ; .cfi_adjust_cfa_offse
.code64
.cfi_startproc
push %rbp
.cfi_adjust_cfa_offset 8
.cfi_rel_offset %rbp,0
pop %rbp
.cfi_endproc
#### movl x@GOT,%eax
movl x@GOT,%eax
#### movl x@GOT(%ebx),%eax ; call *x@GOT(%ebx) ; movl $x@GOTOFF,%
movl x@GOT(%ebx),%eax
call *x@GOT(%ebx)
movl $x@GOTOFF,%eax
leal x@NTPOFF(%eax),%eax
#### leal x@tlsdesc(%ebx),%eax ; call *x@tlscall(%eax)
leal x@tlsdesc(%ebx),%eax
call *x@tlscall(%eax)
#### call *x
call *x
#### call *x@GOT
call *x@GOT
#### call *x@GOT+4
call *x@GOT+4
#### jmp *x@GOT
jmp *x@GOT
#### pushl x@GOT
pushl x@GOT
#### mov x@GOT,%eax
mov x@GOT,%eax
#### .equ r,-1 ; .equ r,%ecx ; .equ r,%edx ; .equ r,5
.equ r, -1
movl $r, %eax
movl (r), %eax
.equ r, %ecx
.equ s, %fs
testl r, r
movl s:(r,r,4), r
.equ r, %edx
testl r, r
.equ r, 5
movl $r, %eax
#### a name equated to a name that becomes a register later
.equ z, y
.equ y, x
.equ x, %st(1)
fadd x
fsub z
#### addresses of 32 bits wrap
movl $page_table - 0xC0000000, %eax
lgdt (gdt - 0xC0000000)
mov $(pvh_start_info - 0xC0000000), %edi
mov $val + 0xffffff00, %edx
movl $sym + 500 + 0xffffff00, (%edx)
mov -0xffffffff(%eax), %eax
mov -0x1ffffffff(%eax), %eax
add $-0x100000001, %ecx
.long val + 0xffffff00
.long sym - 0xC0000000
.equ val, 400
#### .intel_syntax noprefix ; jmp $ ; jmp $+2
.intel_syntax noprefix
a: jmp $
jmp $+2
jmp short $+2
mov eax, offset $
mov eax, $
call $
jne $-4
push $
.long $, $+4, $-a
#### .intel_syntax noprefix ; .long 9 shl 6
.intel_syntax noprefix
x = 1 shl 5 or 3
.long not 3, x, 8 mod 5, 9 shl 6, 5 and 4, 5 xor 4, 1 shr 1
.if 3 lt 4
.byte 1
.endif
.if 3 eq 4
.byte 1
.endif
.ascii "a and b $"
.byte byte, word, dword, fword, qword, tbyte, oword, mmword, xmmword, ymmword, zmmword
.long dword * 2, a_word
.byte '$', 'a'
#### %ss: is left out where the base implies it, whichever came first
mov %ds, %ss:0x12(%eax)
mov %ds, %ss:0x12(%ecx)
mov %ds, %ss:0x12(%edx)
mov %ds, %ss:0x12(%ebx)
mov %ds, %ss:0x12(%ebp)
mov %ds, %ss:0x12(%esi)
mov %ds, %ds:0x12(%ebp)
mov %ds, %ds:0x12(%edi)
#### branches wrap at 4 GiB and at 64 KiB
call .+5+0x90909090
jmp .-0xC0000000
jne .+0xF0000000
.code16
callw .+3+0x9090
jmp .+0xf000
jmp .-0xf000
#### @GOT with an index and no base
movl x@GOT(,%eax,4), %ecx
movl x@GOT(%ebx,%eax,4), %ecx
movl x@GOT(%ebx), %ecx

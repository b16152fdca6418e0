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

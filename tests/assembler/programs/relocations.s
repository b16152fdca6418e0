#### .long x@GOT
.long x@GOT
.long l@GOT+4
.data
l: .long 1
#### .quad x@GOT
.quad x@GOT
.quad l@GOT+4
.data
l: .long 1
#### .long x@GOTPCREL
.long x@GOTPCREL
.long l@GOTPCREL+4
.data
l: .long 1
#### .quad x@GOTPCREL
.quad x@GOTPCREL
.quad l@GOTPCREL+4
.data
l: .long 1
#### .long x@PLTOFF
.long x@PLTOFF
.long l@PLTOFF+4
.data
l: .long 1
#### .quad x@PLTOFF
.quad x@PLTOFF
.quad l@PLTOFF+4
.data
l: .long 1
#### .long x@TLSGD
.long x@TLSGD
.long l@TLSGD+4
.data
l: .long 1
#### .quad x@TLSGD
.quad x@TLSGD
.quad l@TLSGD+4
.data
l: .long 1
#### .long x@TLSLD
.long x@TLSLD
.long l@TLSLD+4
.data
l: .long 1
#### .quad x@TLSLD
.quad x@TLSLD
.quad l@TLSLD+4
.data
l: .long 1
#### .long x@GOTTPOFF
.long x@GOTTPOFF
.long l@GOTTPOFF+4
.data
l: .long 1
#### .quad x@GOTTPOFF
.quad x@GOTTPOFF
.quad l@GOTTPOFF+4
.data
l: .long 1
#### .long x@TPOFF
.long x@TPOFF
.long l@TPOFF+4
.data
l: .long 1
#### .quad x@TPOFF
.quad x@TPOFF
.quad l@TPOFF+4
.data
l: .long 1
#### .long x@DTPOFF
.long x@DTPOFF
.long l@DTPOFF+4
.data
l: .long 1
#### .quad x@DTPOFF
.quad x@DTPOFF
.quad l@DTPOFF+4
.data
l: .long 1
#### .long x@GOTOFF
.long x@GOTOFF
.long l@GOTOFF+4
.data
l: .long 1
#### .quad x@GOTOFF
.quad x@GOTOFF
.quad l@GOTOFF+4
.data
l: .long 1
#### .long x@PLT
.long x@PLT
.long l@PLT+4
.data
l: .long 1
#### .quad x@PLT
.quad x@PLT
.quad l@PLT+4
.data
l: .long 1
#### .long x@SIZE
.long x@SIZE
.long l@SIZE+4
.data
l: .long 1
#### .quad x@SIZE
.quad x@SIZE
.quad l@SIZE+4
.data
l: .long 1
#### lea _GLOBAL_OFFSET_TABLE_(%rip),%rbx
lea _GLOBAL_OFFSET_TABLE_(%rip),%rbx
l: nop
f:
#### movabs $_GLOBAL_OFFSET_TABLE_,%r11
movabs $_GLOBAL_OFFSET_TABLE_,%r11
l: nop
f:
#### movabs $x@GOTOFF,%rax
movabs $x@GOTOFF,%rax
l: nop
f:
#### movabs $l@GOTOFF,%rax
movabs $l@GOTOFF,%rax
l: nop
f:
#### mov $_GLOBAL_OFFSET_TABLE_,%ebx
mov $_GLOBAL_OFFSET_TABLE_,%ebx
l: nop
f:
#### mov x@GOTPCREL(%rip),%rax
mov x@GOTPCREL(%rip),%rax
l: nop
f:
#### mov l@GOTPCREL(%rip),%rax
mov l@GOTPCREL(%rip),%rax
l: nop
f:
#### mov x@GOTPCREL(%rip),%eax
mov x@GOTPCREL(%rip),%eax
l: nop
f:
#### call *x@GOTPCREL(%rip)
call *x@GOTPCREL(%rip)
l: nop
f:
#### jmp *x@GOTPCREL(%rip)
jmp *x@GOTPCREL(%rip)
l: nop
f:
#### add x@GOTPCREL(%rip),%rax
add x@GOTPCREL(%rip),%rax
l: nop
f:
#### push x@GOTPCREL(%rip)
push x@GOTPCREL(%rip)
l: nop
f:
#### movq x@gottpoff(%rip),%rax
movq x@gottpoff(%rip),%rax
l: nop
f:
#### movq %fs:x@tpoff,%rax
movq %fs:x@tpoff,%rax
l: nop
f:
#### leaq x@tlsgd(%rip),%rdi
leaq x@tlsgd(%rip),%rdi
l: nop
f:
#### leaq x@tlsld(%rip),%rdi
leaq x@tlsld(%rip),%rdi
l: nop
f:
#### leaq x@dtpoff(%rax),%rdi
leaq x@dtpoff(%rax),%rdi
l: nop
f:
#### leaq x@tlsdesc(%rip),%rax
leaq x@tlsdesc(%rip),%rax
l: nop
f:
#### mov $x@SIZE,%eax
mov $x@SIZE,%eax
l: nop
f:
#### movabs $x@SIZE,%rax
movabs $x@SIZE,%rax
l: nop
f:
#### mov $y+4@GOT,%eax
mov $y+4@GOT,%eax
l: nop
f:
#### .long _GLOBAL_OFFSET_TABLE_
.long _GLOBAL_OFFSET_TABLE_
l: nop
f:
#### .quad _GLOBAL_OFFSET_TABLE_
.quad _GLOBAL_OFFSET_TABLE_
l: nop
f:
#### .long _GLOBAL_OFFSET_TABLE_-.
.long _GLOBAL_OFFSET_TABLE_-.
l: nop
f:
#### .quad _GLOBAL_OFFSET_TABLE_-.
.quad _GLOBAL_OFFSET_TABLE_-.
l: nop
f:
#### .long _GLOBAL_OFFSET_TABLE_-f
.long _GLOBAL_OFFSET_TABLE_-f
l: nop
f:
#### call l@PLT
call l@PLT
l: nop
f:
#### jmp l@PLT
jmp l@PLT
l: nop
f:
#### mov $l@PLT,%eax
mov $l@PLT,%eax
l: nop
f:
#### .long l@PLT
.long l@PLT
l: nop
f:
#### .long l@PLT-.
.long l@PLT-.
l: nop
f:
#### sizes of sections
.text
movl $.text@SIZE, %eax
movl $.data@SIZE + 4, %eax
.data
.zero 80
#### starts and sizes of sections, for linkers of old
.data
.dc.a .startof.(.text)
.dc.a .sizeof.(.text) + 4

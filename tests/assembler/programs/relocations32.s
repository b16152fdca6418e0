#### .long x@GOT
.long x@GOT
.long l@GOT+4
.data
l: .long 1
#### .long x@TLSGD
.long x@TLSGD
.long l@TLSGD+4
.data
l: .long 1
#### .long x@TLSLDM
.long x@TLSLDM
.long l@TLSLDM+4
.data
l: .long 1
#### .long x@GOTTPOFF
.long x@GOTTPOFF
.long l@GOTTPOFF+4
.data
l: .long 1
#### .long x@TPOFF
.long x@TPOFF
.long l@TPOFF+4
.data
l: .long 1
#### .long x@NTPOFF
.long x@NTPOFF
.long l@NTPOFF+4
.data
l: .long 1
#### .long x@DTPOFF
.long x@DTPOFF
.long l@DTPOFF+4
.data
l: .long 1
#### .long x@GOTOFF
.long x@GOTOFF
.long l@GOTOFF+4
.data
l: .long 1
#### .long x@GOTNTPOFF
.long x@GOTNTPOFF
.long l@GOTNTPOFF+4
.data
l: .long 1
#### .long x@INDNTPOFF
.long x@INDNTPOFF
.long l@INDNTPOFF+4
.data
l: .long 1
#### .long x@SIZE
.long x@SIZE
.long l@SIZE+4
.data
l: .long 1
#### addl $_GLOBAL_OFFSET_TABLE_,%ebx
.data
.long 5
.text
l: nop
addl $_GLOBAL_OFFSET_TABLE_,%ebx
f:
#### addl $_GLOBAL_OFFSET_TABLE_+[.-l],%ebx
.data
.long 5
.text
l: nop
addl $_GLOBAL_OFFSET_TABLE_+[.-l],%ebx
f:
#### mov x@GOT(%ebx),%eax
.data
.long 5
.text
l: nop
mov x@GOT(%ebx),%eax
f:
#### mov x@GOTOFF(%ebx),%eax
.data
.long 5
.text
l: nop
mov x@GOTOFF(%ebx),%eax
f:
#### leal x@tlsgd(,%ebx,1),%eax
.data
.long 5
.text
l: nop
leal x@tlsgd(,%ebx,1),%eax
f:
#### leal x@tlsldm(%ebx),%eax
.data
.long 5
.text
l: nop
leal x@tlsldm(%ebx),%eax
f:
#### movl x@gotntpoff(%ebx),%eax
.data
.long 5
.text
l: nop
movl x@gotntpoff(%ebx),%eax
f:
#### movl x@indntpoff,%eax
.data
.long 5
.text
l: nop
movl x@indntpoff,%eax
f:
#### movl %gs:x@ntpoff,%eax
.data
.long 5
.text
l: nop
movl %gs:x@ntpoff,%eax
f:
#### leal x@dtpoff(%eax),%eax
.data
.long 5
.text
l: nop
leal x@dtpoff(%eax),%eax
f:
#### call x@PLT
.data
.long 5
.text
l: nop
call x@PLT
f:
#### call l@PLT
.data
.long 5
.text
l: nop
call l@PLT
f:
#### call *x@GOT(%ebx)
.data
.long 5
.text
l: nop
call *x@GOT(%ebx)
f:
#### .long _GLOBAL_OFFSET_TABLE_
.data
.long 5
.text
l: nop
.long _GLOBAL_OFFSET_TABLE_
f:
#### .long l-x
.data
.long 5
.text
l: nop
.long l-x
f:
#### call x
.data
.long 5
.text
l: nop
call x
f:
#### jmp x
.data
.long 5
.text
l: nop
jmp x
f:
#### jc x
.data
.long 5
.text
l: nop
jc x
f:
#### .quad x
.data
.long 5
.text
l: nop
.quad x
f:
#### .word x
.data
.long 5
.text
l: nop
.word x
f:
#### .byte x
.data
.long 5
.text
l: nop
.byte x
f:
#### mov $x,%eax
.data
.long 5
.text
l: nop
mov $x,%eax
f:
#### mov x,%eax
.data
.long 5
.text
l: nop
mov x,%eax
f:

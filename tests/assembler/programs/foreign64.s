#### mov foo+4@GOTPCREL(%rip),%rax ; mov foo@GOTPCREL+4(%rip),%ra
mov foo+4@GOTPCREL(%rip),%rax
mov foo@GOTPCREL+4(%rip),%rax
.quad foo+4@GOT, foo@GOTPCREL-8
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

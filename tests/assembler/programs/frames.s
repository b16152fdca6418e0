#### one procedure
f: .cfi_startproc
.cfi_endproc
#### rules
f: .cfi_startproc
push %rbp
.cfi_def_cfa_offset 16
.cfi_offset %rbp, -16
mov %rsp,%rbp
.cfi_def_cfa_register %rbp
nop
.cfi_def_cfa %rsp, 8
.cfi_restore %rbp
nop
.cfi_undefined %rip
.cfi_same_value rbx
.cfi_register %rax, %rbx
nop
.cfi_offset 3, -24
.cfi_rel_offset %r12, 8
.cfi_adjust_cfa_offset 8
.cfi_adjust_cfa_offset -8
.cfi_escape 0x0f,0x03,0x77,8,6
nop
.cfi_offset %xmm15, -32
.cfi_offset %rflags, -40
.cfi_offset %mxcsr, -48
.cfi_val_offset %rsp, -16
.cfi_val_offset %rsp, 16
.cfi_offset %rbx, 16
.cfi_def_cfa_offset -8
.cfi_def_cfa %rsp, -16
.cfi_restore %mxcsr
.cfi_restore %rax, %rbx
.cfi_endproc
#### states
f: .cfi_startproc
push %rbx
.cfi_adjust_cfa_offset 8
.cfi_remember_state
pop %rbx
.cfi_adjust_cfa_offset -8
ret
.cfi_restore_state
nop
.cfi_adjust_cfa_offset 8
.cfi_endproc
#### several procedures share a common entry
f: .cfi_startproc
nop
.cfi_def_cfa_offset 16
.cfi_endproc
g: .cfi_startproc
nop
.cfi_endproc
h: .cfi_startproc simple
.cfi_def_cfa %rsp, 8
nop
.cfi_endproc
i: .cfi_startproc
.cfi_signal_frame
nop
.cfi_endproc
j: .cfi_startproc
.cfi_def_cfa %rbp, 16
nop
.cfi_endproc
k: .cfi_startproc
.cfi_return_column 3
nop
.cfi_endproc
l: .cfi_startproc
.cfi_def_cfa %rbp, 16
.cfi_remember_state
nop
.cfi_endproc
#### long distances
f: .cfi_startproc
.skip 63
.cfi_def_cfa_offset 16
.skip 64
.cfi_def_cfa_offset 24
.skip 255
.cfi_def_cfa_offset 32
.skip 256
.cfi_def_cfa_offset 40
.skip 65535
.cfi_def_cfa_offset 48
.skip 65536
.cfi_def_cfa_offset 56
.cfi_endproc
#### distances over branches and alignments
f: .cfi_startproc
jmp g
.cfi_def_cfa_offset 16
jne g
.cfi_def_cfa_offset 24
.balign 64
.cfi_def_cfa_offset 32
jmp f
.cfi_def_cfa_offset 40
.skip 100
g: nop
.cfi_endproc
#### exception handling
.globl personality
f: .cfi_startproc
.cfi_personality 3, personality
.cfi_lsda 3, .Ltable
nop
.cfi_endproc
g: .cfi_startproc
.cfi_personality 0x9b, DW.ref.personality
.cfi_lsda 0x1b, .Ltable
nop
.cfi_endproc
h: .cfi_startproc
.cfi_personality 0x9b, DW.ref.personality
.cfi_lsda 0x1b, .Ltable
nop
.cfi_endproc
i: .cfi_startproc
.cfi_personality 0xff
nop
.cfi_endproc
.data
.Ltable: .long 1
#### debug_frame
.cfi_sections .debug_frame
f: .cfi_startproc
nop
.cfi_def_cfa_offset 16
.cfi_endproc
g: .cfi_startproc
nop
.cfi_endproc
#### both sections
.cfi_sections .eh_frame, .debug_frame
f: .cfi_startproc
nop
.cfi_def_cfa_offset 16
.cfi_endproc
#### procedures in several sections
f: .cfi_startproc
nop
.section .text.other,"ax"
g: .cfi_startproc
nop
.cfi_def_cfa_offset 16
.cfi_endproc
.text
nop
.cfi_def_cfa_offset 24
.cfi_endproc
#### outside a procedure
.cfi_def_cfa_offset 16
#### never ended
.cfi_startproc
#### started twice
.cfi_startproc
.cfi_startproc
#### restore without remember
.cfi_startproc
.cfi_restore_state
.cfi_endproc

# entered.S - where the backtrace of an entry to the kernel goes on.
#
# Entries jump to their C handler, which never returns. What the handler takes for its return address
# is _oro_entered, and the call frame information here says how a debugger gets from there to the
# interrupted code: rsp points to stack_start.frame, and the frame has every register. It is a
# signal frame: the interrupted instruction is not one after a call.
.include "frame.inc"

# DWARF 5, 2.5.1 and 6.4.2, for .cfi_escape; registers by the System V ABI, figure 3.36.
.set DW_CFA_def_cfa_expression, 0x0f
.set DW_OP_deref, 0x06
.set DW_OP_plus_uconst, 0x23
.set DW_OP_breg7, 0x77              # rsp plus an offset

# The frame's end is the canonical frame address; two bytes hold its size as a ULEB128.
.macro frame_is_behind_rsp
    .cfi_escape DW_CFA_def_cfa_expression, 6, DW_OP_breg7, 0, DW_OP_deref, DW_OP_plus_uconst, (frame.sizeof & 0x7f) | 0x80, frame.sizeof >> 7
.endm

.section .text.entered,"ax",@progbits
.code64
    .cfi_sections .debug_frame

# Never executed. Debuggers look one byte before a return address, so an instruction stands there.
    .type entered, @function
entered:
    .cfi_startproc simple
    .cfi_signal_frame
    frame_is_behind_rsp
    .irp name, r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax, rsp
    .cfi_offset \name, frame.\name - frame.sizeof
    .endr
    .cfi_offset 16, frame.rip - frame.sizeof   # rip
    .cfi_offset 49, frame.rflags - frame.sizeof  # rflags
    .cfi_offset 51, frame.cs - frame.sizeof  # cs
    .cfi_offset 52, frame.ss - frame.sizeof  # ss
    ud2
    .globl _oro_entered
    .type _oro_entered, @function
_oro_entered:
    ud2
    .cfi_endproc
    .size entered, . - entered
    .size _oro_entered, . - _oro_entered

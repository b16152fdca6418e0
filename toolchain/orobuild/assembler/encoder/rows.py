"""The table of encodings that are ours; `corrections` reads it.

A line is `mnemonics | operands | encoding | modes`. Mnemonics are AT&T's; operands stand in the
SDM's order (destination first): `r8 r16 r32 r64 m m* sreg`, a register's name, `abs32` (an address
without registers), immediates `i8 i16 i32 is8 is32 i64` by the range they accept, alternatives with
`/`. Encodings: `o16 o32 o64` the operand size, `p:66` a prefix, opcode bytes, `/r` `/0`..`/7`, `rm`
when of two registers the second is ModRM.rm, `+r`, `ib iw id iq`. Modes default to all.
"""

from typing import Final

ROWS: Final = """
# keystone writes `mov $imm,%r64` with eight bytes of immediate, and 64-bit `mov addr,%eax` as
# a1 with eight bytes of address; GNU as takes the sign-extended forms.
mov movq | r64, is32 | o64 c7 /0 id | 64
mov movq movabs movabsq | r64, i64 | o64 b8 +r iq | 64
mov movb | r8, abs32 | 8a /r | 64
mov movb | abs32, r8 | 88 /r | 64
mov movw | r16, abs32 | o16 8b /r | 64
mov movw | abs32, r16 | o16 89 /r | 64
mov movl | r32, abs32 | 8b /r | 64
mov movl | abs32, r32 | 89 /r | 64
mov movq | r64, abs32 | o64 8b /r | 64
mov movq | abs32, r64 | o64 89 /r | 64

# No operand size prefix where only 16 bits are moved anyway.
mov movw | sreg, r16 | 8e /r rm
mov movl | sreg, r32 | 8e /r rm
mov movq | sreg, r64 | 8e /r rm | 64
mov movw movl | sreg, m | 8e /r
mov movw | r16, sreg | o16 8c /r
mov movl | r32, sreg | o32 8c /r
mov movq | r64, sreg | 8c /r | 64
mov movl | r32, cr8 | p:f0 0f20 /r | 16 32
mov movl | cr8, r32 | p:f0 0f22 /r rm | 16 32
str strq | r64 | 0f00 /1 | 64
sldt sldtq | r64 | 0f00 /0 | 64
pinsrw | mm, r64, i8 | 0fc4 /r rm ib | 64
pinsrw | xmm, r64, i8 | p:66 0fc4 /r rm ib | 64
pinsrb | xmm, r64, i8 | p:66 0f3a20 /r rm ib | 64
pextrw | r64, mm, i8 | 0fc5 /r rm ib | 64
pextrw | r64, xmm, i8 | p:66 0fc5 /r rm ib | 64
pextrb | r64, xmm, i8 | p:66 0f3a14 /r ib | 64
extractps | r64, xmm, i8 | p:66 0f3a17 /r ib | 64
pmovmskb | r64, mm | 0fd7 /r rm | 64
pmovmskb | r64, xmm | p:66 0fd7 /r rm | 64
movmskps | r64, xmm | 0f50 /r rm | 64
movmskpd | r64, xmm | p:66 0f50 /r rm | 64
mov movw movl | m, sreg | 8c /r
sysretl | | o32 0f07

# keystone writes 0f 18, which is a prefetch.
nopw nop | r16 | o16 0f1f /0
nopl nop | r32 | o32 0f1f /0
nopq nop | r64 | o64 0f1f /0 | 64
nopw | m | o16 0f1f /0
nopl | m | o32 0f1f /0
nopq | m | o64 0f1f /0 | 64

movsww | r16, r16/m | o16 0fbf /r rm
movzww | r16, r16/m | o16 0fb7 /r rm
movsxd | r32, r32/m | 63 /r rm | 64
movsxd | r64, r32/m | o64 63 /r rm | 64
movsx | r16, r16 | o16 0fbf /r rm
movzx | r16, r16 | o16 0fb7 /r rm
movsxd | r16, r32/r16/m | o16 63 /r rm | 64
call callw | *r16 | o16 ff /2
jmp jmpw | *r16 | o16 ff /4
callw | m* | o16 ff /2
jmpw | m* | o16 ff /4
enterw | i16, i8 | o16 c8 iw ib
enterl | i16, i8 | o32 c8 iw ib | 16 32
fldenvs | m | o16 d9 /4
fldenvl | m | o32 d9 /4
fstenvs | m | p:9b o16 d9 /6
fstenvl | m | p:9b o32 d9 /6
fnstenvs | m | o16 d9 /6
fnstenvl | m | o32 d9 /6
frstors | m | o16 dd /4
frstorl | m | o32 dd /4
fsaves | m | p:9b o16 dd /6
fsavel | m | p:9b o32 dd /6
fnsaves | m | o16 dd /6
fnsavel | m | o32 dd /6
monitor | rax, ecx, edx | 0f01c8 | 64
monitor | eax, ecx, edx | p:67 0f01c8 | 64
monitor | eax, ecx, edx | 0f01c8 | 32
monitor | eax, ecx, edx | p:67 0f01c8 | 16
monitor | ax, ecx, edx | p:67 0f01c8 | 32
monitor | ax, ecx, edx | 0f01c8 | 16
monitor | rax, rcx, rdx | 0f01c8 | 64
monitor | eax, rcx, rdx | p:67 0f01c8 | 64
monitorx | rax, ecx, edx | 0f01fa | 64
monitorx | eax, ecx, edx | p:67 0f01fa | 64
monitorx | eax, ecx, edx | 0f01fa | 32
monitorx | eax, ecx, edx | p:67 0f01fa | 16
monitorx | ax, ecx, edx | p:67 0f01fa | 32
monitorx | ax, ecx, edx | 0f01fa | 16
monitorx | rax, rcx, rdx | 0f01fa | 64
monitorx | eax, rcx, rdx | p:67 0f01fa | 64
invlpgb | rax, ecx, edx | 0f01fe | 64
invlpgb | eax, ecx, edx | p:67 0f01fe | 64
invlpgb | eax, ecx, edx | 0f01fe | 32
invlpga | eax, ecx | 0f01df | 32
pvalidate | eax, ecx, edx | p:f2 0f01ff | 32
invlpgb | eax, ecx, edx | p:67 0f01fe | 16
invlpga | eax, ecx | p:67 0f01df | 16
pvalidate | eax, ecx, edx | p:67 p:f2 0f01ff | 16
invlpgb | ax, ecx, edx | p:67 0f01fe | 32
invlpga | ax, ecx | p:67 0f01df | 32
pvalidate | ax, ecx, edx | p:67 p:f2 0f01ff | 32
invlpgb | ax, ecx, edx | 0f01fe | 16
invlpga | ax, ecx | 0f01df | 16
pvalidate | ax, ecx, edx | p:f2 0f01ff | 16
rmpquery | rax, rcx, rdx | p:f3 0f01fd | 64
rmpquery | eax, rcx, rdx | p:67 p:f3 0f01fd | 64
arpl arplw | r16/m, r16 | 63 /r | 16 32
verw verww | r16 | 0f00 /5
verr verrw | r16 | 0f00 /4
fdisi | | p:9b dbe1
feni | | p:9b dbe0
fsetpm | | p:9b dbe4
frstpm | | dbe5
lsl lsll | r32, r16/r32 | o32 0f03 /r rm
lar larl | r32, r16/r32 | o32 0f02 /r rm
movsxw | r16, r16/m | o16 0fbf /r rm
movzxw | r16, r16/m | o16 0fb7 /r rm
clzero | eax | 0f01fc | 32
clzero | eax | p:67 0f01fc | 16
clzero | ax | p:67 0f01fc | 32
clzero | ax | 0f01fc | 16
vmrun | ax | p:67 0f01d8 | 32
vmrun | ax | 0f01d8 | 16
vmload | ax | p:67 0f01da | 32
vmload | ax | 0f01da | 16
vmsave | ax | p:67 0f01db | 32
vmsave | ax | 0f01db | 16
pvalidate | eax | p:f2 0f01ff | 32
pvalidate | eax | p:67 p:f2 0f01ff | 16
pvalidate | ax | p:67 p:f2 0f01ff | 32
pvalidate | ax | p:f2 0f01ff | 16
vmrun | eax | p:67 0f01d8 | 16
vmload | eax | p:67 0f01da | 16
vmsave | eax | p:67 0f01db | 16
clzero | rax | 0f01fc | 64
clzero | eax | p:67 0f01fc | 64
vmrun | eax | p:67 0f01d8 | 64
vmload | eax | p:67 0f01da | 64
vmsave | eax | p:67 0f01db | 64
invlpga | eax, ecx | p:67 0f01df | 64
invlpga | rax, ecx | 0f01df | 64
psmash | rax | p:f3 0f01ff | 64
psmash | eax | p:67 p:f3 0f01ff | 64
pvalidate | rax | p:f2 0f01ff | 64
pvalidate | eax | p:67 p:f2 0f01ff | 64
pvalidate | rax, ecx, edx | p:f2 0f01ff | 64
pvalidate | eax, ecx, edx | p:67 p:f2 0f01ff | 64
rmpadjust | rax | p:f3 0f01fe | 64
rmpadjust | eax | p:67 p:f3 0f01fe | 64
rmpadjust | rax, rcx, rdx | p:f3 0f01fe | 64
rmpadjust | eax, rcx, rdx | p:67 p:f3 0f01fe | 64
rmpupdate | rax | p:f2 0f01fe | 64
rmpupdate | eax | p:67 p:f2 0f01fe | 64
rmpupdate | rax, rcx | p:f2 0f01fe | 64
rmpupdate | eax, rcx | p:67 p:f2 0f01fe | 64
bound boundw | r16, m | o16 62 /r | 16 32
bound boundl | r32, m | o32 62 /r | 16 32
mov | r32, treg | 0f24 /r | 16 32
mov | treg, r32 | 0f26 /r rm | 16 32
pushl | es | o32 06 | 16 32
pushl | cs | o32 0e | 16 32
pushl | ss | o32 16 | 16 32
pushl | ds | o32 1e | 16 32
popl | es | o32 07 | 16 32
popl | ss | o32 17 | 16 32
popl | ds | o32 1f | 16 32
montmul | | p:f3 0fa6c0
encodekey128 | r32, r32 | o32 p:f3 0f38fa /r rm
encodekey256 | r32, r32 | o32 p:f3 0f38fb /r rm
mwait | eax, ecx | 0f01c9
mwait | rax, rcx | 0f01c9 | 64
mwaitx | eax, ecx, ebx | 0f01fb
mwaitx | rax, rcx, rbx | 0f01fb | 64

# Sizes that GNU as takes from one operand.
movsx movsxb movsb | r16, r8/m | o16 0fbe /r rm
movsx movsxb movsb | r32, r8/m | o32 0fbe /r rm
movsx movsxb movsb | r64, r8/m | o64 0fbe /r rm | 64
movsx movsxw movsw | r32, r16/m | o32 0fbf /r rm
movsx movsxw movsw | r64, r16/m | o64 0fbf /r rm | 64
movsx movsxl movsl | r64, r32/m | o64 63 /r rm | 64
movsx movsxl | r32, r32 | 63 /r rm | 64
movzx movzxb movzb | r16, r8/m | o16 0fb6 /r rm
movzx movzxb movzb | r32, r8/m | o32 0fb6 /r rm
movzx movzxb movzb | r64, r8/m | o64 0fb6 /r rm | 64
movzx movzxw movzw | r32, r16/m | o32 0fb7 /r rm
movzx movzxw movzw | r64, r16/m | o64 0fb7 /r rm | 64
movd | xmm, r64 | p:66 o64 0f6e /r rm | 64
movd | r64, xmm | p:66 o64 0f7e /r | 64
movd | mm, r64 | o64 0f6e /r rm | 64
movd | r64, mm | o64 0f7e /r | 64
fnstsw | | dfe0
fstsw | | p:9b dfe0
shld shldw | r16/m, r16 | o16 0fa5 /r
shld shldl | r32/m, r32 | o32 0fa5 /r
shld shldq | r64/m, r64 | o64 0fa5 /r | 64
shrd shrdw | r16/m, r16 | o16 0fad /r
shrd shrdl | r32/m, r32 | o32 0fad /r
shrd shrdq | r64/m, r64 | o64 0fad /r | 64
lsl lslq | r64, r16/r64 | o64 0f03 /r rm | 64
lar larq | r64, r16/r64 | o64 0f02 /r rm | 64
xchg xchgq | rax, rax | 90 | 64

leavew | | o16 c9
leavel | | o32 c9 | 16 32
leaveq | | c9 | 64

endbr64 | | p:f3 0f1efa
endbr32 | | p:f3 0f1efb
rdpid | r32 | p:f3 0fc7 /7 | 16 32
rdpid | r64 | p:f3 0fc7 /7 | 64
serialize | | 0f01e8
wbnoinvd | | p:f3 0f09
tpause | r32 | p:66 0fae /6
tpause | r32, edx, eax | p:66 0fae /6
umwait | r32, edx, eax | p:f2 0fae /6
umonitor | r16 | p:67 p:f3 0fae /6 | 32
umonitor | r16 | p:f3 0fae /6 | 16
umonitor | r32 | p:67 p:f3 0fae /6 | 16 64
umonitor | r32 | p:f3 0fae /6 | 32
umonitor | r64 | p:f3 0fae /6 | 64
umwait | r32 | p:f2 0fae /6
ud1 ud1w ud2b ud2bw | r16, r16/m | o16 0fb9 /r rm
ud1 ud1l ud2b ud2bl | r32, r32/m | o32 0fb9 /r rm
ud1 ud1q ud2b ud2bq | r64, r64/m | o64 0fb9 /r rm | 64
ud0 ud0w | r16, r16/m | o16 0fff /r rm
ud0 ud0l | r32, r32/m | o32 0fff /r rm
ud0 ud0q | r64, r64/m | o64 0fff /r rm | 64

# CET shadow stacks.
incsspd | r32 | p:f3 0fae /5
incsspq | r64 | p:f3 o64 0fae /5 | 64
rdsspd | r32 | p:f3 0f1e /1
rdsspq | r64 | p:f3 o64 0f1e /1 | 64
saveprevssp | | p:f3 0f01ea
rstorssp | m | p:f3 0f01 /5
wrssd | m, r32 | 0f38f6 /r
wrssq | m, r64 | o64 0f38f6 /r | 64
wrussd | m, r32 | p:66 0f38f5 /r
wrussq | m, r64 | p:66 o64 0f38f5 /r | 64
setssbsy | | p:f3 0f01e8
clrssbsy | m | p:f3 0fae /6

movdiri | m, r32 | 0f38f9 /r
movdiri | m, r64 | o64 0f38f9 /r | 64
movdir64b | r16/r32/r64, m | p:66 0f38f8 /r
enqcmd | r16/r32/r64, m | p:f2 0f38f8 /r
enqcmds | r16/r32/r64, m | p:f3 0f38f8 /r
cldemote | m | 0f1c /0
"""

"""Which words are x86 instructions, for telling an instruction from a macro nobody can see.

The names are those of the decoder (iced-x86, `Mnemonic`), VEX and EVEX ones left out: kernels
do not open a section with them, and importing the decoder would cost more than linting a file.
"""

from __future__ import annotations

import re
from typing import Final

# fmt: off
_NAMES: Final = frozenset(["aaa", "aad", "aadd", "aam", "aand", "aas", "adc", "adcx", "add", "addpd", "addps", "addsd", "addss", "addsubpd", "addsubps", "adox", "aesdec", "aesdec128kl", "aesdec256kl", "aesdeclast", "aesdecwide128kl", "aesdecwide256kl", "aesenc", "aesenc128kl", "aesenc256kl", "aesenclast", "aesencwide128kl", "aesencwide256kl", "aesimc", "aeskeygenassist", "altinst", "and", "andn", "andnpd", "andnps", "andpd", "andps", "aor", "arpl", "axor", "bb0_reset", "bb1_reset", "bextr", "blcfill", "blci", "blcic", "blcmsk", "blcs", "blendpd", "blendps", "blendvpd", "blendvps", "blsfill", "blsi", "blsic", "blsmsk", "blsr", "bndcl", "bndcn", "bndcu", "bndldx", "bndmk", "bndmov", "bndstx", "bound", "bsf", "bsr", "bswap", "bt", "btc", "btr", "bts", "bzhi", "call", "cbw", "ccs_encrypt", "ccs_hash", "cdq", "cdqe", "cl1invmb", "clac", "clc", "cld", "cldemote", "clevict0", "clevict1", "clflush", "clflushopt", "clgi", "cli", "clrssbsy", "clts", "clui", "clwb", "clzero", "cmc", "cmova", "cmovae", "cmovb", "cmovbe", "cmove", "cmovg", "cmovge", "cmovl", "cmovle", "cmovne", "cmovno", "cmovnp", "cmovns", "cmovo", "cmovp", "cmovs", "cmp", "cmpbexadd", "cmpbxadd", "cmplexadd", "cmplxadd", "cmpnbexadd", "cmpnbxadd", "cmpnlexadd", "cmpnlxadd", "cmpnoxadd", "cmpnpxadd", "cmpnsxadd", "cmpnzxadd", "cmpoxadd", "cmppd", "cmpps", "cmppxadd", "cmpsb", "cmpsd", "cmpsq", "cmpss", "cmpsw", "cmpsxadd", "cmpxchg", "cmpxchg16b", "cmpxchg8b", "cmpzxadd", "comisd", "comiss", "cpu_read", "cpu_write", "cpuid", "cqo", "crc32", "cvtdq2pd", "cvtdq2ps", "cvtpd2dq", "cvtpd2pi", "cvtpd2ps", "cvtpi2pd", "cvtpi2ps", "cvtps2dq", "cvtps2pd", "cvtps2pi", "cvtsd2si", "cvtsd2ss", "cvtsi2sd", "cvtsi2ss", "cvtss2sd", "cvtss2si", "cvttpd2dq", "cvttpd2pi", "cvttps2dq", "cvttps2pi", "cvttsd2si", "cvttss2si", "cwd", "cwde", "daa", "das", "dec", "delay", "div", "divpd", "divps", "divsd", "divss", "dmint", "dppd", "dpps", "emms", "encls", "enclu", "enclv", "encodekey128", "encodekey256", "endbr32", "endbr64", "enqcmd", "enqcmds", "enter", "erets", "eretu", "extractps", "extrq", "f2xm1", "fabs", "fadd", "faddp", "fbld", "fbstp", "fchs", "fclex", "fcmovb", "fcmovbe", "fcmove", "fcmovnb", "fcmovnbe", "fcmovne", "fcmovnu", "fcmovu", "fcom", "fcomi", "fcomip", "fcomp", "fcompp", "fcos", "fdecstp", "fdisi", "fdiv", "fdivp", "fdivr", "fdivrp", "femms", "feni", "ffree", "ffreep", "fiadd", "ficom", "ficomp", "fidiv", "fidivr", "fild", "fimul", "fincstp", "finit", "fist", "fistp", "fisttp", "fisub", "fisubr", "fld", "fld1", "fldcw", "fldenv", "fldl2e", "fldl2t", "fldlg2", "fldln2", "fldpi", "fldz", "fmul", "fmulp", "fnclex", "fndisi", "fneni", "fninit", "fnop", "fnsave", "fnsetpm", "fnstcw", "fnstdw", "fnstenv", "fnstsg", "fnstsw", "fpatan", "fprem", "fprem1", "fptan", "frichop", "frinear", "frint2", "frndint", "frstor", "frstpm", "fsave", "fscale", "fsetpm", "fsin", "fsincos", "fsqrt", "fst", "fstcw", "fstdw", "fstenv", "fstp", "fstpnce", "fstsg", "fstsw", "fsub", "fsubp", "fsubr", "fsubrp", "ftst", "ftstp", "fucom", "fucomi", "fucomip", "fucomp", "fucompp", "fxam", "fxch", "fxrstor", "fxrstor64", "fxsave", "fxsave64", "fxtract", "fyl2x", "fyl2xp1", "getsec", "getsecq", "gf2p8affineinvqb", "gf2p8affineqb", "gf2p8mulb", "haddpd", "haddps", "hlt", "hreset", "hsubpd", "hsubps", "ibts", "idiv", "imul", "in", "inc", "incsspd", "incsspq", "insb", "insd", "insertps", "insertq", "insw", "int", "int1", "int3", "into", "invd", "invept", "invlpg", "invlpga", "invlpgb", "invpcid", "invvpid", "iret", "iretd", "iretq", "ja", "jae", "jb", "jbe", "jcxz", "je", "jecxz", "jg", "jge", "jknzd", "jkzd", "jl", "jle", "jmp", "jmpe", "jne", "jno", "jnp", "jns", "jo", "jp", "jrcxz", "js", "kaddb", "kaddd", "kaddq", "kaddw", "kand", "kandb", "kandd", "kandn", "kandnb", "kandnd", "kandnq", "kandnr", "kandnw", "kandq", "kandw", "kconcath", "kconcatl", "kextract", "kmerge2l1h", "kmerge2l1l", "kmov", "kmovb", "kmovd", "kmovq", "kmovw", "knot", "knotb", "knotd", "knotq", "knotw", "kor", "korb", "kord", "korq", "kortest", "kortestb", "kortestd", "kortestq", "kortestw", "korw", "kshiftlb", "kshiftld", "kshiftlq", "kshiftlw", "kshiftrb", "kshiftrd", "kshiftrq", "kshiftrw", "ktestb", "ktestd", "ktestq", "ktestw", "kunpckbw", "kunpckdq", "kunpckwd", "kxnor", "kxnorb", "kxnord", "kxnorq", "kxnorw", "kxor", "kxorb", "kxord", "kxorq", "kxorw", "lahf", "lar", "lddqu", "ldmxcsr", "lds", "ldtilecfg", "lea", "leave", "les", "lfence", "lfs", "lgdt", "lgs", "lidt", "lkgs", "lldt", "llwpcb", "lmsw", "loadall", "loadiwkey", "lodsb", "lodsd", "lodsq", "lodsw", "loop", "loope", "loopne", "lsl", "lss", "ltr", "lwpins", "lwpval", "lzcnt", "maskmovdqu", "maskmovq", "maxpd", "maxps", "maxsd", "maxss", "mcommit", "mfence", "minpd", "minps", "minsd", "minss", "monitor", "monitorx", "montmul", "mov", "movapd", "movaps", "movbe", "movd", "movddup", "movdir64b", "movdiri", "movdq2q", "movdqa", "movdqu", "movhlps", "movhpd", "movhps", "movlhps", "movlpd", "movlps", "movmskpd", "movmskps", "movntdq", "movntdqa", "movnti", "movntpd", "movntps", "movntq", "movntsd", "movntss", "movq", "movq2dq", "movsb", "movsd", "movshdup", "movsldup", "movsq", "movss", "movsw", "movsx", "movsxd", "movupd", "movups", "movzx", "mpsadbw", "mul", "mulpd", "mulps", "mulsd", "mulss", "mulx", "mwait", "mwaitx", "neg", "nop", "not", "or", "orpd", "orps", "out", "outsb", "outsd", "outsw", "pabsb", "pabsd", "pabsw", "packssdw", "packsswb", "packusdw", "packuswb", "paddb", "paddd", "paddq", "paddsb", "paddsiw", "paddsw", "paddusb", "paddusw", "paddw", "palignr", "pand", "pandn", "pause", "paveb", "pavgb", "pavgusb", "pavgw", "pblendvb", "pblendw", "pbndkb", "pclmulqdq", "pcmpeqb", "pcmpeqd", "pcmpeqq", "pcmpeqw", "pcmpestri", "pcmpestri64", "pcmpestrm", "pcmpestrm64", "pcmpgtb", "pcmpgtd", "pcmpgtq", "pcmpgtw", "pcmpistri", "pcmpistrm", "pcommit", "pconfig", "pdep", "pdistib", "pext", "pextrb", "pextrd", "pextrq", "pextrw", "pf2id", "pf2iw", "pfacc", "pfadd", "pfcmpeq", "pfcmpge", "pfcmpgt", "pfmax", "pfmin", "pfmul", "pfnacc", "pfpnacc", "pfrcp", "pfrcpit1", "pfrcpit2", "pfrcpv", "pfrsqit1", "pfrsqrt", "pfrsqrtv", "pfsub", "pfsubr", "phaddd", "phaddsw", "phaddw", "phminposuw", "phsubd", "phsubsw", "phsubw", "pi2fd", "pi2fw", "pinsrb", "pinsrd", "pinsrq", "pinsrw", "pmachriw", "pmaddubsw", "pmaddwd", "pmagw", "pmaxsb", "pmaxsd", "pmaxsw", "pmaxub", "pmaxud", "pmaxuw", "pminsb", "pminsd", "pminsw", "pminub", "pminud", "pminuw", "pmovmskb", "pmovsxbd", "pmovsxbq", "pmovsxbw", "pmovsxdq", "pmovsxwd", "pmovsxwq", "pmovzxbd", "pmovzxbq", "pmovzxbw", "pmovzxdq", "pmovzxwd", "pmovzxwq", "pmuldq", "pmulhriw", "pmulhrsw", "pmulhrw", "pmulhuw", "pmulhw", "pmulld", "pmullw", "pmuludq", "pmvgezb", "pmvlzb", "pmvnzb", "pmvzb", "pop", "popa", "popad", "popcnt", "popf", "popfd", "popfq", "por", "prefetch", "prefetchit0", "prefetchit1", "prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2", "prefetchw", "prefetchwt1", "psadbw", "pshufb", "pshufd", "pshufhw", "pshuflw", "pshufw", "psignb", "psignd", "psignw", "pslld", "pslldq", "psllq", "psllw", "psmash", "psrad", "psraw", "psrld", "psrldq", "psrlq", "psrlw", "psubb", "psubd", "psubq", "psubsb", "psubsiw", "psubsw", "psubusb", "psubusw", "psubw", "pswapd", "ptest", "ptwrite", "punpckhbw", "punpckhdq", "punpckhqdq", "punpckhwd", "punpcklbw", "punpckldq", "punpcklqdq", "punpcklwd", "push", "pusha", "pushad", "pushf", "pushfd", "pushfq", "pvalidate", "pxor", "rcl", "rcpps", "rcpss", "rcr", "rdfsbase", "rdgsbase", "rdm", "rdmsr", "rdmsrlist", "rdpid", "rdpkru", "rdpmc", "rdpru", "rdrand", "rdseed", "rdshr", "rdsspd", "rdsspq", "rdtsc", "rdtscp", "rdudbg", "reservednop", "ret", "retf", "rmpadjust", "rmpquery", "rmpupdate", "rol", "ror", "rorx", "roundpd", "roundps", "roundsd", "roundss", "rsdc", "rsldt", "rsm", "rsqrtps", "rsqrtss", "rstorssp", "rsts", "sahf", "sal", "salc", "sar", "sarx", "saveprevssp", "sbb", "scasb", "scasd", "scasq", "scasw", "seamcall", "seamops", "seamret", "senduipi", "serialize", "seta", "setae", "setb", "setbe", "sete", "setg", "setge", "setl", "setle", "setne", "setno", "setnp", "setns", "seto", "setp", "sets", "setssbsy", "sfence", "sgdt", "sha1msg1", "sha1msg2", "sha1nexte", "sha1rnds4", "sha256msg1", "sha256msg2", "sha256rnds2", "shl", "shld", "shlx", "shr", "shrd", "shrx", "shufpd", "shufps", "sidt", "skinit", "sldt", "slwpcb", "smint", "smsw", "spflt", "sqrtpd", "sqrtps", "sqrtsd", "sqrtss", "stac", "stc", "std", "stgi", "sti", "stmxcsr", "storeall", "stosb", "stosd", "stosq", "stosw", "str", "sttilecfg", "stui", "sub", "subpd", "subps", "subsd", "subss", "svdc", "svldt", "svts", "swapgs", "syscall", "sysenter", "sysexit", "sysexitq", "sysret", "sysretq", "t1mskc", "tcmmimfp16ps", "tcmmrlfp16ps", "tdcall", "tdpbf16ps", "tdpbssd", "tdpbsud", "tdpbusd", "tdpbuud", "tdpfp16ps", "test", "testui", "tileloadd", "tileloaddt1", "tilerelease", "tilestored", "tilezero", "tlbsync", "tpause", "tzcnt", "tzcnti", "tzmsk", "ucomisd", "ucomiss", "ud0", "ud1", "ud2", "uiret", "umonitor", "umov", "umwait", "undoc", "unpckhpd", "unpckhps", "unpcklpd", "unpcklps", "verr", "verw", "vmcall", "vmclear", "vmfunc", "vmgexit", "vmlaunch", "vmload", "vmmcall", "vmptrld", "vmptrst", "vmread", "vmresume", "vmrun", "vmsave", "vmwrite", "vmxoff", "vmxon", "wait", "wbinvd", "wbnoinvd", "wrfsbase", "wrgsbase", "wrmsr", "wrmsrlist", "wrmsrns", "wrpkru", "wrshr", "wrssd", "wrssq", "wrudbg", "wrussd", "wrussq", "xabort", "xadd", "xbegin", "xbts", "xchg", "xcryptcbc", "xcryptcfb", "xcryptctr", "xcryptecb", "xcryptofb", "xend", "xgetbv", "xlatb", "xor", "xorpd", "xorps", "xresldtrk", "xrstor", "xrstor64", "xrstors", "xrstors64", "xsave", "xsave64", "xsavec", "xsavec64", "xsaveopt", "xsaveopt64", "xsaves", "xsaves64", "xsetbv", "xsha1", "xsha256", "xsha512", "xsha512_alt", "xstore", "xstore_alt", "xsusldtrk", "xtest"])
# fmt: on
_ATT: Final = frozenset(
    [
        "cbtw",
        "cwtl",
        "cwtd",
        "cltd",
        "cltq",
        "cqto",
        "cwde",
        "lcall",
        "ljmp",
        "lret",
        "lretq",
        "lretw",
        "lretl",
        "movabs",
        "movabsq",
        "retq",
        "retl",
        "retw",
        "iretl",
        "sysretl",
        "sysretq",
        "sysexitq",
        "pushal",
        "popal",
        "pushaw",
        "popaw",
        "ud2a",
        "ud2b",
        "fwait",
        "repz",
        "repnz",
        "jc",
        "jnc",
        "jz",
        "jnz",
        "jnae",
        "jnb",
        "jna",
        "jnbe",
        "jpe",
        "jpo",
        "jnge",
        "jnl",
        "jng",
        "jnle",
        "setc",
        "setnc",
        "setz",
        "setnz",
        "setnae",
        "setnb",
        "setna",
        "setnbe",
        "setpe",
        "setpo",
        "setnge",
        "setnl",
        "setng",
        "setnle",
        "cmovc",
        "cmovnc",
        "cmovz",
        "cmovnz",
        "cmovnae",
        "cmovnb",
        "cmovna",
        "cmovnbe",
        "cmovnge",
        "cmovnl",
        "cmovng",
        "cmovnle",
        "sal",
        "salb",
        "salw",
        "sall",
        "salq",
        "call",
        "callq",
        "callw",
        "calll",
        "jmpq",
        "jmpl",
        "jmpw",
        "xlat",
        "slwpcb",
        "sldt",
        "str",
    ]
)
PREFIXES: Final = frozenset(
    [
        "lock",
        "rep",
        "repe",
        "repz",
        "repne",
        "repnz",
        "data16",
        "data32",
        "addr16",
        "addr32",
        "cs",
        "ds",
        "es",
        "fs",
        "gs",
        "ss",
        "bnd",
        "notrack",
        "xacquire",
        "xrelease",
        "rex",
        "rex.w",
        "rex64",
    ]
)
_EXTENSION: Final = re.compile(r"mov[sz](?:b[wlq]|w[lq]|lq)")


def is_instruction(word: str) -> bool:
    """Whether `word` is the mnemonic of an x86 instruction, in AT&T's or Intel's spelling."""
    word = word.lower()
    if word in _NAMES or word in _ATT or word in PREFIXES:
        return True
    if word[-1:] in "bwlqst" and (word[:-1] in _NAMES or word[:-1] in _ATT):
        return True
    return _EXTENSION.fullmatch(word) is not None

"""AT&T mnemonics: spellings, operation, size suffix; prefixes; branches.

Tables apart from logic: which bytes a prefix is, which condition a branch has, and by which name
the decoder knows what GNU as calls otherwise (`cltq` is `cdqe`, `movzbl` is `movzx`).
"""

from __future__ import annotations

from typing import Final

from orobuild.patterns import pattern

SUFFIX_SIZE: Final = {"b": 1, "w": 2, "l": 4, "q": 8, "s": 4, "t": 10, "x": 16, "y": 32, "z": 64}


def words(text: str) -> frozenset[str]:
    """The words of `text` as a set."""
    return frozenset(text.split())


def suffix_size(stem: str, suffix: str) -> int:
    """Bytes that `suffix` stands for after `stem`; x87 has its own meanings."""
    if stem.startswith("fi"):
        return {"s": 2, "l": 4, "q": 8}.get(suffix, 0)
    if stem.startswith("f") and not stem.startswith("fx"):
        return {"s": 4, "l": 8, "t": 10}.get(suffix, SUFFIX_SIZE[suffix])
    return SUFFIX_SIZE[suffix]


PREFIXES: Final = {
    "lock": 0xF0,
    "repne": 0xF2,
    "repnz": 0xF2,
    "rep": 0xF3,
    "repe": 0xF3,
    "repz": 0xF3,
    "bnd": 0xF2,
    "xacquire": 0xF2,
    "xrelease": 0xF3,
    "notrack": 0x3E,
    "ht": 0x3E,
    "hnt": 0x2E,
    "es": 0x26,
    "cs": 0x2E,
    "ss": 0x36,
    "ds": 0x3E,
    "fs": 0x64,
    "gs": 0x65,
    "data16": 0x66,
    "data32": 0x66,
    "addr16": 0x67,
    "addr32": 0x67,
    "aword": 0x67,
    "adword": 0x67,
    "rex": 0x40,
    "rex.b": 0x41,
    "rex.x": 0x42,
    "rex.xb": 0x43,
    "rex.r": 0x44,
    "rex.rb": 0x45,
    "rex.rx": 0x46,
    "rex.rxb": 0x47,
    "rex.w": 0x48,
    "rex.wb": 0x49,
    "rex.wx": 0x4A,
    "rex.wxb": 0x4B,
    "rex.wr": 0x4C,
    "rex.wrb": 0x4D,
    "rex.wrx": 0x4E,
    "rex.wrxb": 0x4F,
    **{
        name: 0x40 | bits
        for width, w in (("rex", 0), ("rex64", 8))
        for x, x_bit in (("", 0), ("x", 4))
        for y, y_bit in (("", 0), ("y", 2))
        for z, z_bit in (("", 0), ("z", 1))
        if (bits := w | x_bit | y_bit | z_bit) and (name := width + x + y + z)
    },
}

PREFIX_BITS: Final = {
    "data16": (32, 64),
    "data32": (16,),
    "addr16": (32,),
    "addr32": (16, 64),
    "aword": (32,),
    "adword": (16, 64),
}
"""Modes in which a prefix that changes a size means anything; `rex*` is 64-bit only."""

PREFIX_ORDER: Final = {
    0x9B: 0,
    **dict.fromkeys((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65), 1),
    0x67: 2,
    0x66: 3,
    0xF2: 4,
    0xF3: 4,
    0xF0: 5,
    **dict.fromkeys(range(0x40, 0x50), 6),
}
"""The order in which GNU as writes prefixes, whatever the order in the source."""

SEGMENT_PREFIX: Final = {"es": 0x26, "cs": 0x2E, "ss": 0x36, "ds": 0x3E, "fs": 0x64, "gs": 0x65}

CONDITIONS: Final = {
    name: code
    for code, names in enumerate(
        (
            "o",
            "no",
            "b c nae",
            "ae nb nc",
            "e z",
            "ne nz",
            "be na",
            "a nbe",
            "s",
            "ns",
            "p pe",
            "np po",
            "l nge",
            "ge nl",
            "le ng",
            "g nle",
        )
    )
    for name in names.split()
}
_CANONICAL: Final = ("o no b ae e ne be a s ns p np l ge le g").split()  # noqa: SIM905 - one line reads better

_COMPARE_AND_ADD: Final = ("o no b nb z nz be nbe s ns p np l nl le nle").split()  # noqa: SIM905

COUNTED: Final = {
    "loopne": 0xE0,
    "loopnz": 0xE0,
    "loope": 0xE1,
    "loopz": 0xE1,
    "loop": 0xE2,
    "jcxz": 0xE3,
    "jecxz": 0xE3,
    "jrcxz": 0xE3,
}

_COMPARISONS: Final = [
    "eq",
    "lt",
    "le",
    "unord",
    "neq",
    "nlt",
    "nle",
    "ord",
    "eq_uq",
    "nge",
    "ngt",
    "false",
    "neq_oq",
    "ge",
    "gt",
    "true",
    "eq_os",
    "lt_oq",
    "le_oq",
    "unord_s",
    "neq_us",
    "nlt_uq",
    "nle_uq",
    "ord_s",
    "eq_us",
    "nge_uq",
    "ngt_uq",
    "false_os",
    "neq_os",
    "ge_oq",
    "gt_oq",
    "true_us",
]
_COMPARISON_ALIASES: Final = {
    "eq_oq": 0, "lt_os": 1, "le_os": 2, "unord_q": 3, "neq_uq": 4, "nlt_us": 5, "nle_us": 6,
    "ord_q": 7, "nge_us": 9, "ngt_us": 10, "false_oq": 11, "ge_os": 13, "gt_os": 14, "true_uq": 15,
}  # fmt: skip


def _aliases() -> dict[str, str]:
    """GNU's name to the decoder's, for whole mnemonics (suffix included)."""
    names = {
        "cbtw": "cbw",
        "cmpxchg8bq": "cmpxchg8b",
        "cwtl": "cwde",
        "cltq": "cdqe",
        "cwtd": "cwd",
        "cltd": "cdq",
        "cqto": "cqo",
        "xlat": "xlatb",
        "fwait": "wait",
        "fcompi": "fcomip",
        "fucompi": "fucomip",
        "ud2a": "ud2",
        "ud2b": "ud1",
        "icebp": "int1",
        "insl": "insd",
        "outsl": "outsd",
        "lodsl": "lodsd",
        "stosl": "stosd",
        "scasl": "scasd",
        "cmpsl": "cmpsd",
        "movsl": "movsd",
        "smovb": "movsb",
        "smovw": "movsw",
        "smovl": "movsd",
        "smovq": "movsq",
        "scmpb": "cmpsb",
        "scmpw": "cmpsw",
        "scmpl": "cmpsd",
        "scmpq": "cmpsq",
        "slodb": "lodsb",
        "slodw": "lodsw",
        "slodl": "lodsd",
        "slodq": "lodsq",
        "sscab": "scasb",
        "sscaw": "scasw",
        "sscal": "scasd",
        "sscaq": "scasq",
        "sstob": "stosb",
        "sstow": "stosw",
        "sstol": "stosd",
        "sstoq": "stosq",
        "sysretl": "sysret",
        "sysexitl": "sysexit",
        "movslq": "movsxd",
        "movsxd": "movsxd",
        "movsxdl": "movsxd",
        "movsxdq": "movsxd",
        "pushal": "pushad",
        "popal": "popad",
        "pushaw": "pusha",
        "popaw": "popa",
        "pushfl": "pushfd",
        "popfl": "popfd",
        "iretl": "iretd",
        "iretw": "iret",
        "pushfw": "pushf",
        "popfw": "popf",
        "pclmullqlqdq": "pclmulqdq",
        "pclmulhqlqdq": "pclmulqdq",
        "pclmullqhqdq": "pclmulqdq",
        "pclmulhqhqdq": "pclmulqdq",
        "vpclmullqlqdq": "vpclmulqdq",
        "vpclmulhqlqdq": "vpclmulqdq",
        "vpclmullqhqdq": "vpclmulqdq",
        "vpclmulhqhqdq": "vpclmulqdq",
        "loopz": "loope",
        "loopnz": "loopne",
        **{f"{v}pcmpestr{kind}l": f"{v}pcmpestr{kind}" for v in ("", "v") for kind in "im"},
        "pcmpestriq": "pcmpestri64",
        "pcmpestrmq": "pcmpestrm64",
        "vpcmpestriq": "vpcmpestri64",
        "vpcmpestrmq": "vpcmpestrm64",
        "movsxl": "movsxd",
        **{
            f"{stem}q": f"{stem}64" for stem in ("fxsave", "fxrstor", "xsave", "xrstor", "xsaveopt")
        },
        "fildll": "fild",
        "fildq": "fild",
        "fistpll": "fistp",
        "fistpq": "fistp",
        "fisttpll": "fisttp",
        "fisttpq": "fisttp",
        "fxch": "fxch",
        "repz": "rep",
        "xstorerng": "xstore",
        "xstore-rng": "xstore",
        **{f"xcrypt-{mode}": f"xcrypt{mode}" for mode in ("ecb", "cbc", "ctr", "cfb", "ofb")},
    }
    for source in "bw":
        for suffix in ("", "w", "l", "q"):
            names[f"movz{source}{suffix}"] = "movzx"
            if suffix:
                names[f"movs{source}{suffix}"] = "movsx"
    for name, code in CONDITIONS.items():
        for stem in ("set", "cmov", "j"):
            names[stem + name] = stem + _CANONICAL[code]
    for name, code in CONDITIONS.items():
        names[f"cmp{name}xadd"] = f"cmp{_COMPARE_AND_ADD[code]}xadd"
    names |= {
        "fcmova": "fcmovnbe",
        "fcmovae": "fcmovnb",
        "fcmovna": "fcmovbe",
        "fcmovnae": "fcmovb",
    }
    for word in (*_COMPARISONS, *_COMPARISON_ALIASES):
        for kind in ("ps", "pd", "ss", "sd", "ph", "sh"):
            names[f"vcmp{word}{kind}"] = f"vcmp{kind}"
            if word in _COMPARISONS[:8] and kind[1] != "h":
                names[f"cmp{word}{kind}"] = f"cmp{kind}"
    for word in ("lt", "le", "neq", "nlt", "nle", "eq", "gt"):
        for kind in ("b", "w", "d", "q", "ub", "uw", "ud", "uq"):
            if not (word in ("eq", "gt") and len(kind) == 1):
                names[f"vpcmp{word}{kind}"] = f"vpcmp{kind}"
    for word in ("lt", "le", "gt", "ge", "eq", "neq", "false", "true"):
        for kind in ("b", "w", "d", "q", "ub", "uw", "ud", "uq"):
            names[f"vpcom{word}{kind}"] = f"vpcom{kind}"
    names |= {"sal": "shl", "salb": "shl", "salw": "shl", "sall": "shl", "salq": "shl"}
    return names


ALIASES: Final = _aliases()

EXTENSIONS: Final = {
    **{
        f"mov{kind}{source}{target}": (SUFFIX_SIZE[source], SUFFIX_SIZE[target])
        for kind in "sz"
        for source in "bw"
        for target in "wlq"
    },
    **{f"mov{kind}x{source}": (SUFFIX_SIZE[source], 0) for kind in "sz" for source in "bw"},
    "movzb": (1, 0),
    "movzw": (2, 0),
    "movslq": (4, 8),
    "movsxl": (4, 0),
}
"""Bytes of source and target (0: any) that the name of an extending move states."""

ALTERNATIVES: Final = {
    "movd": "movq",
    "vmovd": "vmovq",
    "movsb": "movsx",
    "movsw": "movsx",
    "movsl": "movsxd",
    "movsx": "movsxd",
}
"""Second meanings, where the operands decide (`movsb %al, %eax` is no string instruction)."""

IMPLIED: Final = {
    **{
        f"{prefix}cmp{word}{kind}": code
        for prefix in ("v", "")
        for code, word in enumerate(_COMPARISONS)
        for kind in ("ps", "pd", "ss", "sd", "ph", "sh")
        if prefix or (code < 8 and kind[1] != "h")
    },
    **{
        f"vcmp{word}{kind}": code
        for word, code in _COMPARISON_ALIASES.items()
        for kind in ("ps", "pd", "ss", "sd", "ph", "sh")
    },
    **{
        f"{prefix}pclmul{word}dq": code
        for prefix in ("", "v")
        for word, code in (("lqlq", 0), ("hqlq", 1), ("lqhq", 16), ("hqhq", 17))
    },
    **{
        f"vpcmp{word}{kind}": code
        for word, code in (("eq", 0), ("lt", 1), ("le", 2), ("neq", 4), ("nlt", 5), ("nle", 6))
        for kind in ("b", "w", "d", "q", "ub", "uw", "ud", "uq")
        if not (word == "eq" and len(kind) == 1)
    },
    **{
        f"vpcom{word}{kind}": code
        for code, word in enumerate(("lt", "le", "gt", "ge", "eq", "neq", "false", "true"))
        for kind in ("b", "w", "d", "q", "ub", "uw", "ud", "uq")
    },
}
"""Mnemonics that imply the value of an immediate the processor's instruction has."""

_ONE_SIZE: Final = words(
    "mov add or adc sbb and sub xor cmp test not neg inc dec mul imul div idiv rol ror rcl rcr shl "
    "sal shr sar bt btc btr bts nop ptwrite"
)
SHIFTS: Final = words("rol ror rcl rcr shl sal shr sar")
_STRINGS: Final = words("movs cmps stos lods scas ins outs")
_CONVERSIONS: Final = words(
    "cvtsi2ss cvtsi2sd vcvtsi2ss vcvtsi2sd vcvtsi2sh vcvtusi2ss vcvtusi2sd vcvtusi2sh"
)
_X87: Final = words(
    "fld fst fstp fadd fsub fsubr fmul fdiv fdivr fcom fcomp fild fist fistp fisttp fiadd fisub "
    "fisubr fimul fidiv fidivr ficom ficomp"
)
VECTOR_SIZED: Final = pattern(
    r"v?cvtt?(?:pd2dq|pd2udq|pd2ps|qq2ps|uqq2ps|neps2bf16|pd2ph|qq2ph|uqq2ph|dq2ph|udq2ph|ps2phx)"
    r"|vfpclass(?:ps|pd|ph)"
)
"""Vector instructions whose memory operand alone does not tell the vector length."""


def is_conversion(mnemonic: str) -> bool:
    """Whether it converts a general integer, whose size only a suffix or a register tells."""
    return mnemonic in _CONVERSIONS


def is_unsized(mnemonic: str) -> bool:
    """Whether `mnemonic` needs a size from a suffix or from a register operand."""
    return (
        mnemonic in _ONE_SIZE
        or mnemonic in _STRINGS
        or mnemonic in _CONVERSIONS
        or mnemonic in _X87
        or mnemonic in ("crc32", "in", "out")
    )


def default_suffix(mnemonic: str, bits: int) -> tuple[str, bool]:
    """The suffix that GNU as takes where nothing tells the size, and whether it warns."""
    if mnemonic in _X87:
        return "s", True
    if mnemonic in _CONVERSIONS or mnemonic == "ptwrite":
        return "l", mnemonic == "ptwrite"
    return ("w" if bits == 16 else "l"), True


IMMEDIATE_8: Final = words(
    "rol ror rcl rcr shl sal shr sar shld shrd bt btc btr bts int in out aam aad xabort psllw psrlw"
)
"""Operations whose immediate is a byte whatever the operand size (a hint, checked later)."""


def branch_condition(mnemonic: str) -> tuple[int, str] | None:
    """(condition 0..15, suffix or "") of a `jcc` spelling, or None."""
    if not mnemonic.startswith("j"):
        return None
    name = mnemonic[1:]
    if name in CONDITIONS:
        return CONDITIONS[name], ""
    return None

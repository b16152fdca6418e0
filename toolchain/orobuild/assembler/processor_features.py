"""Which instructions a processor has, as `-march=` and `.arch` limit them in GNU as 2.40.

Instructions fall into groups by the processor features that they need (the decoder's, which are
those of the manuals); the table says which groups GNU as takes for a processor, which an
extension adds, and which go when it is taken away. The numbers were asked of GNU as, by a
program of the tests, and a test asks again.
"""

from __future__ import annotations

import functools
from typing import Final

import iced_x86 as iced

from orobuild.assembler.encoder.decoding import decoder_names

_ALONE: Final = frozenset({"fndisi", "fneni", "fnsetpm", "vmfunc", "ffreep"})
_LATE_387: Final = frozenset({"fcos", "fprem1", "fsin", "fsincos", "fucompp", "fucom", "fucomp"})


@functools.cache
def _feature_names() -> dict[int, str]:
    return {
        getattr(iced.CpuidFeature, name): name for name in dir(iced.CpuidFeature) if name.isupper()
    }


def group_of(code: bytes, bits: int) -> str | None:
    """The group of an encoded instruction; None when the decoder does not know it."""
    lead = 1 if code[:1] == b"\x9b" and len(code) > 1 else 0
    instruction = iced.Decoder(bits, code[lead:], iced.DecoderOptions.MPX).decode()
    if instruction.is_invalid:
        return None
    mnemonic = decoder_names()[instruction.mnemonic]
    if mnemonic in _ALONE:
        return mnemonic
    names = {_feature_names()[feature] for feature in instruction.cpuid_features()}
    if mnemonic in _LATE_387:
        names = {"FPU387"}
    elif names == {"FPU387"}:
        names = {"FPU"}
    if names & {"SSE", "SSE2"} and any(
        iced.RegisterExt.is_mm(instruction.op_register(number))
        for number in range(instruction.op_count)
        if instruction.op_kind(number) == iced.OpKind.REGISTER
    ):
        names.add("MMX cvt" if mnemonic.startswith("cvt") or "2" in mnemonic else "MMX")
    if names == {"AES", "AVX"} and mnemonic not in ("vaesimc", "vaeskeygenassist"):
        names.add("VAES")
    if names == {"FMA"} and mnemonic[-2:] in ("ss", "sd"):
        names.add("scalar")
    if names == {"AVX512VL", "AVX512_BF16"} and mnemonic == "vcvtneps2bf16":
        names.add("narrow")
    if "CMOV" in names and "FPU" not in names:
        names.add(mnemonic[:4])
    return "+".join(sorted(names))


def _bit(group: str) -> int:
    return 1 << GROUPS.index(group)


@functools.cache
def _joined() -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Groups that need several features, and for each feature the groups that show it is there."""
    found = []
    for group in GROUPS:
        parts = group.split("+")
        if len(parts) > 1:
            shown = [
                _bit(part)
                if part in GROUPS
                else sum(_bit(other) for other in GROUPS if part in other.split("+"))
                for part in parts
            ]
            found.append((_bit(group), tuple(shown)))
    return tuple(found)


def after(known: int | None, name: str) -> int | None:
    """The groups, as bits, after ``.arch name``; None for all of them.

    `name` is a processor, or an extension behind a dot, with ``no`` before it to take it away.
    """
    if not name.startswith("."):
        return PROCESSORS.get(name)
    extension = name[1:]
    if extension in ADDS:
        if known is None:
            return None
        known |= ADDS[extension]
        for group, parts in _joined():
            if all(known & part for part in parts):
                known |= group
        return known
    gone = REMOVES.get(extension.removeprefix("no"), 0)
    every = (1 << len(GROUPS)) - 1
    return (every if known is None else known) & ~gone


def lacks(code: bytes, bits: int, known: int) -> str | None:
    """What an instruction needs that is not among the groups `known`; None when nothing."""
    group = group_of(code, bits)
    if group is None or group not in GROUPS or known & _bit(group):
        return None
    return group.replace("+", " and ")


# The table: python tests/assembler/encoder/processor_table.py

GROUPS: Final = (
    "ADX",
    "AES+AVX",
    "AES+AVX+VAES",
    "AESKLE",
    "AESKLE+WIDE_KL",
    "AMX_TILE",
    "AVX",
    "AVX+GFNI",
    "AVX+PCLMULQDQ",
    "AVX2",
    "AVX512BW",
    "AVX512BW+AVX512VL",
    "AVX512CD",
    "AVX512CD+AVX512VL",
    "AVX512DQ",
    "AVX512DQ+AVX512VL",
    "AVX512ER",
    "AVX512F",
    "AVX512F+AVX512VL",
    "AVX512F+AVX512_BF16",
    "AVX512F+AVX512_VP2INTERSECT",
    "AVX512F+GFNI",
    "AVX512F+VAES",
    "AVX512F+VPCLMULQDQ",
    "AVX512VL+AVX512_BF16",
    "AVX512VL+AVX512_BF16+narrow",
    "AVX512VL+AVX512_BITALG",
    "AVX512VL+AVX512_FP16",
    "AVX512VL+AVX512_IFMA",
    "AVX512VL+AVX512_VBMI",
    "AVX512VL+AVX512_VBMI2",
    "AVX512VL+AVX512_VNNI",
    "AVX512VL+AVX512_VP2INTERSECT",
    "AVX512VL+AVX512_VPOPCNTDQ",
    "AVX512_4FMAPS",
    "AVX512_4VNNIW",
    "AVX512_BITALG",
    "AVX512_FP16",
    "AVX512_IFMA",
    "AVX512_VBMI",
    "AVX512_VBMI2",
    "AVX512_VNNI",
    "AVX512_VPOPCNTDQ",
    "AVX_NE_CONVERT",
    "AVX_VNNI_INT8",
    "BMI1",
    "BMI2",
    "CET_IBT",
    "CET_SS",
    "CLDEMOTE",
    "CLFLUSHOPT",
    "CLFSH",
    "CLWB",
    "CLZERO",
    "CMOV+FPU",
    "CMOV+cmov",
    "CMPCCXADD",
    "CMPXCHG16B",
    "CPUID",
    "CX8",
    "D3NOW",
    "D3NOWEXT",
    "ENQCMD",
    "F16C",
    "FMA",
    "FMA+scalar",
    "FMA4",
    "FPU",
    "FPU+SSE3",
    "FPU287",
    "FPU387",
    "FSGSBASE",
    "FXSR",
    "HLE_OR_RTM",
    "HRESET",
    "INTEL186",
    "INTEL286",
    "INTEL386",
    "INTEL486",
    "INTEL8086",
    "INVEPT+VMX",
    "INVLPGB",
    "INVPCID",
    "INVVPID+VMX",
    "KL",
    "LWP",
    "LZCNT",
    "MCOMMIT",
    "MMX cvt+SSE",
    "MMX cvt+SSE2",
    "MMX+SSE",
    "MONITORX",
    "MOVDIR64B",
    "MOVDIRI",
    "MPX",
    "MSR",
    "MSRLIST",
    "OSS",
    "PADLOCK_ACE",
    "PADLOCK_PHE",
    "PADLOCK_PMM",
    "PADLOCK_RNG",
    "PCONFIG",
    "PKU",
    "POPCNT",
    "PREFETCHITI",
    "PREFETCHW",
    "PREFETCHWT1",
    "PTWRITE",
    "RAO_INT",
    "RDPID",
    "RDPMC",
    "RDPRU",
    "RDRAND",
    "RDSEED",
    "RDTSCP",
    "RMPQUERY",
    "RTM",
    "SEP",
    "SERIALIZE",
    "SEV_ES",
    "SEV_SNP",
    "SGX1",
    "SHA",
    "SKINIT_OR_SVM",
    "SMAP",
    "SMM",
    "SMX",
    "SSE",
    "SSE2",
    "SSE4A",
    "SSE4_2",
    "SVM",
    "SYSCALL",
    "TBM",
    "TDX",
    "TSC",
    "TSXLDTRK",
    "UINTR",
    "VAES",
    "VMX",
    "VPCLMULQDQ",
    "WAITPKG",
    "WBNOINVD",
    "WRMSRNS",
    "X64",
    "XOP",
    "XSAVE",
    "XSAVEC",
    "XSAVEOPT",
    "XSAVES",
    "ffreep",
    "fndisi",
    "fneni",
    "fnsetpm",
    "vmfunc",
)
PROCESSORS: Final = {
    "amdfam10": 0x820127404885008740F9783C40000000000000,
    "athlon": 0x800121404084008400F8683C40000000000000,
    "bdver1": 0x8E013F504885008760F97C0EC8000000000146,
    "bdver2": 0x8E017F504885008760F97F8EC8200000000146,
    "bdver3": 0xAE017F504885008760F9FF8EC8200000000146,
    "bdver4": 0xAE017F504A85008F60F9FF8EC8600000000346,
    "btver1": 0x820137504885008740F9780EC8000000000000,
    "btver2": 0xAA013F504885008740F9788EC8200000000146,
    "core": 0x800103404080008700F9780CC8000000000000,
    "core2": 0x820123404080008700F9780EC8000000000000,
    "corei7": 0x82012B404881008700F9780EC8000000000000,
    "generic32": 0x400000000000B8000000000000000000,
    "generic64": 0x820123404080008700F9680CC8000000000000,
    "i386": 0x400000000000B8000000000000000000,
    "i486": 0x400000000000F8000400000000000000,
    "i586": 0x100400000008000F8680C00000000000000,
    "i686": 0x800100404080008000F9680CC0000000000000,
    "k6": 0x120400000008000F8680C00000000000000,
    "k6_2": 0x120400004008000F8681C00000000000000,
    "k8": 0x820123404884008700F9683C40000000000000,
    "nocona": 0x820123404080008700F9780EC8000000000000,
    "opteron": 0x820123404884008700F9683C40000000000000,
    "pentium": 0x100400000008000F8680C00000000000000,
    "pentium4": 0x800103404080008700F9680CC8000000000000,
    "pentiumii": 0x800100404080008000F9680CC0000000000000,
    "pentiumiii": 0x800101404080008500F9680CC0000000000000,
    "pentiumpro": 0x800100404080008000F9680CC0000000000000,
    "prescott": 0x800103404080008700F9780CC8000000000000,
    "znver1": 0xFA013F784E85008F40F9FB8EEC600000000347,
    "znver2": 0xFA813F784FC5008FC0F9FB8EFC600000000347,
    "znver3": 0xFAA93F7B4FC5808FC6F9FB8EFC600000000347,
    "znver4": 0xFAA93F7B5FC5808FC6F9FB8EFC67D2F7EEFFC7,
}
ADDS: Final = {
    "287": 0x400000000000000000000280000000000000000,
    "387": 0x680000000000000000,
    "3dnow": 0x400000000001000000000000000,
    "3dnowa": 0x100000400040000003000000000000000,
    "687": 0x80000000000000000000680040000000000000,
    "8087": 0x300000000000000000000080000000000000000,
    "abm": 0x100004000000000000000000000,
    "adx": 0x1,
    "aes": 0x300000000000001000000000000000000,
    "amx_bf16": 0x8000000000000000000000000000000000020,
    "amx_fp16": 0x8000000000000000000000000000000000020,
    "amx_int8": 0x8000000000000000000000000000000000020,
    "amx_tile": 0x8000000000000000000000000000000000020,
    "avx": 0x8000B00000100000001000000000000000040,
    "avx2": 0x8000B00000100000001000000000000000240,
    "avx512_4fmaps": 0x8000B00000100000001020000000400020240,
    "avx512_4vnniw": 0x8000B00000100000001020000000800020240,
    "avx512_bf16": 0x8000B000001000000010200000000000A0640,
    "avx512_bitalg": 0x8000B00000100000001020000001000020640,
    "avx512_fp16": 0x8000B00000100000001020000002000020640,
    "avx512_vbmi2": 0x8000B00000100000001020000010000020640,
    "avx512_vnni": 0x8000B00000100000001020000020000020240,
    "avx512_vp2intersect": 0x8000B00000100000001020000000000120240,
    "avx512_vpopcntdq": 0x8000B00000100000001020000040000020240,
    "avx512bw": 0x8000B00000100000001020000000000020640,
    "avx512cd": 0x8000B00000100000001020000000000021240,
    "avx512dq": 0x8000B00000100000001020000000000024240,
    "avx512er": 0x8000B00000100000001020000000000030240,
    "avx512f": 0x8000B00000100000001020000000000020240,
    "avx512ifma": 0x8000B00000100000001020000004000020240,
    "avx512pf": 0x8000B00000100000001020000000000020240,
    "avx512vbmi": 0x8000B00000100000001020000008000020640,
    "avx512vl": 0x8000B00000100000001038000000000060240,
    "avx_ifma": 0x8000B00000100000001000000000010000240,
    "avx_ne_convert": 0x8000B00000100000001000000080002000240,
    "avx_vnni": 0x8000B00000100000001000000000080000240,
    "avx_vnni_int8": 0x8000B00000100000001000000100000000240,
    "bmi": 0x200000000000,
    "bmi2": 0x400000000000,
    "cldemote": 0x2000000000000,
    "clflush": 0x8000000000000,
    "clflushopt": 0x4000000000000,
    "clwb": 0x10000000000000,
    "clzero": 0x20000000000000,
    "cmov": 0x80000000000000,
    "cmpccxadd": 0x100000000000000,
    "cx16": 0x200000000000000,
    "enqcmd": 0x4000000000000000,
    "ept": 0x100000000000000900000000000000000000,
    "f16c": 0x8000B00000100000001008000000000000040,
    "fma": 0x8000B00000100000001030000000000000040,
    "fma4": 0x8000B00000100000001040000000000000040,
    "fsgsbase": 0x800000000000000000,
    "fxsr": 0x1000000000000000000,
    "gfni": 0x300000000000001000000000000000000,
    "hle": 0x2000000000000000000,
    "hreset": 0x4000000000000000000,
    "ibt": 0x800000000000,
    "invpcid": 0x400000000000000000000,
    "kl": 0x300000000001001000000000000000008,
    "lwp": 0x8000000000000002000000000000000000000,
    "lzcnt": 0x4000000000000000000000,
    "mcommit": 0x8000000000000000000000,
    "mmx": 0x0,
    "movbe": 0x0,
    "movdir64b": 0x100000000000000000000000,
    "movdiri": 0x200000000000000000000000,
    "mpx": 0x8000000000000400000000000000000000000,
    "msrlist": 0x1000000000000000000000000,
    "mwaitx": 0x80000000000000000000000,
    "nop": 0x0,
    "ospke": 0x8000000000080000000000000000000000000,
    "padlock": 0x3C000000000000000000000000,
    "pclmul": 0x300000000000001000000000000000000,
    "pconfig": 0x40000000000000000000000000,
    "popcnt": 0x100000000000000000000000000,
    "prefetchi": 0x200000000000000000000000000,
    "prefetchwt1": 0x800000000000000000000000000,
    "prfchw": 0x400000000000000000000000000,
    "ptwrite": 0x1000000000000000000000000000,
    "rao_int": 0x2000000000000000000000000000,
    "rdpid": 0x4000000000000000000000000000,
    "rdpru": 0x10000000000000000000000000000,
    "rdrnd": 0x20000000000000000000000000000,
    "rdseed": 0x40000000000000000000000000000,
    "rdtscp": 0x80000000000000000000000000000,
    "rmpquery": 0x1013100000000000000000000000000000,
    "rtm": 0x200000000002000000000000000000,
    "se1": 0x4000002000000000000000000000000,
    "serialize": 0x800000000000000000000000000000,
    "sev_es": 0x1011000000000000000000000000000000,
    "sha": 0x308000000000001000000000000000000,
    "shstk": 0x1000000000000,
    "smap": 0x20000000000000000000000000000000,
    "smx": 0x80000000000000000000000000000000,
    "sse": 0x100000000000001000000000000000000,
    "sse2": 0x300000000000001000000000000000000,
    "sse3": 0x300000000000001000000000000000000,
    "sse4": 0xB00000100000001000000000000000000,
    "sse4.1": 0x300000000000001000000000000000000,
    "sse4.2": 0xB00000100000001000000000000000000,
    "sse4a": 0x700000000000001000000000000000000,
    "ssse3": 0x300000000000001000000000000000000,
    "svme": 0x1010000000000000000000000000000000,
    "syscall": 0x2000000000000000000000000000000000,
    "tbm": 0x4000000000000000000000000000000000,
    "tdx": 0x8000000000000000000000000000000000,
    "tsx": 0x200000000002000000000000000000,
    "tsxldtrk": 0x20000200000000002000000000000000000,
    "uintr": 0x40000000000000000000000000000000000,
    "vaes": 0x8080B00000100000001000000000000000240,
    "vmfunc": 0x800100000000000000000000000000000000000,
    "vmx": 0x100000000000000000000000000000000000,
    "vpclmulqdq": 0x8200B00000100000001000000000000000240,
    "waitpkg": 0x400000000000000000000000000000000000,
    "wbnoinvd": 0x800000000000000000000000000000000000,
    "widekl": 0x300000000001001000000000000000018,
    "wrmsrns": 0x1000000000000000000000000000000000000,
    "xop": 0xC000F00000100000001040000000000000040,
    "xsave": 0x8000000000000000000000000000000000000,
    "xsavec": 0x18000000000000000000000000000000000000,
    "xsaveopt": 0x28000000000000000000000000000000000000,
    "xsaves": 0x58000000000000000000000000000000000000,
}
REMOVES: Final = {
    "287": 0x480000000000000000000700040000000000000,
    "387": 0x80000000000000000000500040000000000000,
    "3dnow": 0x3000000000000000,
    "3dnowa": 0x2000000000000000,
    "687": 0x80000000000000000000100040000000000000,
    "8087": 0x780000000000000000000780040000000000000,
    "abm": 0x100004000000000000000000000,
    "adx": 0x1,
    "aes": 0x2,
    "amx_bf16": 0x0,
    "amx_fp16": 0x0,
    "amx_int8": 0x0,
    "amx_tile": 0x20,
    "avx": 0x42800000000000000000780001FFFFFFFFFC6,
    "avx2": 0x2800000000000000000000001FFFFFFFFE00,
    "avx512_4fmaps": 0x400000000,
    "avx512_4vnniw": 0x800000000,
    "avx512_bf16": 0x1080000,
    "avx512_bitalg": 0x1004000000,
    "avx512_fp16": 0x2008000000,
    "avx512_vbmi2": 0x10040000000,
    "avx512_vnni": 0x20000000000,
    "avx512_vp2intersect": 0x100100000,
    "avx512_vpopcntdq": 0x40200000000,
    "avx512bw": 0x1B06D080C00,
    "avx512cd": 0x3000,
    "avx512dq": 0xC000,
    "avx512er": 0x10000,
    "avx512f": 0x7FF6DFFFC00,
    "avx512ifma": 0x4000000000,
    "avx512pf": 0x0,
    "avx512vbmi": 0x8020000000,
    "avx512vl": 0x36D04A800,
    "avx_ifma": 0x0,
    "avx_ne_convert": 0x80000000000,
    "avx_vnni": 0x0,
    "avx_vnni_int8": 0x100000000000,
    "bmi": 0x200000000000,
    "bmi2": 0x400000000000,
    "cldemote": 0x2000000000000,
    "clflush": 0x8000000000000,
    "clflushopt": 0x4000000000000,
    "clwb": 0x10000000000000,
    "clzero": 0x20000000000000,
    "cmov": 0x80000000000000,
    "cmpccxadd": 0x100000000000000,
    "cx16": 0x200000000000000,
    "enqcmd": 0x4000000000000000,
    "ept": 0x900000000000000000000,
    "f16c": 0x0,
    "fma": 0x0,
    "fma4": 0x4000000000000000000040000000000000000,
    "fsgsbase": 0x800000000000000000,
    "fxsr": 0xE0800000003100100000000000020009A,
    "gfni": 0x200080,
    "hle": 0x0,
    "hreset": 0x4000000000000000000,
    "ibt": 0x800000000000,
    "invpcid": 0x400000000000000000000,
    "kl": 0x1000000000000000000018,
    "lwp": 0x2000000000000000000000,
    "lzcnt": 0x4000000000000000000000,
    "mcommit": 0x8000000000000000000000,
    "mmx": 0x70000003000000000000000,
    "movbe": 0x0,
    "movdir64b": 0x100000000000000000000000,
    "movdiri": 0x200000000000000000000000,
    "mpx": 0x400000000000000000000000,
    "msrlist": 0x1000000000000000000000000,
    "mwaitx": 0x80000000000000000000000,
    "nop": 0x0,
    "ospke": 0x80000000000000000000000000,
    "padlock": 0x3C000000000000000000000000,
    "pclmul": 0x0,
    "pconfig": 0x40000000000000000000000000,
    "popcnt": 0x100000000000000000000000000,
    "prefetchi": 0x200000000000000000000000000,
    "prefetchwt1": 0x800000000000000000000000000,
    "prfchw": 0x0,
    "ptwrite": 0x1000000000000000000000000000,
    "rao_int": 0x2000000000000000000000000000,
    "rdpid": 0x4000000000000000000000000000,
    "rdpru": 0x10000000000000000000000000000,
    "rdrnd": 0x20000000000000000000000000000,
    "rdseed": 0x40000000000000000000000000000,
    "rdtscp": 0x80000000000000000000000000000,
    "rmpquery": 0x100000000000000000000000000000,
    "rtm": 0x20000200000000000000000000000000000,
    "se1": 0x4000002000000000000000000000000,
    "serialize": 0x800000000000000000000000000000,
    "sev_es": 0x3100000000000000000000000000000,
    "sha": 0x8000000000000000000000000000000,
    "shstk": 0x1000000000000,
    "smap": 0x20000000000000000000000000000000,
    "smx": 0x80000000000000000000000000000000,
    "sse": 0xE0800000003100000000000000020009A,
    "sse2": 0xE0800000002100000000000000020009A,
    "sse3": 0xC00000000000000000000000000000000,
    "sse4": 0x800000000000000000000000000000000,
    "sse4.1": 0x800000000000000000000000000000000,
    "sse4.2": 0x800000000000000000000000000000000,
    "sse4a": 0x400000000000000000000000000000000,
    "ssse3": 0x800000000000000000000000000000000,
    "svme": 0x1013100000000000000000000000000000,
    "syscall": 0x2000000000000000000000000000000000,
    "tbm": 0x4000000000000000000000000000000000,
    "tdx": 0x8000000000000000000000000000000000,
    "tsx": 0x200000000002000000000000000000,
    "tsxldtrk": 0x20000000000000000000000000000000000,
    "uintr": 0x40000000000000000000000000000000000,
    "vaes": 0x80000000000000000000000000000400000,
    "vmfunc": 0x800000000000000000000000000000000000000,
    "vmx": 0x800100000000000000900000000000000000000,
    "vpclmulqdq": 0x200000000000000000000000000000800000,
    "waitpkg": 0x400000000000000000000000000000000000,
    "wbnoinvd": 0x800000000000000000000000000000000000,
    "widekl": 0x10,
    "wrmsrns": 0x1000000000000000000000000000000000000,
    "xop": 0x4000000000000000000000000000000000000,
    "xsave": 0x7C2800000000804020000780001FFFFFFFFFE6,
    "xsavec": 0x50000000000000000000000000000000000000,
    "xsaveopt": 0x20000000000000000000000000000000000000,
    "xsaves": 0x40000000000000000000000000000000000000,
}

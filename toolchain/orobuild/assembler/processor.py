"""Processors: what `.arch` changes in the bytes that come out.

Owns the names that `.arch` takes (binutils 2.40, gas/config/tc-i386.c `cpu_arch`) and the two
properties that decide bytes: whether padding may be long no-operations, and whether conditional
branches have a near form (the 80386's). Which instructions a processor has stands in
`processor_features`.
"""

from __future__ import annotations

from typing import Final

from orobuild.assembler.encoder.mnemonics import words
from orobuild.records import dataclass, replace

_SHORT: Final = words(
    "generic32 i8086 i186 i286 i386 i486 i586 i686 pentium k6 k6_2"
)  # fmt: skip
_LONG: Final = words(
    "generic64 pentiumpro pentiumii pentiumiii pentium4 prescott nocona core core2 corei7 athlon "
    "opteron k8 amdfam10 bdver1 bdver2 bdver3 bdver4 znver1 znver2 znver3 znver4 btver1 "
    "btver2"
)
_BEFORE_386: Final = frozenset({"i8086", "i186", "i286"})
EXTENSIONS: Final = words(
    "8087 287 387 687 cmov fxsr mmx sse sse2 sse3 sse4a ssse3 sse4.1 sse4.2 sse4 avx avx2 avx512f "
    "avx512cd avx512er avx512pf avx512dq avx512bw avx512vl vmx vmfunc smx xsave xsaveopt xsavec "
    "xsaves aes pclmul fsgsbase rdrnd f16c bmi2 fma fma4 xop lwp movbe cx16 ept lzcnt popcnt hle "
    "rtm tsx invpcid clflush nop syscall rdtscp 3dnow 3dnowa padlock svme abm bmi tbm adx rdseed "
    "prfchw smap mpx sha clflushopt prefetchwt1 se1 clwb avx512ifma avx512vbmi avx512_4fmaps "
    "avx512_4vnniw avx512_vpopcntdq avx512_vbmi2 avx512_vnni avx512_bitalg avx_vnni clzero mwaitx "
    "ospke rdpid ptwrite ibt shstk gfni vaes vpclmulqdq wbnoinvd pconfig waitpkg cldemote amx_int8 "
    "amx_bf16 amx_fp16 amx_tile movdiri movdir64b avx512_bf16 avx512_vp2intersect tdx enqcmd "
    "serialize rdpru mcommit sev_es tsxldtrk kl widekl uintr hreset avx512_fp16 prefetchi avx_ifma "
    "avx_vnni_int8 cmpccxadd wrmsrns msrlist avx_ne_convert rao_int rmpquery"
)
NAMES: Final = _SHORT | _LONG


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor that code is for.

    `long_nops`: padding of 32- and 64-bit code is made of ``0f 1f``. `knows_long_nops`: what
    `long_nops` becomes when an extension is taken away, which makes GNU as look at every
    extension instead of at its default. `near_conditions`: conditional branches have a near form.
    `features` are the groups of instructions that it has, as bits of `processor_features`, None
    for all; `name` is for messages.
    """

    long_nops: bool
    knows_long_nops: bool = True
    near_conditions: bool = True
    features: int | None = None
    name: str = "generic"

    def chosen(self, name: str) -> Processor | None:
        """The processor after ``.arch name``; None when GNU as knows no such name."""
        made = self._chosen(name)
        if made is None:
            return None
        from orobuild.assembler import processor_features

        shown = self.name + name if name.startswith(".") else name
        return replace(made, features=processor_features.after(self.features, name), name=shown)

    def tuned(self, name: str) -> Processor | None:
        """The processor with the padding of another one (-mtune=)."""
        made = self._chosen(name) if name in NAMES else None
        if made is None:
            return None
        return replace(self, long_nops=made.long_nops and self.knows_long_nops)

    def _chosen(self, name: str) -> Processor | None:
        if not name.startswith("."):
            if name not in NAMES:
                return None
            long = name in _LONG
            return Processor(long, long, name not in _BEFORE_386)
        extension = name[1:]
        if extension in EXTENSIONS:
            if extension == "nop":
                return replace(self, long_nops=True, knows_long_nops=True)
            return self
        if not extension.startswith("no") or extension[2:] not in EXTENSIONS | {"87"}:
            return None
        kept = self.knows_long_nops and extension != "nonop"
        return replace(self, long_nops=kept, knows_long_nops=kept)


def named(march: str, tune: str, bits: int) -> Processor | None:
    """The processor of ``-march=CPU+EXTENSION…`` and ``-mtune=``; None for unknown names.

    An extension with ``no`` before it is taken away.
    """
    found: Processor | None = default(bits)
    for number, word in enumerate(march.lower().split("+")) if march else ():
        assert found is not None
        if not number and not word:
            continue  # `+EXTENSION` alone
        found = found.chosen(f".{word}" if number else word)
        if found is None:
            return None
    assert found is not None
    return found.tuned(tune.lower()) if tune else found


def default(bits: int) -> Processor:
    """The processor of an object of class `bits` before any `.arch`."""
    return Processor(long_nops=bits == 64)

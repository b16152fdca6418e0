"""Flags: what GNU as's rarer options ask for, beside the main ones in `Options`.

Values only. Whoever does what a flag says reads it here: the unit how the text is read, the
relocator, the output.
"""

from __future__ import annotations

from typing import Literal

from orobuild.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """GNU as's option of the same meaning stands behind each.

    `intel`, `naked`: the syntax that the file starts in (``-msyntax=intel``, ``-mnaked-reg``).
    `intel_mnemonics`: x87 names are Intel's (``-mmnemonic=intel``). `alternate`: `.altmacro` from
    the start. `march` and `tune`: ``-march=``, ``-mtune=``. `relax_relocations`: GOTPCRELX.
    `shared`: global symbols may be replaced (``-mshared``). `keep_locals`: ``-L``.
    `strip_absolute`: ``--strip-local-absolute``. `common_type`: ``--elf-stt-common=yes``.
    `compress`: ``--compress-debug-sections``. `substitute_names`: ``--sectname-subst``.
    `index_reg`: %eiz and %riz are registers (``-mindex-reg``). `literal_nops`: a fill of 0x90 is just that (``-n``). `data_in_text`: ``-R``. `stack`: flags of
    .note.GNU-stack, None for no such section. `omit_lock`, `fences_as_lock`: instructions changed.
    `wide_vex`: VEX.W set where it means nothing (``-mvexwig=1``); `wide_evex` the same for EVEX;
    `scalar_length`: VEX.L of scalar instructions (``-mavxscalar=``, 128 or 256), `evex_length` of
    scalar EVEX (``-mevexlig=``); `rounding` of EVEX that only suppresses (``-mevexrcig=``, 0..3).
    `optimize`: ``-O`` is 1, ``-O2`` is 2; `for_space`: ``-Os``. `sse_check`: what an SSE instruction is beside AVX.
    `renamed`: paths in debug information, (old prefix, new) (``--debug-prefix-map``).
    """

    intel: bool = False
    naked: bool | None = None
    intel_mnemonics: bool = False
    alternate: bool = False
    march: str = ""
    tune: str = ""
    relax_relocations: bool = True
    shared: bool = False
    keep_locals: bool = False
    strip_absolute: bool = False
    common_type: bool = False
    compress: Literal["", "zlib", "zlib-gnu"] = ""
    substitute_names: bool = False
    index_reg: bool = False
    literal_nops: bool = False
    data_in_text: bool = False
    stack: str | None = None
    optimize: int = 0
    for_space: bool = False
    omit_lock: bool = False
    fences_as_lock: bool = False
    wide_vex: bool = False
    wide_evex: bool = False
    scalar_length: int = 128
    evex_length: int = 128
    rounding: int = 0
    sse_check: Literal["none", "warning", "error"] = "none"
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def changes_text(self) -> bool:
        """Whether an instruction may be read as another one."""
        return self.intel_mnemonics or self.omit_lock or self.fences_as_lock

    @property
    def changes_bytes(self) -> bool:
        """Whether encodings are adjusted."""
        return (
            self.wide_vex
            or self.wide_evex
            or self.scalar_length != 128
            or self.evex_length != 128
            or bool(self.rounding)
        )

    @property
    def watched(self) -> bool:
        """Whether every encoded instruction is looked at."""
        return self.changes_bytes or self.sse_check != "none"

    def path(self, path: str) -> str:
        """A path as debug information names it."""
        for old, new in self.renamed:
            if path.startswith(old):
                return new + path[len(old) :]
        return path

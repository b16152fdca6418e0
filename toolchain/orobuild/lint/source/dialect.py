"""Which assembler and which processor a file is written for.

Only x86 in GNU syntax is read. NASM's and MASM's is refused, not guessed at; another processor's
is passed over.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError
from orobuild.lint import languages
from orobuild.lint.comments import Language
from orobuild.lint.source.instruction_set import is_instruction

# What begins a line in NASM and in no GNU source; `#`, `;` and other comments never match.
_NASM: Final = re.compile(
    r"^[ \t]*+(?:section[ \t]+\.\w+|segment[ \t]+\.?\w+|global[ \t]+\w|default[ \t]+rel\b"
    r"|\[?[ \t]*(?:bits[ \t]+(?:16|32|64)|org[ \t]+(?:0x)?[0-9])"
    r"|%(?:macro|define|include|assign|ifdef|ifndef|endmacro|rep)\b"
    r"|\.(?:model[ \t]+\w|[3-6]86p?[ \t]*(?:;|$))|include[ \t]+[\w./\\-]+\.(?:inc|mac)\b"
    r"|\w+[ \t]+(?:proc|endp|segment|ends)\b(?![:,]))",
    re.MULTILINE | re.IGNORECASE,
)
_GNU: Final = re.compile(
    r"^[ \t]*(?:\.(?:section|text|data|globl|global|macro|type|size|balign|p2align|align|code(?:16|32|64)"
    r"|intel_syntax|att_syntax|set|equ|long|quad|byte|include|if)\b|#[ \t]*(?:include|define|if))"
    r"|%[re]?[abcds][xpi]\b",
    re.MULTILINE,
)

# Directories of source trees for one processor.
_ARCHITECTURES: Final = {
    "AArch64": ("aarch64", "arm64", "armv8"),
    "Arm": ("arm", "armv6", "armv7", "armv7m", "arm32", "thumb", "cortex", "armel", "armhf"),
    "RISC-V": ("riscv", "riscv32", "riscv64", "rv32", "rv64"),
    "MIPS": ("mips", "mips32", "mips64", "mipsn32", "mipsel"),
    "PowerPC": ("powerpc", "powerpc64", "ppc", "ppc32", "ppc64", "ppc64le", "power", "cell"),
    "s390": ("s390", "s390x"),
    "SPARC": ("sparc", "sparc32", "sparc64", "sparcv9"),
    "LoongArch": ("loongarch", "loongarch32", "loongarch64"),
    "m68k": ("m68k", "68k", "coldfire"),
    "Alpha": ("alpha", "alphaev6", "alphaev67"),
    "IA-64": ("ia64",),
    "SuperH": ("sh", "sh4", "superh"),
    "PA-RISC": ("hppa", "parisc", "pa64", "pa32"),
    "OpenRISC": ("or1k", "openrisc"),
    "another processor": (
        "arc", "avr", "csky", "hexagon", "microblaze", "msp430", "nds32", "nios2", "tilegx",
        "tilepro", "vax", "xtensa", "wasm", "bpf", "ebpf",
    ),
}  # fmt: skip
_FOLDERS: Final = {name: processor for processor, names in _ARCHITECTURES.items() for name in names}
_OURS: Final = frozenset(
    ("x86", "x86_64", "x86-64", "amd64", "i386", "i486", "i586", "i686", "ia32", "x64", "x32", "pc")
)

# Directives that only other processors' assemblers have, and registers as only they write them.
_FOREIGN: Final = (
    (r"\.arch[ \t]+armv8|\.arch_extension|\.inst\b|\b(?:adrp|stp|ldp|eret|cbn?z|tbn?z|mrs)\b", "AArch64"),
    (r"\bb\.(?:eq|ne|[lgh][tesiq])\b|,[ \t]*[#\[]?[xw](?:[0-9]|[12][0-9]|30)\b", "AArch64"),
    (r"\.syntax[ \t]+unified|\.thumb(?:_func)?\b|\.arm\b|\.fpu\b|\b(?:ldm|stm)(?:ia|fd|db)\b|\bm[cr]{2}\b", "Arm"),
    (r"\.fnstart|\b(?:ldr|str)(?:eq|ne|b|h)?[ \t]+r[0-9]", "Arm"),
    (r"\.option[ \t]+(?:rvc|norvc|push|pop|pic|norelax)\b|\bcsr[rwsc][wsc]?i?\b|\b(?:auipc|mret|sret|ecall)\b",
     "RISC-V"),
    (r"\.set[ \t]+(?:no)?(?:reorder|at|mips)|\bd?m[tf]c0\b|\b(?:lui|addiu|daddiu)\b|\.cpload|\.ent\b", "MIPS"),
    (r"\.machine\b|\.abiversion|\.localentry|\bm[tf](?:spr|lr|cr|ctr|msr)\b|\b(?:stwu|stdu|lwz|lis)\b", "PowerPC"),
    (r"\b(?:brasl|stmg|lmg|larl|lghi|basr)\b", "s390"),
    (r"\b(?:sethi|ldxa?|stxa?|flushw)\b|%[goli][0-7]\b", "SPARC"),
    (r"\b(?:st|ld)\.[dw]\b|\bcsr(?:rd|wr|xchg)\b|\bpcaddi\b", "LoongArch"),
    (r"\bmove(?:m|q|a)?(?:\.l|\.w|l)\b|%[ad][0-7]\b|%sp@", "m68k"),
    (r"\b(?:ldq|stq|lda|ldah)(?:_u)?[ \t]+\$|\.prologue\b", "Alpha"),
    (r"\.proc\b|\balloc[ \t]+r|\bbr\.(?:ret|call|cond)\b", "IA-64"),
    (r"\bmov\.[lwb]\b|\b(?:sts|lds)\.l\b", "SuperH"),
    (r"\.level\b|\b(?:ldil|ldo|stwm|copy)\b", "PA-RISC"),
    (r"\bl\.[a-z]{2,6}\b", "OpenRISC"),
)  # fmt: skip
_BLOCK_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_PREPROCESSED: Final = re.compile(
    r"^[ \t]*(?:#[ \t]*(?:include|if|ifdef|ifndef|define|else|endif|undef)\b|//)", re.MULTILINE
)
_TARGET: Final = re.compile(
    r"\b(?:OUTPUT_ARCH|OUTPUT_FORMAT|TARGET)[ \t\n]*\([ \t\n]*\"?([\w:.-]+)"
)
_FOLDER: Final = re.compile(
    r"(aarch64|arm64|arm|riscv|mips|powerpc|ppc|s390|sparc|loongarch|m68k|alpha|ia64|hppa|pa7|power)"
    r"(?:v?[0-9].*|[nl]?e?[lb]?|hf)"
)
_WORD: Final = re.compile(
    r"^[ \t]*(?:[\w.$]+:[ \t]*)*([a-zA-Z][\w.]*)(?![\w.]|[ \t]*[:=])", re.MULTILINE
)
_REGISTER: Final = re.compile(
    r"%(?:[re]?[abcd]x|[re][sd]i|[re][sb]p|[abcd][lh]|r(?:[89]|1[0-5])[dwb]?|[cdefgs]s|cr[0-8]"
    r"|[xyz]mm[0-9]+|rip|st)\b|\b(?:[er][abcd]x|[er][sd]i|[er][sb]p)\b"
)
_SPARSE: Final = 400  # characters to a register: with more of them than that nobody has to ask
_ENOUGH: Final = 1 << 16  # characters that tell what a file is


class OtherSyntax(InputError):
    """A source is for an assembler that is not GNU's."""


def require_gnu(text: str, path: str) -> None:
    """Raises `OtherSyntax` for a line that is NASM's or MASM's, and for a `.asm` with no GNU one."""
    plain = _BLOCK_COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    nasm = _NASM.search(plain)
    gnu = _GNU.findall(plain) if nasm or path.endswith(".asm") else []
    if nasm is not None and len(gnu) > len(_NASM.findall(plain)):
        nasm = None  # a macro of that name in a file full of GNU's directives
    if nasm is None and (gnu or not path.endswith(".asm")):
        return
    line = column = 1
    shown = text.partition("\n")[0]
    message = "a file named .asm is for NASM or MASM; only GNU syntax is checked"
    if nasm is not None:
        statement = nasm.start() + len(nasm[0]) - len(nasm[0].lstrip())
        line = text.count("\n", 0, statement) + 1
        start = text.rfind("\n", 0, statement) + 1
        column = statement - start + 1
        shown = text[start:].partition("\n")[0].rstrip("\r")
        message = f"'{shown.strip()[:80]}' is NASM or MASM syntax; only GNU syntax is checked"
    raise OtherSyntax(
        error(
            message,
            Span(path, line, column, 1, shown),
            hint="assemble it with its own assembler and check the object: orolint FILE.o",
            rule="source",
        )
    )


def foreign(text: str, path: str, language: Language) -> str | None:
    """What a source is instead of x86 code for an assembler; None if it is that.

    The path is a hint, what is written decides: registers of x86 make a file x86's wherever it
    lies.
    """
    if language is Language.SCRIPT or path.endswith((".lds.S", ".ld.S", ".ldS")):
        return _foreign_script(text, path)
    if languages.holds_assembly(language):
        return None if _REGISTER.search(text) else _by_path(path)
    if path.endswith(".inc") and not _looks_like_assembly(text):
        return "no assembly"
    sample = text[:_ENOUGH]
    ours = len(_REGISTER.findall(sample))
    if ours > len(sample) // _SPARSE:
        return None
    theirs: Counter[str] = Counter()
    for pattern, name in _FOREIGN:
        theirs[name] += len(re.findall(pattern, sample))
    processor, _ = theirs.most_common(1)[0]
    if theirs[processor] > ours:
        return f"for {_by_path(path, bare=True) or processor}"
    if ours:
        return None
    return _by_path(path)


def _foreign_script(text: str, path: str) -> str | None:
    """A linker script that a preprocessor reads first, or one for another processor."""
    plain = _BLOCK_COMMENT.sub("", text)
    if path.endswith("S") or _PREPROCESSED.search(plain):
        return "a linker script for the preprocessor"
    named = _TARGET.findall(plain)
    if named and not any(re.search(r"386|x86|amd64|binary|srec|ihex", name) for name in named):
        return "for another processor"
    return None


def is_foreign(text: str) -> bool:
    """Whether a block of assembly is for another processor: only its words can tell."""
    if _REGISTER.search(text):
        return False
    return any(re.search(pattern, text) for pattern, _ in _FOREIGN)


def _by_path(path: str, *, bare: bool = False) -> str | None:
    for part in reversed(path.replace("\\", "/").lower().split("/")):
        words = re.split(r"[._+-]", part) if "." in part else [part, *re.split(r"[_+-]", part)]
        if any(word in _OURS for word in words):
            return None
        for word in words:
            known = _FOLDERS.get(word)
            if known is None and (match := _FOLDER.fullmatch(word)):
                known = _FOLDERS.get(match[1], "PA-RISC")
            if known is not None:
                return known if bare else f"for {known}"
    return None


def _looks_like_assembly(text: str) -> bool:
    """Whether most lines begin as an assembler's do; fragments of C and makefiles are `.inc` too."""
    sample = text[:_ENOUGH]
    words = _WORD.findall(re.sub(r"/\*.*?\*/", "", sample, flags=re.DOTALL))
    known = sum(map(is_instruction, words))
    known += len(re.findall(r"^[ \t]*\.[a-z]\w*(?![\w.]*[ \t]*[=({])", sample, re.MULTILINE))
    return known * 3 > len(words) or not words

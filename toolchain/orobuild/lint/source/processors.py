"""Which processor a file is written for: only x86's are read, another's is passed over.

What is written decides, statement by statement: comments are prose, and prose has words that are
some processor's instructions. The path is asked where the statements say nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from orobuild.lint import languages
from orobuild.lint.comments import Language
from orobuild.lint.source.instruction_set import is_instruction

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

# How statements begin that only other processors have, and registers as only they write them.
_FOREIGN: Final = tuple((re.compile(pattern), name) for pattern, name in (
    (r"^(?:\.arch[ \t]+armv8|\.arch_extension|\.inst\b|(?:adrp|stp|ldp|eret|cbn?z|tbn?z|mrs)\b)", "AArch64"),
    (r"^b\.(?:eq|ne|[lgh][tesiq])\b|,[ \t]*[#\[]?[xw](?:[0-9]|[12][0-9]|30)\b", "AArch64"),
    (r"^(?:\.syntax[ \t]+unified|\.thumb(?:_func)?\b|\.arm\b|\.fpu\b|(?:ldm|stm)(?:ia|fd|db)\b|m[cr]{2}\b)", "Arm"),
    (r"^(?:\.fnstart|(?:ldr|str)(?:eq|ne|b|h)?[ \t]+r[0-9])", "Arm"),
    (r"^(?:\.option[ \t]+(?:rvc|norvc|push|pop|pic|norelax)\b|csr[rwsc][wsc]?i?\b|(?:auipc|mret|sret|ecall)\b)",
     "RISC-V"),
    (r"^(?:\.set[ \t]+(?:no)?(?:reorder|at|mips)|d?m[tf]c0\b|(?:lui|addiu|daddiu)\b|\.cpload|\.ent\b)", "MIPS"),
    (r"^(?:\.machine\b|\.abiversion|\.localentry|m[tf](?:spr|lr|cr|ctr|msr)\b|(?:stwu|stdu|lwz|lis)\b)", "PowerPC"),
    (r"^(?:brasl|stmg|lmg|larl|lghi|basr)\b", "s390"),
    (r"^(?:sethi|ldxa?|stxa?|flushw)\b|%[goli][0-7]\b", "SPARC"),
    (r"^(?:(?:st|ld)\.[dw]|csr(?:rd|wr|xchg)|pcaddi)\b", "LoongArch"),
    (r"^move(?:m|q|a)?(?:\.l|\.w|l)\b|%[ad][0-7]\b|%sp@", "m68k"),
    (r"^(?:(?:ldq|stq|lda|ldah)(?:_u)?[ \t]+\$|\.prologue\b)", "Alpha"),
    (r"^(?:\.proc\b|alloc[ \t]+r|br\.(?:ret|call|cond)\b)", "IA-64"),
    (r"^(?:mov\.[lwb]|(?:sts|lds)\.l)\b", "SuperH"),
    (r"^(?:\.level|ldil|ldo|stwm|copy)\b", "PA-RISC"),
    (r"^l\.[a-z]{2,6}\b", "OpenRISC"),
))  # fmt: skip
# Of the instructions that x86 has, those whose names other processors' have too.
_SHARED: Final = frozenset((
    "adc", "add", "addl", "addq", "addw", "and", "andl", "bound", "bsr", "bt", "call", "clc",
    "cli", "cmp", "cmpb", "cmpl", "cmpw", "dec", "div", "divl", "emms", "enter", "fabs", "fadd",
    "fcmp", "fcos", "fdiv", "fmul", "fnop", "fsin", "fsqrt", "fst", "fsub", "ftst", "in", "inc",
    "int", "jmp", "lar", "larl", "lb", "lds", "lea", "les", "lock", "loop", "lsl", "mov", "movl",
    "movq", "movs", "movw", "mul", "mulq", "neg", "nop", "not", "or", "orl", "out", "pop",
    "push", "rcl", "rcr", "rep", "ret", "rol", "ror", "sar", "seq", "set", "setb", "seti",
    "shl", "shr", "sl", "std", "sti", "stl", "str", "sub", "subl", "subq", "subw", "swap",
    "test", "wait", "xor", "xorl",
))  # fmt: skip
_BLOCK_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
# A line that is no statement: a comment, or the preprocessor's; of a macro's definition its head.
_NO_STATEMENT: Final = re.compile(
    r"^[ \t]*#(?:[ \t]*define[ \t]+\w+(?:\([^()\n]*\))?|.*)|//.*", re.MULTILINE
)
_LABELS: Final = re.compile(r"(?:[\w.$]+:[ \t]*)+")
_FIRST_WORD: Final = re.compile(r"[a-zA-Z]\w*(?![\w.(]|[ \t]*[:=])")
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
_REGISTER: Final = re.compile(
    r"%(?:[re]?[abcd]x|[re][sd]i|[re][sb]p|[abcd][lh]|r(?:[89]|1[0-5])[dwb]|[cdefgs]s|cr[0-8]"
    r"|[xyz]mm[0-9]+|rip|st)\b|\b(?:[er][abcd]x|[er][sd]i|[er][sb]p)\b"
)
_SPARSE: Final = 400  # characters to a register: with more of them than that nobody has to ask
_CLEARLY: Final = 4  # statements to one that only x86 has: with more of them the path is asked
_ENOUGH: Final = 1 << 16  # characters that tell what a file is
_X86: Final = "x86"


def foreign(text: str, path: str, language: Language) -> str | None:
    """What a source is instead of x86 code for an assembler; None if it is that."""
    if language is Language.SCRIPT or path.endswith((".lds.S", ".ld.S", ".ldS")):
        return _foreign_script(text, path)
    if languages.holds_assembly(language):
        return None if _REGISTER.search(text) else _passed_over(_by_path(path))
    sample = text[:_ENOUGH]
    statements = _statements(sample)
    if path.endswith(".inc") and not _looks_like_assembly(statements):
        return "no assembly"
    if len(_REGISTER.findall(sample)) > len(sample) // _SPARSE:
        return None
    ours, theirs = _evidence(statements)
    named = _by_path(path)
    if theirs and theirs.most_common(1)[0][1] > ours:
        return _passed_over(theirs.most_common(1)[0][0] if named in (None, _X86) else named)
    return None if ours * _CLEARLY > len(statements) else _passed_over(named)


def is_foreign(text: str) -> bool:
    """Whether a block of assembly is for another processor: only its statements can tell."""
    if _REGISTER.search(text):
        return False
    ours, theirs = _evidence(_statements(text))
    return max(theirs.values(), default=0) > ours


def _statements(text: str) -> list[str]:
    """The statements of a text, and of the macros that it defines, without labels."""
    plain = _NO_STATEMENT.sub("", _BLOCK_COMMENT.sub(" ", text)).replace("\\\n", "\n")
    found = (part.strip(" \t\r\\") for part in re.split(r"[;\n]", plain))
    return [_LABELS.sub("", part, count=1) if ":" in part else part for part in found if part]


def _evidence(statements: list[str]) -> tuple[int, Counter[str]]:
    """How many statements only x86 has, and how many which other processor has."""
    ours = 0
    theirs: Counter[str] = Counter()
    for statement in statements:
        word = _FIRST_WORD.match(statement)
        others = {name for pattern, name in _FOREIGN if pattern.match(statement)}
        if word and _is_distinct(word[0].lower()):
            ours += 1
        elif others:
            theirs.update(others)
        elif _REGISTER.search(statement):
            ours += 1
        else:
            theirs.update({name for pattern, name in _FOREIGN if pattern.search(statement)})
    return ours, theirs


def _is_distinct(name: str) -> bool:
    """Whether only x86 has an instruction of this name; AVX's are SSE's with a `v`."""
    known = is_instruction(name) or (name.startswith("v") and is_instruction(name[1:]))
    return known and name not in _SHARED


def _passed_over(processor: str | None) -> str | None:
    return None if processor in (None, _X86) else f"for {processor}"


def _foreign_script(text: str, path: str) -> str | None:
    """A linker script that a preprocessor reads first, or one for another processor."""
    plain = _BLOCK_COMMENT.sub("", text)
    if path.endswith("S") or _PREPROCESSED.search(plain):
        return "a linker script for the preprocessor"
    named = _TARGET.findall(plain)
    if named and not any(re.search(r"386|x86|amd64|binary|srec|ihex", name) for name in named):
        return "for another processor"
    return None


def _by_path(path: str) -> str | None:
    """The processor that a folder or the file is named after, None if there is none."""
    for part in reversed(path.replace("\\", "/").lower().split("/")):
        words = re.split(r"[._+-]", part) if "." in part else [part, *re.split(r"[_+-]", part)]
        if any(word in _OURS for word in words):
            return _X86
        for word in words:
            known = _FOLDERS.get(word)
            if known is None and (match := _FOLDER.fullmatch(word)):
                known = _FOLDERS.get(match[1], "PA-RISC")
            if known is not None:
                return known
    return None


def _looks_like_assembly(statements: list[str]) -> bool:
    """Whether most begin as an assembler's do; fragments of C and makefiles are `.inc` too."""
    words = [
        match[0]
        for s in statements
        if (match := re.match(r"[a-zA-Z][\w.]*(?![\w.]|[ \t]*[:=])", s))
    ]
    known = sum(map(is_instruction, words))
    known += sum(bool(re.match(r"\.[a-z]\w*(?![\w.]*[ \t]*[=({])", s)) for s in statements)
    return known * 3 > len(words) or not words

"""The table of GNU as's options (2.40, x86 ELF): which work, which mean nothing here, which are
refused and why. Names and meanings are those of `as --help`; nothing here acts.
"""

from __future__ import annotations

from typing import Final

from orobuild.cli.gnu_options import Option

_YES_NO: Final = {"yes": None, "no": None}
_HARDENING: Final = "it rewrites instructions, and orobuild assembles what is written"


def _ignored(reason: str, *names: str) -> Option:
    return Option(key="ignored", names=names, ignored=reason)


def _refused(reason: str, *names: str, instead: str | None = None) -> Option:
    return Option(key="refused", names=names, takes="maybe", refused=reason, instead=instead)


def _choice(name: str, harmless: str, others: tuple[str, ...], why: str, ignored: str) -> Option:
    """An option of which one value is what orobuild does anyway."""
    return Option(
        key="ignored",
        names=(name,),
        takes="value",
        metavar=harmless,
        choices={harmless: None} | dict.fromkeys(others, why),
        ignored=ignored,
    )


TABLE: Final = (
    Option(key="output", names=("-o",), takes="value", metavar="FILE", joined_first=True,
           help="write the object to FILE (a.out)"),
    Option(key="include", names=("-I",), takes="value", metavar="DIR", joined_first=True,
           help="look for .include and .incbin files in DIR"),
    Option(key="bits", names=("--64",), constant="64", help="write ELF64 (default)"),
    Option(key="bits", names=("--32",), constant="32", help="write ELF32 for i386"),
    Option(key="defsym", names=("--defsym",), takes="value", metavar="NAME=VALUE",
           help="define a symbol before the first line is read"),
    Option(key="debug", names=("-g", "--gen-debug"), constant="2",
           help="add debug information: a line for every instruction"),
    *(Option(key="debug", names=(f"--gdwarf-{version}",), constant=version,
             help=f"the same, in version {version} of DWARF") for version in "2345"),
    Option(key="debug", names=("-gdwarf", "-gdwarf2"), constant="2", help="the same as -g"),
    Option(key="warnings", names=("-W", "--no-warn"), constant="no", help="show no warnings"),
    Option(key="warnings", names=("--warn",), constant="yes", help="show warnings (default)"),
    Option(key="fatal-warnings", names=("--fatal-warnings",), help="warnings are errors"),
    Option(key="stack", names=("--noexecstack",), constant="",
           help="note that the stack need not be executable"),
    Option(key="stack", names=("--execstack",), constant="x",
           help="note that the stack must be executable"),
    Option(key="syntax", names=("-msyntax",), takes="value", metavar="att|intel",
           choices={"att": None, "intel": None}, help="the syntax that the file starts in"),
    Option(key="naked", names=("-mnaked-reg",), help="registers need no %"),
    Option(key="listing", names=("-a",), takes="maybe", metavar="LETTERS][=FILE",
           joined_first=True, constant="",
           help="write a listing: c no skipped parts, d no debug information, g how it was made, "
                "h source of the compiler, l assembly, m macro expansions, n no pages, s symbols"),
    *(Option(key=name, names=(f"--{name}",), takes="value", metavar="N", help=text)
      for name, text in (
          ("listing-lhs-width", "words of 4 bytes on a listing's lines"),
          ("listing-lhs-width2", "words on the lines that continue one"),
          ("listing-rhs-width", "columns of the source"),
          ("listing-cont-lines", "the most lines that continue one"),
      )),
    Option(key="MD", names=("--MD",), takes="value", metavar="FILE",
           help="write to FILE, for make, what was read"),
    Option(key="strict", names=("--strict",), two_dashes=True,
           help="forbid what orobuild asm forbids: code before a section directive, …"),
    Option(key="explain", names=("--explain",), takes="value", metavar="LINE", two_dashes=True,
           help="say why this line (or FILE:LINE) became what it did"),
    Option(key="format", names=("--format",), takes="value", metavar="text|json", two_dashes=True,
           choices={"text": None, "json": None}, help="how --explain answers"),
    Option(key="version-and-go", names=("-v", "-V"), help="print the version, then assemble"),
    Option(key="version", names=("--version",), help="print the version and end"),
    Option(key="help", names=("--help",), help="print this and end"),
    Option(key="target-help", names=("--target-help",), help="print this and end"),
    Option(key="march", names=("-march",), takes="value", metavar="CPU[+EXTENSION]",
           help="refuse instructions that the processor does not have"),
    Option(key="tune", names=("-mtune",), takes="value", metavar="CPU",
           help="padding as the processor likes it"),
    Option(key="mnemonic", names=("-mmnemonic",), takes="value", metavar="att|intel",
           choices={"att": None, "intel": None}, help="names of the x87 instructions"),
    Option(key="relax", names=("-mrelax-relocations",), takes="value", metavar="yes|no",
           choices=_YES_NO, help="GOTPCRELX relocations (yes)"),
    Option(key="shared", names=("-mshared",), help="global symbols may be replaced"),
    Option(key="omit-lock", names=("-momit-lock-prefix",), takes="value", metavar="yes|no",
           choices=_YES_NO, help="leave out lock prefixes (no)"),
    Option(key="fences", names=("-mfence-as-lock-add",), takes="value", metavar="yes|no",
           choices=_YES_NO, help="write fences as a locked addition (no)"),
    Option(key="sse-check", names=("-msse-check",), takes="value", metavar="WORD",
           choices={"none": None, "error": None, "warning": None},
           help="what an SSE instruction is: none, warning, error"),
    Option(key="avxscalar", names=("-mavxscalar",), takes="value", metavar="128|256",
           choices={"128": None, "256": None}, help="VEX.L of scalar AVX instructions"),
    Option(key="vexwig", names=("-mvexwig",), takes="value", metavar="0|1",
           choices={"0": None, "1": None}, help="VEX.W where it is ignored"),
    Option(key="evexlig", names=("-mevexlig",), takes="value", metavar="128|256|512",
           choices={"128": None, "256": None, "512": None}, help="EVEX.L'L of scalar instructions"),
    Option(key="evexwig", names=("-mevexwig",), takes="value", metavar="0|1",
           choices={"0": None, "1": None}, help="EVEX.W where it is ignored"),
    Option(key="evexrcig", names=("-mevexrcig",), takes="value", metavar="rne|rd|ru|rz",
           choices={"rne": None, "rd": None, "ru": None, "rz": None},
           help="EVEX.RC where it is ignored"),
    Option(key="common", names=("--elf-stt-common",), takes="value", metavar="yes|no",
           choices=_YES_NO, help="common symbols are STT_COMMON (no)"),
    Option(key="compress", names=("--compress-debug-sections",), takes="maybe",
           metavar="none|zlib|zlib-gabi|zlib-gnu", constant="zlib",
           choices={"none": None, "zlib": None, "zlib-gabi": None, "zlib-gnu": None,
                    "zstd": "only zlib is known"},
           help="compress debug information"),
    Option(key="compress", names=("--nocompress-debug-sections",), constant="none",
           help="do not (default)"),
    Option(key="keep-locals", names=("-L", "--keep-locals"), help="keep .L symbols"),
    Option(key="strip-absolute", names=("--strip-local-absolute",),
           help="drop local absolute symbols"),
    Option(key="alternate", names=("--alternate",), help="begin with .altmacro"),
    Option(key="data-in-text", names=("-R",), help="put .data into .text"),
    Option(key="optimize", names=("-O",), takes="maybe", metavar="0|1|2|s", constant="1",
           joined_first=True, help="shorter encodings that do the same"),
    Option(key="index-reg", names=("-mindex-reg",), help="%eiz and %riz are registers"),
    Option(key="literal-nops", names=("-n",), help="a fill of 0x90 stays single no-operations"),
    Option(key="substitute-names", names=("--sectname-subst",),
           help="%S in a section's name is the current section's"),
    Option(key="rename", names=("--debug-prefix-map",), takes="value", metavar="OLD=NEW",
           help="begin paths in debug information with NEW instead of OLD"),
    # -- what GNU as accepts and means nothing here ---------------------------------------
    _choice("-mx86-used-note", "no", ("yes",), "no note is made of what the code uses",
            "none is written"),
    _choice("-mlfence-after-load", "no", ("yes",), _HARDENING, "no fences are added"),
    _choice("-mlfence-before-indirect-branch", "none", ("all", "register", "memory"), _HARDENING,
            "no fences are added"),
    _choice("-mlfence-before-ret", "none", ("or", "not", "shl", "yes"), _HARDENING,
            "no fences are added"),
    _choice("-malign-branch-boundary", "0", ("16", "32", "64", "128", "256", "512"), _HARDENING,
            "branches are not moved"),
    _choice("--generate-missing-build-notes", "no", ("yes",), "no build notes are made up",
            "as by default"),
    Option(key="ignored", names=("--size-check",), takes="value", metavar="error|warning",
           choices={"error": None, "warning": None}, ignored="a wrong .size is an error"),
    Option(key="ignored", names=("-moperand-check",), takes="value", metavar="WORD",
           choices={"none": None, "error": None, "warning": None},
           ignored="what is ambiguous is an error, the rest is fine"),
    Option(key="ignored", names=("--multibyte-handling",), takes="value", metavar="METHOD",
           choices={"allow": None, "warn": None, "warn-sym-only": None},
           ignored="bytes above 127 are allowed"),
    Option(key="ignored", names=("-Q",), takes="value", metavar="y|n", ignored="as GNU as"),
    Option(key="ignored", names=("--hash-size",), takes="value", metavar="N", ignored="as GNU as"),
    _ignored("as GNU as", "-w", "-X", "-k", "-s", "-nocpp", "--reduce-memory-overheads"),
    _ignored("no such messages exist", "-q", "-D", "-J", "-K"),
    _ignored("input is always preprocessed; it costs little", "-f"),
    _ignored("as by default", "-mamd64"),
    _ignored("/ is never a comment in ELF for GNU/Linux", "--divide"),
    _ignored("output is the same either way", "--traditional-format"),
    _ignored("assemblers of bare metal have nothing to report", "--statistics"),
    # -- what is refused -------------------------------------------------------------------
    _refused("x32 objects are not written", "--x32", instead="--64 or --32"),
    _refused("the format is obsolete", "--gstabs", "--gstabs+", instead="-g"),
    _refused("line numbers are in one section", "--gdwarf-sections"),
    _refused("CIEs have the version that GNU as gives them", "--gdwarf-cie-version"),
    _refused("SFrame is not written", "--gsframe", instead=".eh_frame comes from .cfi directives"),
    _refused("MRI's language is not understood", "-M", "--mri"),
    _refused("an object with errors in it is no object", "-Z"),
    _refused("sections are always as large as what is in them", "-no-pad-sections"),
    _refused(_HARDENING, "-msse2avx", "-muse-unaligned-vector-move", "-madd-bnd-prefix",
             "-malign-branch", "-malign-branch-prefix-size", "-mbranches-within-32B-boundaries"),
    _refused("branches have AMD64's meaning", "-mintel64"),
    _refused("there is nothing to configure", "--dump-config"),
)  # fmt: skip

EXAMPLES: Final = """
oro-as -o isr.o isr.s
oro-as --32 -I include --defsym CORES=4 -o boot.o boot.s
gcc -S -o - a.c | oro-as -o a.o -
make AS=oro-as

What statements were encoded to is kept for the next time, below $XDG_CACHE_HOME/orobuild
(~/.cache/orobuild). OROBUILD_ENCODING_CACHE=DIRECTORY puts it elsewhere, =off does without.
"""

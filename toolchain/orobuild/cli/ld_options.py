"""The tables of GNU ld's options and -z keywords (2.40, x86 ELF): which work, which mean nothing
for a static image, which are refused and why. Names and meanings are those of `ld --help`.
"""

from __future__ import annotations

from typing import Final

from orobuild.cli.gnu_options import Option

_STATIC: Final = "the image is static: nothing is linked or looked up when it runs"
_DYNAMIC: Final = "shared libraries are neither made nor linked"
_DEFAULT: Final = "as by default"
_COMPILER: Final = "for the compiler's sake, as GNU ld"


def _ignored(reason: str, *names: str) -> Option:
    return Option(key="ignored", names=names, ignored=reason)


def _ignored_value(reason: str, *names: str, metavar: str = "VALUE") -> Option:
    return Option(key="ignored", names=names, takes="value", metavar=metavar, ignored=reason)


def _refused(reason: str, *names: str, instead: str | None = None) -> Option:
    return Option(key="refused", names=names, takes="maybe", refused=reason, instead=instead)


TABLE: Final = (
    Option(key="output", names=("-o", "--output"), takes="value", metavar="FILE",
           two_dashes=True, joined_first=True, help="write the image to FILE (a.out)"),
    Option(key="script", names=("-T", "--script"), takes="value", metavar="FILE",
           joined_first=True, help="the linker script; looked for in the -L directories too"),
    Option(key="script", names=("--default-script", "-dT"), takes="value", metavar="FILE",
           help="the linker script when there is no -T"),
    Option(key="entry", names=("-e", "--entry"), takes="value", metavar="ADDRESS",
           help="the entry point: a symbol or a number"),
    Option(key="emulation", names=("-m",), takes="value", metavar="EMULATION",
           choices={"elf_x86_64": None, "elf_i386": None,
                    "elf32_x86_64": "x32 is not linked", "elf_iamcu": "it is not linked",
                    "i386pep": "PE is not linked", "i386pe": "PE is not linked"},
           help="elf_x86_64 or elf_i386 (default: as the first input)"),
    Option(key="library", names=("-l", "--library"), takes="value", metavar="NAME",
           joined_first=True, help="link libNAME.a, or the file NAME for -l:NAME"),
    Option(key="library-path", names=("-L", "--library-path"), takes="value", metavar="DIR",
           joined_first=True, help="look for libraries and scripts in DIR"),
    Option(key="group", names=("-(", "--start-group"), constant="start",
           help="search the archives from here to --end-group until nothing more is found"),
    Option(key="group", names=("-)", "--end-group"), constant="end", help="end the group"),
    Option(key="whole-archive", names=("--whole-archive",), constant="yes",
           help="take every member of the archives that follow"),
    Option(key="whole-archive", names=("--no-whole-archive",), constant="no",
           help="take the members that are needed (default)"),
    Option(key="state", names=("--push-state",), constant="push",
           help="remember --whole-archive"),
    Option(key="state", names=("--pop-state",), constant="pop", help="and return to it"),
    Option(key="undefined", names=("-u", "--undefined"), takes="value", metavar="SYMBOL",
           help="require SYMBOL, so that an archive member that defines it is linked"),
    Option(key="require-defined", names=("--require-defined",), takes="value", metavar="SYMBOL",
           help="the same, and it is an error if nothing defines it"),
    Option(key="defsym", names=("--defsym",), takes="value", metavar="NAME=EXPRESSION",
           help="define a symbol"),
    Option(key="gc-sections", names=("--gc-sections",), constant="yes",
           help="drop sections that nothing refers to"),
    Option(key="gc-sections", names=("--no-gc-sections",), constant="no",
           help="keep them (default)"),
    Option(key="print-gc-sections", names=("--print-gc-sections",), constant="yes",
           help="say on standard error which sections were dropped"),
    Option(key="print-gc-sections", names=("--no-print-gc-sections",), constant="no",
           help="do not (default)"),
    Option(key="strip", names=("-s", "--strip-all"), constant="all",
           help="leave out symbols and debug sections"),
    Option(key="strip", names=("-S", "--strip-debug"), constant="debug",
           help="leave out debug sections"),
    Option(key="relocatable", names=("-r", "-i", "--relocatable", "-Ur"),
           help="join the inputs into one relocatable object"),
    Option(key="pie", names=("-pie", "--pic-executable"), constant="yes",
           help="a static image that runs wherever it is loaded: ET_DYN, without interpreter"),
    Option(key="pie", names=("-no-pie",), constant="no", help="at a fixed place (default)"),
    Option(key="hash-style", names=("--hash-style",), takes="value", metavar="STYLE",
           choices={"sysv": None, "gnu": None, "both": None},
           help="with -pie, which (empty) hash tables: sysv, gnu, or both (default)"),
    Option(key="eh-frame-hdr", names=("--eh-frame-hdr",), constant="yes",
           help="make .eh_frame_hdr, the index of unwind information"),
    Option(key="eh-frame-hdr", names=("--no-eh-frame-hdr",), constant="no",
           help="do not (default)"),
    Option(key="emit-relocs", names=("-q", "--emit-relocs"), constant="yes",
           help="leave relocations in the image"),
    Option(key="emit-relocs", names=("--no-emit-relocs",), constant="no",
           help="do not (default)"),
    Option(key="define-common", names=("-d", "-dc", "-dp"),
           help="with -r, give common symbols a place"),
    Option(key="ungroup", names=("--force-group-allocation",),
           help="with -r, dissolve section groups"),
    Option(key="discard", names=("-x", "--discard-all"), constant="all",
           help="leave out local symbols"),
    Option(key="discard", names=("-X", "--discard-locals"), constant="locals",
           help="leave out the labels of compilers: those that begin with .L"),
    Option(key="discard", names=("--discard-none",), constant="none",
           help="keep even those in merged strings"),
    Option(key="map", names=("-Map",), takes="value", metavar="FILE",
           help="write a map to FILE, to DIR/OUTPUT.map, or for - to standard output"),
    Option(key="map-format", names=("--map-format",), takes="value", metavar="text|json",
           two_dashes=True, choices={"text": None, "json": None},
           help="the map's form: text (default), or JSON for programs"),
    Option(key="print-map", names=("-M", "--print-map"), help="print a map"),
    Option(key="orphan-handling", names=("--orphan-handling",), takes="value", metavar="MODE",
           two_dashes=True,
           choices={"place": None, "warn": None, "error": None, "discard": None},
           help="place (default), warn, error or discard: sections that no rule places"),
    Option(key="unique", names=("--unique",), takes="maybe", metavar="SECTION",
           refused="output sections are what the script says",
           instead="write an output section of its own in the script"),
    Option(key="oformat", names=("--oformat",), takes="value", metavar="TARGET", two_dashes=True,
           choices={"elf64-x86-64": None, "elf32-i386": None, "binary": None,
                    "elf32-x86-64": "x32 is not linked",
                    "srec": "S-records are not written", "ihex": "Intel hex is not written",
                    "verilog": "it is not written", "pei-x86-64": "PE is not written"},
           instead="write elf64-x86-64 and convert it with objcopy",
           help="elf64-x86-64, elf32-i386, or binary for a flat image"),
    Option(key="keyword", names=("-z",), takes="value", metavar="KEYWORD",
           help="see the keywords below"),
    Option(key="rwx", names=("--warn-rwx-segments",), constant="yes",
           help="warn of segments that are writable and executable (default)"),
    Option(key="rwx", names=("--no-warn-rwx-segments",), constant="no", help="do not"),
    Option(key="fatal-warnings", names=("--fatal-warnings",), constant="yes",
           help="warnings are errors"),
    Option(key="fatal-warnings", names=("--no-fatal-warnings",), constant="no",
           help="they are not (default)"),
    Option(key="warnings", names=("-w", "--no-warnings"), constant="no",
           help="show no warnings"),
    Option(key="trace", names=("-t", "--trace"), help="print the name of each input"),
    Option(key="build-id", names=("--build-id",), takes="maybe", metavar="STYLE",
           constant="sha1",
           choices={"none": None, "sha1": None}
           | dict.fromkeys(("md5", "uuid", "fast"), "build-ids are SHA-1 of the image"),
           help="add a note with a hash of the image: sha1 (default) or none"),
    Option(key="why", names=("--why",), takes="value", metavar="NAME", two_dashes=True,
           help="explain why a symbol, section or address is where it is"),
    Option(key="strict", names=("--strict",), two_dashes=True,
           help="forbid what orobuild link forbids: orphans, permissions not granted, …"),
    Option(key="v", names=("-v",), help="print the version, then link if there are inputs"),
    Option(key="V", names=("-V",), help="print the version and the emulations, then link"),
    Option(key="version", names=("--version",), help="print the version and end"),
    Option(key="help", names=("--help", "--target-help"), help="print this and end"),
    # -- what GNU ld accepts and means nothing here -----------------------------------------
    _ignored(_STATIC, "-static", "-Bstatic", "-dn", "-non_shared",
             "--no-dynamic-linker", "-E", "--export-dynamic", "--no-export-dynamic",
             "--as-needed", "--no-as-needed", "-Bsymbolic", "-Bsymbolic-functions",
             "-Bno-symbolic", "--enable-new-dtags", "--disable-new-dtags",
             "--copy-dt-needed-entries", "--no-copy-dt-needed-entries",
             "--allow-shlib-undefined", "--no-allow-shlib-undefined", "--dynamic-list-data",
             "--default-symver", "--warn-textrel", "-Bdynamic", "-dy", "-call_shared"),
    _ignored_value(_STATIC, "-rpath", "-rpath-link", "-soname", "--dynamic-list",
                   "--export-dynamic-symbol", "--exclude-libs", "-I", "--dynamic-linker"),
    _ignored("only libraries in -L directories are looked for", "-nostdlib"),
    _ignored(_DEFAULT, "-EL", "--check-sections", "--no-omagic", "--no-undefined", "--relax",
             "--error-unresolved-symbols", "--no-warn-execstack",
             "--warn-execstack", "--no-undefined-version", "--undefined-version",
             "--no-strip-discarded", "--strip-discarded",
             "--no-print-map-discarded", "--print-map-discarded", "--no-ctf-variables",
             "--ctf-variables", "--no-accept-unknown-input-arch"),
    _ignored("every undefined symbol is reported once", "--warn-once"),
    _ignored("names are shown as they are", "--no-demangle", "--demangle"),
    Option(key="ignored", names=("-O",), takes="maybe", metavar="LEVEL",
           ignored="strings are merged always"),
    Option(key="ignored", names=("-plugin-opt", "-plugin"), takes="value", metavar="X",
           ignored="objects of link-time optimisation are refused where they are met"),
    _ignored(_COMPILER, "-g", "-Qy", "-flto", "-qmagic", "--no-keep-memory",
             "--reduce-memory-overheads", "--no-warn-mismatch", "--no-warn-search-mismatch",
             "-no-map-whole-files", "-map-whole-files", "--stats", "--traditional-format",
             "--no-add-needed", "--add-needed", "--ld-generated-unwind-info",
             "--no-ld-generated-unwind-info", "--warn-common", "--warn-constructors",
             "--warn-multiple-gp", "--warn-section-align", "--warn-alternate-em"),
    _ignored_value(_COMPILER, "-fuse-ld", "-flto-partition", "-assert", "-a", "-Y", "--hash-size",
                   "-G", "--gpsize", "--max-cache-size", "--spare-dynamic-tags", "-A",
                   "--architecture"),
    Option(key="ignored", names=("-b", "--format"), takes="value", metavar="TARGET",
           choices={"elf64-x86-64": None, "elf32-i386": None, "default": None,
                    "binary": "raw blobs are not linked yet"},
           instead='assemble a file that says .incbin "FILE"',
           ignored="ELF is recognised; binary is refused"),
    Option(key="ignored", names=("--sysroot",), takes="value", metavar="/",
           choices={"/": None, "": None}, instead="give -L directories in full",
           ignored="the root is /"),
    Option(key="ignored", names=("--unresolved-symbols",), takes="value", metavar="METHOD",
           choices={"report-all": None, "ignore-in-shared-libs": None,
                    "ignore-all": "an image with unresolved symbols cannot run",
                    "ignore-in-object-files": "an image with unresolved symbols cannot run"},
           instead="define the symbol, or make the reference weak",
           ignored="an undefined symbol is an error"),
    Option(key="ignored", names=("--compress-debug-sections",), takes="value", metavar="none",
           choices={"none": None}
           | dict.fromkeys(("zlib", "zlib-gnu", "zlib-gabi", "zstd"), "they are not compressed"),
           instead="objcopy --compress-debug-sections does it", ignored=_DEFAULT),
    # -- what is refused -------------------------------------------------------------------
    _refused(_DYNAMIC, "-shared", "-Bshareable", "-f", "--auxiliary", "-F", "--filter",
             "-init", "-fini", "--audit", "-P", "--depaudit",
             "--out-implib", "--task-link", "-h", "-Bgroup", "--dynamic-list-cpp-new",
             "--dynamic-list-cpp-typeinfo", "--export-dynamic-symbol-list",
             "--default-imported-symver", "--version-exports-section", "--version-script",
             instead="link a static image"),
    _refused("it is not implemented", "--wrap", "--cref", "--no-relax", "--sort-section",
             "--sort-common", "--just-symbols", "-R",
             "--section-start", "-Tbss", "-Tdata", "-Ttext", "-Ttext-segment",
             "-Trodata-segment", "-Tldata-segment", "-n", "--nmagic", "-N", "--omagic",
             "--split-by-file", "--split-by-reloc", "--retain-symbols-file", "-y",
             "--trace-symbol", "--print-memory-usage", "--dependency-file",
             "--package-metadata", "--gc-keep-exported", "--no-define-common",
             "--no-check-sections", "--enable-non-contiguous-regions", "--remap-inputs",
             "--enable-non-contiguous-regions-warnings", "--disable-multiple-abs-defs",
             "--print-sysroot", "--verbose", "--print-output-format",
             "--ctf-share-types", "--embedded-relocs", "--error-handling-script", "--force-exe-suffix",
             instead="the linker script can place and name everything"),
    _refused("an image that is wrong is never written", "--noinhibit-exec",
             "--allow-multiple-definition", "--warn-unresolved-symbols",
             "--ignore-unresolved-symbol", "--accept-unknown-input-arch",
             instead="remove the cause; weak symbols may be defined twice or not at all"),
    _refused("MRI's scripts are not understood", "-c", "--mri-script",
             instead="write a linker script"),
    _refused("x86 is little-endian", "-EB"),
)  # fmt: skip

EXAMPLES: Final = """
oro-ld -T kernel.ld -o kernel.elf *.o
oro-ld -T kernel.ld -o kernel.elf --gc-sections -Map kernel.map *.o -L lib -lc
oro-ld -T kernel.ld -o kernel.elf *.o --why .text.isr
gcc -B DIR -static -nostdlib -T kernel.ld -o kernel.elf *.c     (DIR/ld is oro-ld)
"""

# autoconf's libtool recognises ELF by the line of targets.
EPILOGUE: Final = """\
docs/linker-options.md has the -z keywords. Those that only concern shared
libraries are accepted; unknown ones are a warning, as in GNU ld.

oro-ld: supported targets: elf64-x86-64 elf32-i386 binary
oro-ld: supported emulations: elf_x86_64 elf_i386
"""

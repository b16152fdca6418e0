"""What of the GNU linker script language is supported: the table behind docs/linker-scripts.md.

Every word that the parser knows stands here once, with an example that the tests parse (or see
refused, for a refused one). `render` is the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Feature:
    """One row. `example` is a whole script; `note` says what differs from GNU ld 2.40, if any."""

    name: str
    group: str
    state: Literal["works", "refused"]
    example: str
    note: str = ""


def _in_sections(text: str) -> str:
    return f"SECTIONS {{ {text} }}"


def _in_body(text: str) -> str:
    return _in_sections(f".text : {{ {text} }}")


def _works(group: str, name: str, example: str, note: str = "") -> Feature:
    return Feature(name, group, "works", example, note)


_COMMANDS: Final = "Commands"
_SECTION: Final = "Output section descriptions"
_INPUT: Final = "Input section descriptions"
_DATA: Final = "Data and fills"
_ASSIGN: Final = "Assignments"
_FUNCTION: Final = "Functions"
_PHDR: Final = "PHDRS and MEMORY"

FEATURES: Final = (
    _works(_COMMANDS, "SECTIONS", "SECTIONS { .text : { *(.text) } }"),
    _works(_COMMANDS, "PHDRS", "PHDRS { text PT_LOAD; }"),
    _works(_COMMANDS, "MEMORY", "MEMORY { ram (rwx) : ORIGIN = 0, LENGTH = 64K }"),
    _works(
        _COMMANDS,
        "REGION_ALIAS",
        'MEMORY { ram : o = 0, l = 1K } REGION_ALIAS("code", ram);',
    ),
    _works(_COMMANDS, "ENTRY", "ENTRY(_start)"),
    _works(_COMMANDS, "ASSERT", 'ASSERT(1, "never")'),
    _works(_COMMANDS, "EXTERN", "EXTERN(first second)"),
    _works(_COMMANDS, "INCLUDE", "INCLUDE other.ld"),
    _works(
        _COMMANDS,
        "INPUT",
        "INPUT(a.o, b.o)",
        "the caller of the library reads the files; `Script.inputs` lists them",
    ),
    _works(_COMMANDS, "GROUP", "GROUP(libc.a AS_NEEDED(libm.a))", "as INPUT"),
    _works(_COMMANDS, "AS_NEEDED", "INPUT(AS_NEEDED(a.so))", "as INPUT"),
    _works(_COMMANDS, "STARTUP", "STARTUP(crt0.o)", "as INPUT, first"),
    _works(_COMMANDS, "SEARCH_DIR", "SEARCH_DIR(/lib)", "`Script.search_dirs` lists them"),
    _works(_COMMANDS, "OUTPUT", "OUTPUT(kernel.elf)", "`Script.output`; the command line wins"),
    _works(
        _COMMANDS,
        "OUTPUT_FORMAT",
        'OUTPUT_FORMAT("elf64-x86-64", "elf64-x86-64", "elf64-x86-64")',
        "elf64-x86-64, elf32-i386, binary",
    ),
    _works(_COMMANDS, "OUTPUT_ARCH", "OUTPUT_ARCH(i386:x86-64)"),
    _works(_COMMANDS, "NOCROSSREFS", "NOCROSSREFS(.text .init)"),
    _works(_COMMANDS, "NOCROSSREFS_TO", "NOCROSSREFS_TO(.text .init)"),
    _works(
        _COMMANDS,
        "INSERT",
        "SECTIONS { .a : { *(.a) } } SECTIONS { .b : { *(.b) } } INSERT AFTER .a;",
        "see above",
    ),
    _works(_SECTION, "address", _in_sections(".text 0x1000 : { *(.text) }")),
    _works(_SECTION, "AT", _in_sections(".text : AT(0x1000) { *(.text) }")),
    _works(_SECTION, "ALIGN", _in_sections(".text : ALIGN(16) { *(.text) }")),
    _works(_SECTION, "SUBALIGN", _in_sections(".text : SUBALIGN(16) { *(.text) }")),
    _works(_SECTION, "ALIGN_WITH_INPUT", _in_sections(".text : ALIGN_WITH_INPUT { *(.text) }")),
    _works(_SECTION, "ONLY_IF_RO", _in_sections(".text : ONLY_IF_RO { *(.text) }")),
    _works(_SECTION, "ONLY_IF_RW", _in_sections(".text : ONLY_IF_RW { *(.text) }")),
    _works(_SECTION, "NOLOAD", _in_sections(".text (NOLOAD) : { *(.text) }")),
    _works(_SECTION, "COPY", _in_sections(".text (COPY) : { *(.text) }")),
    _works(_SECTION, "DSECT", _in_sections(".text (DSECT) : { *(.text) }")),
    _works(_SECTION, "INFO", _in_sections(".text (INFO) : { *(.text) }")),
    _works(_SECTION, "(OVERLAY)", _in_sections(".text (OVERLAY) : { *(.text) }")),
    _works(_SECTION, "READONLY", _in_sections(".text (READONLY) : { *(.text) }")),
    _works(_SECTION, "TYPE", _in_sections(".text (TYPE = SHT_PROGBITS) : { *(.text) }")),
    _works(_SECTION, ">region", _in_sections(".text : { *(.text) } >ram")),
    _works(_SECTION, "AT>region", _in_sections(".text : { *(.text) } >ram AT>rom")),
    _works(_SECTION, ":phdr", _in_sections(".text : { *(.text) } :text :all")),
    _works(_SECTION, ":NONE", _in_sections(".text : { *(.text) } :NONE")),
    _works(_SECTION, "=fill", _in_sections(".text : { *(.text) } =0x9090")),
    _works(_SECTION, "/DISCARD/", _in_sections("/DISCARD/ : { *(.comment) }")),
    _works(_SECTION, "OVERLAY", _in_sections("OVERLAY 0x1000 : AT(0x2000) { .a { *(.a) } }")),
    Feature(
        "SPECIAL", _SECTION, "refused", _in_sections(".a : SPECIAL { *(.a) }"), "ld ignores it"
    ),
    _works(_INPUT, "file patterns", _in_body("dir/*.o(.text)")),
    _works(_INPUT, "archive:member", _in_body("lib*.a:*.o(.text) *lib.a:(.text) :main.o(.text)")),
    _works(_INPUT, "KEEP", _in_body("KEEP(*(.text))")),
    _works(_INPUT, "EXCLUDE_FILE", _in_body("EXCLUDE_FILE(*a.o) *(.a) *(EXCLUDE_FILE(*a.o) .b)")),
    _works(_INPUT, "SORT", _in_body("*(SORT(.text.*)) SORT(*)(.a)")),
    _works(_INPUT, "SORT_BY_NAME", _in_body("*(SORT_BY_NAME(SORT_BY_ALIGNMENT(.text.*)))")),
    _works(_INPUT, "SORT_BY_ALIGNMENT", _in_body("*(SORT_BY_ALIGNMENT(.text.*))")),
    _works(_INPUT, "SORT_BY_INIT_PRIORITY", _in_body("*(SORT_BY_INIT_PRIORITY(.init_array.*))")),
    _works(_INPUT, "SORT_NONE", _in_body("*(SORT_NONE(.text))")),
    _works(
        _INPUT, "INPUT_SECTION_FLAGS", _in_body("INPUT_SECTION_FLAGS(SHF_WRITE & !SHF_TLS) *(.a)")
    ),
    _works(_INPUT, "COMMON", _in_body("*(COMMON)")),
    _works(_INPUT, "CONSTRUCTORS", _in_body("CONSTRUCTORS"), "places nothing: ELF has no such"),
    _works(_DATA, "BYTE", _in_body("BYTE(1)")),
    _works(_DATA, "SHORT", _in_body("SHORT(1)")),
    _works(_DATA, "LONG", _in_body("LONG(1)")),
    _works(_DATA, "QUAD", _in_body("QUAD(1)")),
    _works(_DATA, "SQUAD", _in_body("SQUAD(-1)")),
    _works(_DATA, "FILL", _in_body("FILL(0x90)")),
    _works(_DATA, "ASCIZ", _in_body('ASCIZ "text"'), "of newer ld"),
    Feature("LINKER_VERSION", _DATA, "refused", _in_body("LINKER_VERSION")),
    Feature("CREATE_OBJECT_SYMBOLS", _DATA, "refused", _in_body("CREATE_OBJECT_SYMBOLS")),
    *(
        _works(_ASSIGN, operator, f"a = 1; a {operator} 2;")
        for operator in ("=", "+=", "-=", "*=", "/=", "<<=", ">>=", "&=", "|=")
    ),
    _works(_ASSIGN, "^=", "a = 1; a ^= 2;", "of newer ld"),
    _works(_ASSIGN, "PROVIDE", "PROVIDE(a = 1);"),
    _works(_ASSIGN, "PROVIDE_HIDDEN", "PROVIDE_HIDDEN(a = 1);"),
    _works(_ASSIGN, "HIDDEN", "HIDDEN(a = 1);"),
    _works(_FUNCTION, "ABSOLUTE", "a = ABSOLUTE(1);"),
    _works(_FUNCTION, "ADDR", "a = ADDR(.text);"),
    _works(_FUNCTION, "ALIGN()", "a = ALIGN(16) + ALIGN(3, 4);"),
    _works(_FUNCTION, "ALIGNOF", "a = ALIGNOF(.text);"),
    _works(_FUNCTION, "ASSERT()", 'a = ASSERT(1, "never");'),
    _works(_FUNCTION, "BLOCK", "a = BLOCK(16);"),
    _works(_FUNCTION, "CONSTANT", "a = CONSTANT(MAXPAGESIZE) + CONSTANT(COMMONPAGESIZE);"),
    _works(
        _FUNCTION,
        "DATA_SEGMENT_ALIGN",
        "a = DATA_SEGMENT_ALIGN(0x1000, 0x1000);",
        "as with -z norelro",
    ),
    _works(_FUNCTION, "DATA_SEGMENT_RELRO_END", "a = DATA_SEGMENT_RELRO_END(0, .);", "as above"),
    _works(_FUNCTION, "DATA_SEGMENT_END", "a = DATA_SEGMENT_END(.);", "as above"),
    _works(_FUNCTION, "DEFINED", "a = DEFINED(b) ? 1 : 0;"),
    _works(_FUNCTION, "LENGTH", "a = LENGTH(ram);"),
    _works(_FUNCTION, "LOADADDR", "a = LOADADDR(.text);"),
    _works(_FUNCTION, "LOG2CEIL", "a = LOG2CEIL(100);"),
    _works(_FUNCTION, "MAX", "a = MAX(1, 2);"),
    _works(_FUNCTION, "MIN", "a = MIN(1, 2);"),
    _works(_FUNCTION, "NEXT", "a = NEXT(16);"),
    _works(_FUNCTION, "ORIGIN", "a = ORIGIN(ram);"),
    _works(_FUNCTION, "SEGMENT_START", 'a = SEGMENT_START("text-segment", 0x400000);'),
    _works(_FUNCTION, "SIZEOF", "a = SIZEOF(.text);"),
    _works(_FUNCTION, "SIZEOF_HEADERS", "a = SIZEOF_HEADERS;"),
    _works(_PHDR, "FILEHDR", "PHDRS { text PT_LOAD FILEHDR; }"),
    _works(_PHDR, "PHDRS keyword", "PHDRS { text PT_LOAD PHDRS; }"),
    _works(_PHDR, "AT()", "PHDRS { text PT_LOAD AT(0x1000); }"),
    _works(_PHDR, "FLAGS", "PHDRS { text PT_LOAD FLAGS(5 | 0x100000); }", "any bits are kept"),
    _works(_PHDR, "segment types", "PHDRS { a PT_GNU_STACK; b 0x6474e551; c PT_NOTE; }"),
    *(
        Feature(name, _COMMANDS, "refused", example)
        for name, example in (
            ("VERSION", "VERSION { V1 { global: a; }; }"),
            ("TARGET", "TARGET(elf64-x86-64)"),
            ("LD_FEATURE", 'LD_FEATURE("SANE_EXPR")'),
            ("FORCE_COMMON_ALLOCATION", "FORCE_COMMON_ALLOCATION"),
            ("INHIBIT_COMMON_ALLOCATION", "INHIBIT_COMMON_ALLOCATION"),
            ("FORCE_GROUP_ALLOCATION", "FORCE_GROUP_ALLOCATION"),
            ("SYSLIB", "SYSLIB(c)"),
            ("FLOAT", "FLOAT"),
            ("NOFLOAT", "NOFLOAT"),
            ("HLL", "HLL(a)"),
            ("MAP", "MAP(a)"),
        )
    ),
)

_HEAD: Final = """# Linker scripts

`orobuild link` and `oro-ld` read the linker script language of GNU ld 2.40. This table is generated
from `toolchain/orobuild/linker/script/status.py`, and the tests try every row. What is *refused* is
an error that names the command and the line; nothing is ever ignored silently. An unknown word is
an error that names the nearest known one.

Differences from GNU ld that are meant:

- Symbols that an expression of the script reads survive `--gc-sections`; GNU ld drops their
  sections and computes with whatever is left.
- Values that the script uses before they are known are found by walking the statements until
  nothing changes; GNU ld refuses some of them. Values that never settle are an error.
- In strict mode (the default of `orobuild link`), a section that no rule places is an error, and
  segment flags must admit what is placed in the segment.
- With PHDRS, a section that stands before the first `:segment` goes into that first segment. GNU ld
  puts it into one segment or another, depending on the order of PHDRS.
- A rule that names a file without wildcards brings that file, in front of the inputs that follow
  `-T`, as in GNU ld; `orobuild link` wants it among the inputs instead.
- `INSERT` adds the script to the built-in one, as in GNU ld; `orobuild link` has no such, and wants
  the section in the same script.
- Where a `PT_LOAD` of PHDRS with `AT()` has several sections, they keep their distances in the file.
  GNU ld packs the later ones, and says that they "can't be allocated".
- Shifts by 64 bits and more are 0; GNU ld does what the processor does.

Worth knowing, since it surprises, and is so here as in GNU ld:

- A comma is a part of a pattern: `*(.text, .rodata)` looks for a section called `.text,`.
- A second description of an output section makes a second section of that name.
- Without `ENTRY` and `-e`, the entry is `start` if there is such a symbol, else the beginning of
  `.text`; not `_start`.
- The output section `.text` is never writable, whatever is put into it.
- `(TYPE = …)` counts for sections that the script alone fills; inputs bring their own type.
- `--gc-sections` drops `.init_array` and its like unless the rule says `KEEP`.
- `--oformat binary` merges no strings.

| | feature | state | remarks |
|---|---|---|---|
"""


def render() -> str:
    """docs/linker-scripts.md."""
    rows = []
    group = None
    for feature in sorted(FEATURES, key=lambda feature: _ORDER.index(feature.group)):
        shown = feature.group if feature.group != group else ""
        group = feature.group
        name = feature.name.replace("|", "\\|")
        rows.append(f"| {shown} | `{name}` | {feature.state} | {feature.note} |\n")
    return _HEAD + "".join(rows)


_ORDER: Final = (_COMMANDS, _SECTION, _INPUT, _DATA, _ASSIGN, _FUNCTION, _PHDR)

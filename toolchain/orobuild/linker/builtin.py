"""The scripts that are used when none is given: a program for Linux, or a relocatable object.

The order of sections is that of GNU ld's own scripts (`ld --verbose` and its variants), so that
what is linked without a script is laid out alike; the text is ours. Kernels bring their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Final

from orobuild.linker.script import Script, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Which of GNU ld's scripts is meant.

    `wide`: 64 bits. `pie`: position-independent. `relocatable`: -r. `paged`: text and data in
    pages of their own (not -n, -N); `packed`: not even data begins on a page (-N).
    `separate_code`: -z separate-code. `now`: -z now, which makes `.got.plt` read-only too.
    """

    wide: bool = True
    pie: bool = False
    relocatable: bool = False
    paged: bool = True
    packed: bool = False
    separate_code: bool = True
    now: bool = False


_DEBUG: Final = """
  .stab 0 : { *(.stab) }
  .stabstr 0 : { *(.stabstr) }
  .comment 0 : { *(.comment) }
  .gnu.build.attributes : { *(.gnu.build.attributes .gnu.build.attributes.*) }
  .debug 0 : { *(.debug) }
  .line 0 : { *(.line) }
  .debug_aranges 0 : { *(.debug_aranges) }
  .debug_pubnames 0 : { *(.debug_pubnames) }
  .debug_info 0 : { *(.debug_info .gnu.linkonce.wi.*) }
  .debug_abbrev 0 : { *(.debug_abbrev) }
  .debug_line 0 : { *(.debug_line .debug_line.* .debug_line_end) }
  .debug_frame 0 : { *(.debug_frame) }
  .debug_str 0 : { *(.debug_str) }
  .debug_loc 0 : { *(.debug_loc) }
  .debug_macinfo 0 : { *(.debug_macinfo) }
  .debug_pubtypes 0 : { *(.debug_pubtypes) }
  .debug_ranges 0 : { *(.debug_ranges) }
  .debug_addr 0 : { *(.debug_addr) }
  .debug_line_str 0 : { *(.debug_line_str) }
  .debug_loclists 0 : { *(.debug_loclists) }
  .debug_macro 0 : { *(.debug_macro) }
  .debug_names 0 : { *(.debug_names) }
  .debug_rnglists 0 : { *(.debug_rnglists) }
  .debug_str_offsets 0 : { *(.debug_str_offsets) }
  .debug_sup 0 : { *(.debug_sup) }
"""
_PROGRAM: Final = """
ENTRY(_start)
SECTIONS
{
  PROVIDE(__executable_start = SEGMENT_START("text-segment", $base));
  . = SEGMENT_START("text-segment", $base) + SIZEOF_HEADERS;
  .interp : { *(.interp) }
  .note.gnu.build-id : { *(.note.gnu.build-id) }
  .hash : { *(.hash) }
  .gnu.hash : { *(.gnu.hash) }
  .dynsym : { *(.dynsym) }
  .dynstr : { *(.dynstr) }
  .$rel.dyn : { *(.$rel.got) *(.$rel.dyn) *(.$rel.ifunc) }
  .$rel.plt : {
    *(.$rel.plt)
    $iplt_start
    *(.$rel.iplt)
    $iplt_end
  }
  .relr.dyn : { *(.relr.dyn) }
  $code_page
  .init : { KEEP(*(SORT_NONE(.init))) }
  .plt : { *(.plt) *(.iplt) }
  .plt.got : { *(.plt.got) }
  .plt.sec : { *(.plt.sec) }
  .text : {
    *(.text.unlikely .text.*_unlikely .text.unlikely.*)
    *(.text.exit .text.exit.*)
    *(.text.startup .text.startup.*)
    *(.text.hot .text.hot.*)
    *(SORT(.text.sorted.*))
    *(.text .stub .text.* .gnu.linkonce.t.*)
    *(.gnu.warning)
  }
  .fini : { KEEP(*(SORT_NONE(.fini))) }
  PROVIDE(__etext = .);
  PROVIDE(_etext = .);
  PROVIDE(etext = .);
  $constants_page
  .rodata : { *(.rodata .rodata.* .gnu.linkonce.r.*) }
  .rodata1 : { *(.rodata1) }
  .eh_frame_hdr : { *(.eh_frame_hdr) *(.eh_frame_entry .eh_frame_entry.*) }
  .eh_frame : ONLY_IF_RO { KEEP(*(.eh_frame)) *(.eh_frame.*) }
  .gcc_except_table : ONLY_IF_RO { *(.gcc_except_table .gcc_except_table.*) }
  $data_page
  .eh_frame : ONLY_IF_RW { KEEP(*(.eh_frame)) *(.eh_frame.*) }
  .gcc_except_table : ONLY_IF_RW { *(.gcc_except_table .gcc_except_table.*) }
  .tdata : { PROVIDE_HIDDEN(__tdata_start = .); *(.tdata .tdata.* .gnu.linkonce.td.*) }
  .tbss : { *(.tbss .tbss.* .gnu.linkonce.tb.*) *(.tcommon) }
  .preinit_array : {
    PROVIDE_HIDDEN(__preinit_array_start = .);
    KEEP(*(.preinit_array))
    PROVIDE_HIDDEN(__preinit_array_end = .);
  }
  .init_array : {
    PROVIDE_HIDDEN(__init_array_start = .);
    KEEP(*(SORT_BY_INIT_PRIORITY(.init_array.*) SORT_BY_INIT_PRIORITY(.ctors.*)))
    KEEP(*(.init_array EXCLUDE_FILE(*crtbegin.o *crtbegin?.o *crtend.o *crtend?.o) .ctors))
    PROVIDE_HIDDEN(__init_array_end = .);
  }
  .fini_array : {
    PROVIDE_HIDDEN(__fini_array_start = .);
    KEEP(*(SORT_BY_INIT_PRIORITY(.fini_array.*) SORT_BY_INIT_PRIORITY(.dtors.*)))
    KEEP(*(.fini_array EXCLUDE_FILE(*crtbegin.o *crtbegin?.o *crtend.o *crtend?.o) .dtors))
    PROVIDE_HIDDEN(__fini_array_end = .);
  }
  .ctors : {
    KEEP(*crtbegin.o(.ctors))
    KEEP(*crtbegin?.o(.ctors))
    KEEP(*(EXCLUDE_FILE(*crtend.o *crtend?.o) .ctors))
    KEEP(*(SORT(.ctors.*)))
    KEEP(*(.ctors))
  }
  .dtors : {
    KEEP(*crtbegin.o(.dtors))
    KEEP(*crtbegin?.o(.dtors))
    KEEP(*(EXCLUDE_FILE(*crtend.o *crtend?.o) .dtors))
    KEEP(*(SORT(.dtors.*)))
    KEEP(*(.dtors))
  }
  .jcr : { KEEP(*(.jcr)) }
  .data.rel.ro : {
    *(.data.rel.ro.local* .gnu.linkonce.d.rel.ro.local.*)
    *(.data.rel.ro .data.rel.ro.* .gnu.linkonce.d.rel.ro.*)
  }
  .dynamic : { *(.dynamic) }
  $tables
  .data : { *(.data .data.* .gnu.linkonce.d.*) SORT(CONSTRUCTORS) }
  .data1 : { *(.data1) }
  _edata = .;
  PROVIDE(edata = .);
  . = .;
  __bss_start = .;
  .bss : {
    *(.dynbss)
    *(.bss .bss.* .gnu.linkonce.b.*)
    *(COMMON)
    . = ALIGN(. != 0 ? $word : 1);
  }
  $large_bss
  . = ALIGN($word);
  . = SEGMENT_START("ldata-segment", .);
  $large_data
  . = ALIGN($word);
  _end = .;
  PROVIDE(end = .);
  $data_end
  $debug
  /DISCARD/ : { *(.note.GNU-stack) *(.gnu_debuglink) *(.gnu.lto_*) }
}
"""
_LARGE_BSS: Final = ".lbss : { *(.dynlbss) *(.lbss .lbss.* .gnu.linkonce.lb.*) *(LARGE_COMMON) }"
_LARGE_DATA: Final = """
  .lrodata ALIGN(CONSTANT(MAXPAGESIZE)) + (. & (CONSTANT(MAXPAGESIZE) - 1)) :
  { *(.lrodata .lrodata.* .gnu.linkonce.lr.*) }
  .ldata ALIGN(CONSTANT(MAXPAGESIZE)) + (. & (CONSTANT(MAXPAGESIZE) - 1)) :
  { *(.ldata .ldata.* .gnu.linkonce.l.*) . = ALIGN(. != 0 ? $word : 1); }
"""
_CODE_PAGE: Final = ". = ALIGN(CONSTANT(MAXPAGESIZE));"
_CONSTANTS_PAGE: Final = """. = ALIGN(CONSTANT(MAXPAGESIZE));
  . = SEGMENT_START("rodata-segment",
                    ALIGN(CONSTANT(MAXPAGESIZE)) + (. & (CONSTANT(MAXPAGESIZE) - 1)));"""
_DATA_PAGE: Final = ". = DATA_SEGMENT_ALIGN(CONSTANT(MAXPAGESIZE), CONSTANT(COMMONPAGESIZE));"
_TABLES: Final = """.got : { *(.got) *(.igot) }
  . = DATA_SEGMENT_RELRO_END(SIZEOF(.got.plt) >= $header ? $header : 0, .);
  .got.plt : { *(.got.plt) *(.igot.plt) }"""
_TABLES_NOW: Final = """.got : { *(.got.plt) *(.igot.plt) *(.got) *(.igot) }
  . = DATA_SEGMENT_RELRO_END(0, .);"""
_TABLES_PACKED: Final = ".got : { *(.got) *(.igot) }\n  .got.plt : { *(.got.plt) *(.igot.plt) }"
# Every section under its own name: what -r joins are sections of exactly these names.
_JOINED: Final = (
    ".interp", ".note.gnu.build-id", ".init", ".plt", ".text", ".fini", ".rodata", ".rodata1",
    ".eh_frame_hdr", ".eh_frame", ".gcc_except_table", ".tdata", ".tbss", ".jcr", ".dynamic",
    ".got", ".got.plt", ".data", ".data1", ".bss", ".lbss", ".lrodata", ".ldata",
)  # fmt: skip
_JOINS: Final = {
    ".init": "KEEP(*(SORT_NONE(.init)))",
    ".fini": "KEEP(*(SORT_NONE(.fini)))",
    ".text": "*(.text .stub) *(.gnu.warning)",
    ".jcr": "KEEP(*(.jcr))",
    ".eh_frame": "KEEP(*(.eh_frame))",
}


def _relocatable(kind: Kind) -> str:
    lines = []
    for name in _JOINED:
        if name.startswith(".l") and not kind.wide:
            continue
        body = _JOINS.get(name, f"*({name})")
        if name in (".eh_frame", ".gcc_except_table"):
            lines.append(f"  {name} 0 : ONLY_IF_RO {{ {body} }}")
            lines.append(f"  {name} 0 : ONLY_IF_RW {{ {body} }}")
        else:
            lines.append(f"  {name} 0 : {{ {body} }}")
    return "SECTIONS\n{\n" + "\n".join(lines) + _DEBUG + "}\n"


def script_text(kind: Kind) -> str:
    """The text of the script, as `--verbose` shows it."""
    if kind.relocatable:
        return _relocatable(kind)
    rel = "rela" if kind.wide else "rel"
    absolute = "0x400000" if kind.wide else "0x08048000"
    word = "64 / 8" if kind.wide else "32 / 8"
    data_page = ". = .;" if kind.packed else _DATA_PAGE
    tables = _TABLES_NOW if kind.now else _TABLES
    if kind.packed:
        tables = _TABLES_PACKED
    separate = kind.separate_code and kind.paged
    return Template(_PROGRAM).substitute(
        base="0" if kind.pie else absolute,
        rel=rel,
        word=word,
        iplt_start="" if kind.pie else f"PROVIDE_HIDDEN(__{rel}_iplt_start = .);",
        iplt_end="" if kind.pie else f"PROVIDE_HIDDEN(__{rel}_iplt_end = .);",
        code_page=_CODE_PAGE if separate else "",
        constants_page=_CONSTANTS_PAGE if separate else "",
        data_page=data_page,
        tables=Template(tables).substitute(header="24" if kind.wide else "12"),
        large_bss=_LARGE_BSS if kind.wide else "",
        large_data=Template(_LARGE_DATA).substitute(word=word) if kind.wide else "",
        data_end="" if kind.packed else ". = DATA_SEGMENT_END(.);",
        debug=_DEBUG,
    )


@cache
def builtin_script(kind: Kind = Kind()) -> Script:
    """The parsed script of `kind`."""
    return parse(script_text(kind), "built-in script", read_file=_no_file)


def _no_file(name: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", name)

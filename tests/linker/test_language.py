"""The script language, feature by feature: the image is GNU ld 2.40's."""

from __future__ import annotations

from pathlib import Path

import pytest

from linker.linking import assemble, differences

FIRST = """.globl _start
.text
_start: mov $x, %eax
call y
.section .init_array.00100,"aw",@init_array
.quad 100
.section .init_array.5,"aw",@init_array
.quad 5
.section .init_array,"aw",@init_array
.quad 0
.section .ctors.65000,"aw"
.quad 65000
.data
x: .quad 1
.section .noload,"aw"
.quad 7
.section .ro,"a"
.byte 9
.section .tls,"awT",@progbits
.long 4
.section .tbss,"awT",@nobits
t: .long 0
.section .note.x,"a",@note
.long 4,4,1
.ascii "ABC\\0"
.long 5
.section .rodata.b,"a"
.byte 1
.section .rodata.a,"a"
.balign 4
.byte 2
"""
SECOND = """.globl y
.text
y: mov %fs:t2@tpoff, %eax
ret
.section .tbss,"awT",@nobits
.balign 16
t2: .long 0
.section .rodata.a,"a"
.byte 3
.section .rodata.c,"a"
.balign 16
.byte 4
.data
.quad y
"""
TEXT = ". = 0x10000; .text : { *(.text) } . = ALIGN(4096);"
REST = ".tls : { *(.tls) } .tbss : { *(.tbss) }"
SCRIPTS = {
    "noload and thread-local sections": """
SECTIONS { TEXT .noload (NOLOAD) : { *(.noload) }
  .data : { *(.data) *(.init_array*) *(.ctors*) *(.ro) *(.rodata*) *(.note*) }
  REST .after : { LONG(1) }
  }
""",
    "sections that are not loaded": """
SECTIONS { TEXT .x (INFO) : { *(.noload) }
  .y (COPY) : { *(.ro) }
  .data : { *(.data) *(.rodata*) *(.note*) }
  .init_array : { *(SORT_BY_INIT_PRIORITY(.init_array.*) SORT_BY_INIT_PRIORITY(.ctors.*)) *(.init_array .ctors) }
  REST . = .;
  e = .; }
""",
    "read-only and sorted sections": """
SECTIONS { TEXT .data (READONLY) : { *(.data) *(.noload) }
  .r : { *(SORT(.rodata.*)) }
  .r2 : {*(SORT_BY_ALIGNMENT(.init*)) *(.ctors*)} .ro : {*(.ro)} REST .n : { *(.note*) }
  }
""",
    "every kind of program header": """
PHDRS { h PT_PHDR PHDRS;
  t PT_LOAD FILEHDR PHDRS;
  d PT_LOAD;
  n PT_NOTE;
  tl PT_TLS;
  s PT_GNU_STACK FLAGS(6);
  oo 0x65041580 FLAGS(0x100004); }
  SECTIONS { . = 0x10000 + SIZEOF_HEADERS;
  .text : { *(.text) }
  :t .n : { *(.note*) }
  :t :n . = ALIGN(4096);
  .tls : {*(.tls)} :d :tl .tbss : {*(.tbss)} :d :tl .data : { *(.data .noload .init* .ctors*) }
  :d .r : { *(.ro .rodata*) }
  :d :oo }
""",
    "the section of an expression": """
a1 = 5;
  a1 += 3;
  a1 <<= 2;
  a1 |= 1; SECTIONS { TEXT a2 = .;
  a3 = a2 - 4;
  .data : { b1 = .;
  b2 = . - b1;
  b3 = ABSOLUTE(.);
  b4 = 5;
  b5 = b4 + 1;
  b6 = ADDR(.text);
  b7 = _start;
  b8 = _start - b1;
  b9 = a1; *(.data) b10 = ALIGN(64);
  b11 = NEXT(64);
  b12 = . == 8 ? 1 : 2;
  b13 = MAX(., 5);
  b14 = -1 >> 60;
  b15 = 7 / -2;
  b16 = -7 % 4;
  b17 = ~0 - 1;
  b18 = SIZEOF(.data);
  b19 = 010 + 0x10 + 1K;
  b20 = DEFINED(b19);
  b21 = a2;
  b22 = LOADADDR(.text) + 1;
  b23 = ADDR(.text) + 1;
  b24 = (ADDR(.text) < ADDR(.data));
  b25 = b1 + b7; }
  c1 = b1;
  c2 = b4;
  c3 = b1 + 1;
  c4 = b4 - b1;
  c5 = SIZEOF(.data);
  c6 = c5 + .;
  c7 = b8;
  c8 = ALIGN(0x100);
  c9 = b1 * 2;
  c10 = 1 ? b1 : 2;
  c11 = -b1;
  c12 = !b1;
  c13 = b1 & 0xfff; HIDDEN(c14 = b1); PROVIDE(y = 4); PROVIDE(zz = 5);
  c15 = DEFINED(zz); }
""",
    "memory regions": """
MEMORY {
  ROM (rx) : ORIGIN = 0x10000, LENGTH = 64K
  RAM (rw) : o = 0x20000000, l = 0x1000
}
SECTIONS {
  .text : { *(.text) } >ROM
  .rodata : { LONG(ORIGIN(RAM)) LONG(LENGTH(ROM)) *(.ro*) } >ROM
  .data : { *(.data .noload .init* .ctors*) } >RAM AT>ROM
  .data2 : { LONG(1) } >RAM
  REST
  .bss : { . += 7; } >RAM
  load = LOADADDR(.data);
  load2 = LOADADDR(.data2);
  /DISCARD/ : { *(.note*) }
}
""",
    "conditions and flags": """
SECTIONS {
  TEXT
  .r : { *(SORT_BY_ALIGNMENT(SORT_BY_NAME(.rodata.*))) }
  .w : ONLY_IF_RO { *(.data) }
  .w2 : ONLY_IF_RW { *(.data) }
  .v : ONLY_IF_RO { *(.ro) }
  .q : { INPUT_SECTION_FLAGS(SHF_WRITE & !SHF_TLS) *(.noload .ctors*) }
  REST
  /DISCARD/ : { *(*) }
}
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_feature(name: str, tmp_path: Path) -> None:
    script = SCRIPTS[name].replace("TEXT", TEXT).replace("REST", REST)
    objects = [assemble(FIRST, tmp_path / "a.o"), assemble(SECOND, tmp_path / "b.o")]
    assert differences(script, objects) == []

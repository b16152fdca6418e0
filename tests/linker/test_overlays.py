"""OVERLAY: sections that share an address, as GNU ld lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from linker.linking import LIKE_GNU, assemble, differences, our_link
from orobuild.errors import InputError

TEXT = """
.globl _start
_start: mov $__load_start_second, %eax
.section .first, "ax"
.skip 96, 1
.section .second, "aw"
.balign 16
.skip 320, 2
.section .third, "aw"
.balign 16
.skip 48, 3
.section .fourth, "aw"
.skip 32, 4
.section .fifth, "aw"
.skip 16, 5
.data
.quad 1
.bss
.skip 9
.section .note.GNU-stack, "", @progbits
"""
SCRIPT = """
ENTRY(_start)
SECTIONS {
  . = 0x100000;
  .text : { *(.text) }
  OVERLAY 0x200000 : AT(0x110000) {
    .first { *(.first) first_inside = .; }
    .second { *(.second) } =0x90
    .third { *(.third) . = ALIGN(64); }
  }
  .data : { *(.data) }
  OVERLAY : { .fourth { *(.fourth) } .fifth { *(.fifth) } }
  .bss : { *(.bss) }
  loaded = __load_start_first + __load_stop_second + __load_start_fifth;
}
"""


def test_overlaid_sections_are_where_gnu_ld_puts_them(tmp_path: Path) -> None:
    assert differences(SCRIPT, [assemble(TEXT, tmp_path / "a.o")]) == []


def test_sections_of_an_overlay_may_be_kept_apart(tmp_path: Path) -> None:
    script = SCRIPT.replace("OVERLAY 0x200000 :", "OVERLAY 0x200000 : NOCROSSREFS")
    text = TEXT + '.section .second, "aw"\n.quad from_third\n.section .third, "aw"\nfrom_third:\n'
    path = assemble(text, tmp_path / "a.o")
    assert our_link(SCRIPT, [path], LIKE_GNU).elf is not None
    with pytest.raises(InputError, match=r"\.third"):
        our_link(script, [path], LIKE_GNU)

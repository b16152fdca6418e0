"""Small valid ELF files of every kind that the reader reads, made by the system's tools."""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orobuild.elf.reader import ElfFile

ASSEMBLY = """
    .section .text, "ax"
    .globl _start
    .type _start, @function
_start:
    call helper
    mov message@GOTPCREL(%rip), %rax
    jmp 1f
1:  ret
    .size _start, . - _start
    .weak missing
helper:
    lea message(%rip), %rax
    ret
    .section .rodata.str, "aMS", @progbits, 1
message: .asciz "hello"
    .section .data, "aw"
    .dc.a _start, message, missing
    .section .bss, "aw", @nobits
    .skip 64
    .section .note.x, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long 0x100000
    .section .group, "axG", @progbits, group, comdat
    nop
"""


def run(command: list[str], output: str, **files: str | bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (Path(folder) / name.replace("_", ".")).write_bytes(data)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return (Path(folder) / output).read_bytes()


@cache
def samples() -> dict[str, bytes]:
    assembly32 = ASSEMBLY.replace("%rip", "%ebx").replace("%rax", "%eax").replace("GOTPCREL", "GOT")
    object64 = run(["as", "--64", "-g", "in.s", "-o", "o"], "o", in_s=ASSEMBLY)
    object32 = run(["as", "--32", "in.s", "-o", "o"], "o", in_s=assembly32)
    objectx32 = run(["as", "--x32", "in.s", "-o", "o"], "o", in_s=ASSEMBLY)
    executable = run(["ld", "in.o", "-o", "out"], "out", in_o=object64)
    return {
        "object64": object64,
        "object32": object32,
        "objectx32": objectx32,
        "executable64": executable,
        "executable32": run(["ld", "-m", "elf_i386", "in.o", "-o", "out"], "out", in_o=object32),
        "relocations": run(["ld", "-q", "in.o", "-o", "out"], "out", in_o=object64),
        "pie": run(
            ["ld", "-pie", "--no-dynamic-linker", "in.o", "-o", "out"], "out", in_o=object64
        ),
        "shared": run(["ld", "-shared", "-z", "notext", "in.o", "-o", "out"], "out", in_o=object64),
        "stripped": run(["ld", "-s", "in.o", "-o", "out"], "out", in_o=object64),
    }


def look_at_everything(elf: ElfFile) -> None:
    """Ask for all that the reader can be asked for; raises only `ElfError`."""
    for section in elf.sections:
        assert len(elf.section_data(section)) in (0, section.sh_size)
        elf.section(section.name)
        if section.sh_type in (2, 11):
            elf.symbols_of(section)
    for segment in elf.segments:
        elf.segment_data(segment)
    assert len(elf.symbols) < 1 << 24
    for section in elf.relocation_sections():
        elf.relocations(section)

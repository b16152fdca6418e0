"""Machines that boot one sector: small programs that end in every way a kernel can."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from orobuild import machine

_PROLOGUE = """
.macro say text
    movw $1f, %si
    jmp 2f
1:  .asciz "\\text"
2:  call print
.endm
.code16
.globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    cld
    jmp main
print:
    movw $0x3fd, %dx
    inb %dx, %al
    testb $0x20, %al
    jz print
    lodsb
    testb %al, %al
    jz 1f
    movw $0x3f8, %dx
    outb %al, %dx
    jmp print
1:  ret
exit:
    movw $0xf4, %dx
    outb %al, %dx
stop:
    hlt
    jmp stop
main:
"""


@pytest.fixture
def sector(tmp_path: Path) -> Any:
    """Assembles the body of a boot sector: `sector('say "x"; jmp stop')` gives a disk's path."""

    def assemble(body: str) -> Path:
        source, made, flat = (tmp_path / f"sector.{end}" for end in ("S", "o", "img"))
        source.write_text(f"{_PROLOGUE}\n{body}\n.org 510\n.word 0xaa55\n")
        subprocess.run(["as", "--32", "-o", made, source], check=True)
        command = ["ld", "-m", "elf_i386", "--oformat", "binary", "-Ttext", "0x7c00"]
        subprocess.run([*command, "-o", flat, made], check=True)
        flat.write_bytes(flat.read_bytes().ljust(1 << 20, b"\0"))
        return flat

    return assemble


@pytest.fixture
def boot(sector: Any) -> Any:
    """Boots the body of a boot sector: `boot(body, timeout=20, …)` with the arguments of `boot`.

    `kind` is the machine's class, `fields` are its fields.
    """

    def start(body: str, timeout: float = 20, **arguments: Any) -> machine.BootReport:
        kind = arguments.pop("kind", machine.Qemu)
        fields = arguments.pop("fields", {})
        return machine.boot(kind(disk=sector(body), **fields), timeout=timeout, **arguments)

    return start

"""A small project that builds, for tests that break it in one way each."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

CONFIGURATION = """\
name = "mini"

[targets.kernel]
sources = ["*.S"]
script = "kernel.ld"

[image]
disk = false
"""

ENTRY = """\
.macro stop
    cli
    hlt
.endm

.section .text,"ax",@progbits
    .globl _start
    .type _start, @function
_start:
    call print_message
    stop
    .size _start, . - _start
"""

MESSAGE = """\
.section .rodata,"a",@progbits
message:
    .asciz "hello"

.section .text,"ax",@progbits
    .globl print_message
    .type print_message, @function
print_message:
    movq $message, %rsi
    ret
    .size print_message, . - print_message
"""

SCRIPT = """\
ENTRY(_start)
PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
}
SECTIONS
{
    . = 0xffffffff80100000;
    .text : AT(0x100000) { *(.text) } :text
    . = ALIGN(0x1000);
    .rodata : { *(.rodata) } :rodata
}
"""


@dataclass(frozen=True)
class Mini:
    """The project's directory, and ways to change and build it."""

    root: Path

    def change(self, name: str, old: str, new: str) -> None:
        file = self.root / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orobuild", *arguments],
            cwd=self.root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def outputs(self) -> dict[str, bytes]:
        directory = self.root / "build" / "release"
        return {p.name: p.read_bytes() for p in directory.rglob("*") if p.is_file()}


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    for name, text in (
        ("orobuild.toml", CONFIGURATION),
        ("entry.S", ENTRY),
        ("message.S", MESSAGE),
        ("kernel.ld", SCRIPT),
    ):
        (tmp_path / name).write_text(text)
    return Mini(tmp_path)

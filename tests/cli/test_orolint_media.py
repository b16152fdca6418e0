"""`orolint` finds the kernel inside bootable media, and checks it there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lint.building import assemble, link

# The entry jumps to data: SEG001. Multiboot2 header with an end tag: magic, architecture, length, sum.
KERNEL = """
    .section .text, "ax"
    .balign 8
    .long 0xe85250d6, 0, 24, -(0xe85250d6 + 24), 0, 8
    .globl _start
    .type _start, @function
    .code32
_start: jmp data
    .size _start, . - _start
    .section .data, "aw"
data: .long 1
"""
SCRIPT = """
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS { .text 0x100000 : { *(.text) } :text .data 0x200000 : { *(.data) } :data }
"""
FORMATS = ("img", "iso", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "ova", "efi")


def run(tool, *arguments):
    return subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    (folder / "bad.elf").write_bytes(link({"in.o": assemble(KERNEL)}, script=SCRIPT))
    outputs = [part for name in FORMATS for part in ("-o", folder / f"bad.{name}")]
    done = run("orobuild", "image", "build", folder / "bad.elf", *outputs)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("kind", FORMATS)
def test_the_kernel_in_a_medium_is_checked_and_named(media, kind):
    medium = media / f"bad.{kind}"
    done = run("orolint", "--isolated", "--output-format", "concise", medium)
    assert done.returncode == 1
    assert f"{medium}(" in done.stdout
    assert "[SEG001]" in done.stdout
    assert done.stdout.count("[SEG001]") == 1


def test_what_is_damaged_or_empty_is_an_error_beside_the_findings_of_the_rest(media, tmp_path):
    cut, noise = tmp_path / "cut.iso", tmp_path / "noise.img"
    cut.write_bytes((media / "bad.iso").read_bytes()[:100_000])
    noise.write_bytes(bytes(range(256)) * 256)
    done = run("orolint", "--isolated", "--output-format", "concise", cut, noise, media / "bad.img")
    assert done.returncode == 1
    assert (
        f"{cut}: error: this is no ELF file, and no medium with one in it: ISO 9660: "
        in done.stdout
    )
    assert f"{noise}: error: this is no ELF file, and no medium with one in it" in done.stdout
    assert "[SEG001]" in done.stdout

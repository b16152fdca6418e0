"""-pie and --emit-relocs: relocations that stay in the image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from linker.linking import assemble, check, compile_c, run
from orobuild.elf import compare_images, reader

LD = (sys.executable, "-c", "from orobuild.cli import oro_ld; oro_ld()")
WORDS = """
.globl _start, second
_start: lea first(%rip), %rax
mov second@GOTPCREL(%rip), %rbx
cmp third@GOTPCREL(%rip), %rbx
.weak nowhere
cmp nowhere@GOTPCREL(%rip), %rbx
mov nowhere@GOTPCREL(%rip), %rcx
.section .rodata
constant: .quad 7
.data
.balign 8
first: .quad first, _start + 4, nowhere, third
.byte 1
.quad second
.balign 8
.skip 800
.quad constant
third: .quad 1
second: .quad 2
.section .note.GNU-stack, "", @progbits
"""


def both(directory: Path, *arguments: str) -> tuple[reader.ElfFile, reader.ElfFile]:
    subprocess.run([*LD, *arguments, "-o", "ours"], cwd=directory, check=True, timeout=60)
    check("ld", *arguments, "-o", "theirs", cwd=directory)
    ours, theirs = (reader.read((directory / n).read_bytes(), n) for n in ("ours", "theirs"))
    return ours, theirs


@pytest.mark.parametrize("packed", [(), ("-z", "pack-relative-relocs")], ids=["rela", "relr"])
@pytest.mark.parametrize("extra", [(), ("-z", "now"), ("--hash-style=gnu",)], ids=str)
def test_every_address_is_relocated_as_gnu_ld_relocates_it(
    packed: tuple[str, ...], extra: tuple[str, ...], tmp_path: Path
) -> None:
    assemble(WORDS, tmp_path / "a.o")
    flags = ("-pie", "--no-dynamic-linker", *packed, *extra)
    ours, theirs = both(tmp_path, *flags, "a.o")
    found = compare_images.compare(ours, theirs)
    # GNU ld keeps an empty section for the unwind information of a PLT.
    harmless = ("section .got sh_entsize", "section .eh_frame: only in the second")
    assert [line for line in found if not line.startswith(harmless)] == []


def test_an_address_that_cannot_move_is_refused(tmp_path: Path) -> None:
    assemble(".globl _start\n_start: mov $_start, %eax\n", tmp_path / "a.o")
    arguments = ("-pie", "--no-dynamic-linker", "a.o", "-o", "x")
    result = run(*LD, *arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert "R_X86_64_32 against '_start'" in result.stderr
    assert "-fPIE" in result.stderr
    assert run("ld", *arguments, cwd=tmp_path).returncode == 1


@pytest.mark.parametrize(("flags", "status"), [((), 0), (("-z", "text"), 1), (("-z", "notext"), 0)])
def test_relocations_of_text_are_a_warning(
    flags: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    assemble(".globl _start\n_start: ret\n.section .rodata\n.quad _start\n", tmp_path / "a.o")
    arguments = ("-pie", "--no-dynamic-linker", *flags, "a.o", "-o", "x")
    result = run(*LD, *arguments, cwd=tmp_path)
    assert result.returncode == status == run("ld", *arguments, cwd=tmp_path).returncode
    assert ("DT_TEXTREL" in result.stderr) == ("notext" not in flags)


FIRST = """
extern int values[]; extern char _end[]; static int local = 4; int *pointer = values + 1;
int function(int x) { return x + local + values[2]; } const char *text = "abc";
void _start(void) { function(pointer[0] + (int)(long)_end); }
"""
SECOND = """
int values[5] = {1}; const char *again = "abc"; int bss[3];
extern int nowhere __attribute__((weak)); int *weak_pointer = &nowhere;
"""


@pytest.mark.parametrize("mode", ["-m64", "-m32"])
def test_relocations_stay_in_the_image(mode: str, tmp_path: Path) -> None:
    for name, text in (("a", FIRST), ("b", SECOND)):
        compile_c(text, tmp_path / f"{name}.o", mode, "-g", "-O1", "-fno-pic")
    emulation = ("-m", "elf_x86_64" if mode == "-m64" else "elf_i386")
    both(tmp_path, *emulation, "-q", "a.o", "b.o")
    shown = [named(check("readelf", "-rW", image, cwd=tmp_path)) for image in ("ours", "theirs")]
    assert shown[0] == shown[1]
    assert len(shown[0]) > 30


def named(shown: str) -> list[str]:
    """Relocations without r_info, in which symbols are numbers."""
    lines = (line.split() for line in shown.splitlines() if " R_" in line)
    return [" ".join([words[0], *words[2:]]) for words in lines]

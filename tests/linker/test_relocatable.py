"""-r: objects joined into one object that says what they said, as GNU ld joins them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from linker.linking import assemble, check, compile_c, run
from orobuild.elf.compare import compare

LD = (sys.executable, "-c", "from orobuild.cli import oro_ld; oro_ld()")
FIRST = """
extern int other(int); int common, larger[3]; static int local = 3; const char *s = "hello";
extern int weak_one(int) __attribute__((weak)); int array[4] = {1, 2, 3};
static int unused(void) { return 1; } int (*pointer)(void) = unused;
int first(int x) { return other(x) + local + common + s[0] + (weak_one ? weak_one(x) : 0); }
double scale(double x) { return x * 3.25; }
"""
SECOND = """
extern int first(int); int common, larger[7]; const char *t = "hello"; __thread int own;
int other(int x) { return x + common; } int second(void) { return first(own); }
__attribute__((constructor)) static void early(void) { common = 5; }
double twice(double x) { return x * 3.25 + 1.5; }
"""
TEMPLATE = """
.section .text.shared, "axG", @progbits, shared, comdat
.weak shared
shared: .cfi_startproc
mov $value, %eax
ret
.cfi_endproc
.section .data.shared, "awG", @progbits, shared, comdat
value: .long {0}
.section .ordered, "ao", @progbits, .text
.long .text
.section .debug_info
.quad shared, .text.shared
.text
.globl {1}
{1}: call shared
ret
"""


def joined(directory: Path, *arguments: str) -> list[str]:
    """What differs between our joined object and GNU ld's."""
    subprocess.run([*LD, "-r", *arguments, "-o", "ours"], cwd=directory, check=True, timeout=60)
    check("ld", "-r", *arguments, "-o", "theirs", cwd=directory)
    found = compare(
        (directory / "ours").read_bytes(), (directory / "theirs").read_bytes(), order=False
    )
    return [line for line in found if not is_harmless(line)]


def is_harmless(line: str) -> bool:
    """GNU ld leaves empty relocations of what it dropped, names sections that nobody can refer
    to, and makes up STT_FILE symbols."""
    empty = "only in theirs" in line and ("_NONE (UND)" in line or "info=0x4 " in line)
    return empty or line.endswith(("in=.group", "in=.llvm_addrsig"))


@pytest.mark.parametrize("mode", ["-m64", "-m32"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compiled_objects_are_joined(mode: str, compiler: str, tmp_path: Path) -> None:
    flags = (mode, "-O1", "-g", "-fcommon", "-ffunction-sections", "-fno-addrsig")
    flags = flags if compiler == "clang" else flags[:-1]
    for name, text in (("a", FIRST), ("b", SECOND)):
        compile_c(text, tmp_path / f"{name}.o", *flags, compiler=compiler)
    emulation = ("-m", "elf_x86_64" if mode == "-m64" else "elf_i386")
    assert joined(tmp_path, *emulation, "a.o", "b.o") == []
    assert joined(tmp_path, *emulation, "-S", "a.o", "b.o") == []


def test_groups_stay_groups_and_the_first_of_equals_is_kept(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b", "c")):
        assemble(TEMPLATE.format(number, name), tmp_path / f"{name}.o")
    assert joined(tmp_path, "a.o", "b.o", "c.o") == []
    assert joined(tmp_path, "--force-group-allocation", "a.o", "b.o") == []
    shown = check("readelf", "-gW", "ours", cwd=tmp_path)
    assert "no section groups" in shown


SCRIPT = """
SECTIONS {
  .text 0 : { *(.text*) end_of_text = .; }
  .data 0 : { *(.data*) . = ALIGN(32); }
  constant = 5;
  /DISCARD/ : { *(.comment) }
}
"""


def test_a_script_joins_sections_as_for_a_module(tmp_path: Path) -> None:
    for name, text in (("a", FIRST), ("b", SECOND)):
        compile_c(text, tmp_path / f"{name}.o", "-O1", "-ffunction-sections", "-fcommon")
    (tmp_path / "module.ld").write_text(SCRIPT)
    assert joined(tmp_path, "-T", "module.ld", "a.o", "b.o") == []
    assert joined(tmp_path, "-x", "a.o", "b.o") == []
    assert joined(tmp_path, "-d", "a.o", "b.o") == []


def test_a_joined_object_links_to_a_program_that_runs(tmp_path: Path) -> None:
    start = "int second(void); int main(void) { return second() != 5 * 2 + 3 + 104; }"
    for name, text in (("a", FIRST), ("b", SECOND), ("main", start)):
        compile_c(text, tmp_path / f"{name}.o", "-O1", "-fcommon")
    subprocess.run([*LD, "-r", "a.o", "b.o", "-o", "ours"], cwd=tmp_path, check=True, timeout=60)
    check("gcc", "main.o", "ours", "-no-pie", "-o", "program", cwd=tmp_path)
    assert run("./program", cwd=tmp_path).returncode == 0

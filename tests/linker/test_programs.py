"""Programs of other people's tool chains: linked by both, the segments are equal, and they run.

What differs may only be the build-id, which is a hash of the file in our way and in GNU ld's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from linker.linking import check, compile_c, run
from orobuild.elf.compare_images import compare
from orobuild.elf.reader import read

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
static int seen;
__attribute__((constructor)) static void first(void) { seen = 7; }
static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(int argc, char **argv) {
  int numbers[] = {5, 3, 9, 1};
  (void)argv;
  qsort(numbers, 4, sizeof *numbers, by_number);
  errno = 0;
  char *copy = strdup("linked");
  printf("%s %d %d %.3f %s\n", copy, numbers[0], EXPECT_CONSTRUCTOR ? seen : 7, 1.5, strerror(2));
  free(copy);
  return argc - 1;
}
"""
RUST = """
#![no_std]
use core::fmt::Write;
use core::panic::PanicInfo;
struct Buffer { bytes: [u8; 128], used: usize }
impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for &byte in text.as_bytes() {
            if self.used < 128 { self.bytes[self.used] = byte; self.used += 1; }
        }
        Ok(())
    }
}
static NAMES: [&str; 3] = ["one", "two", "three"];
#[panic_handler]
fn panic(_: &PanicInfo) -> ! { loop {} }
#[no_mangle]
pub extern "C" fn greet(n: usize, out: *mut u8) -> usize {
    let mut b = Buffer { bytes: [0; 128], used: 0 };
    let _ = write!(b, "rust {} {:#x}\\n", NAMES[n % 3], n * 0x1000);
    for i in 0..b.used { unsafe { *out.add(i) = b.bytes[i]; } }
    b.used
}
"""
START = """
.globl _start
.text
_start: and $-16, %rsp
  mov $5, %edi
  lea buffer(%rip), %rsi
  call greet
  mov %eax, %edx
  mov $1, %eax
  mov $1, %edi
  lea buffer(%rip), %rsi
  syscall
  mov $60, %eax
  xor %edi, %edi
  syscall
.globl rust_eh_personality
rust_eh_personality: ud2
.bss
buffer: .skip 128
.section .note.GNU-stack,"",@progbits
"""
MEMORY_FUNCTIONS = """
typedef unsigned long size_t;
void *memcpy(void *to, const void *from, size_t n) {
  for (size_t i = 0; i < n; i++) ((char *)to)[i] = ((const char *)from)[i];
  return to;
}
void *memmove(void *to, const void *from, size_t n) {
  if (to < from) return memcpy(to, from, n);
  while (n--) ((char *)to)[n] = ((const char *)from)[n];
  return to;
}
void *memset(void *to, int byte, size_t n) {
  for (size_t i = 0; i < n; i++) ((char *)to)[i] = (char)byte;
  return to;
}
int memcmp(const void *a, const void *b, size_t n) {
  const unsigned char *x = a, *y = b;
  for (size_t i = 0; i < n; i++) if (x[i] != y[i]) return x[i] - y[i];
  return 0;
}
int bcmp(const void *a, const void *b, size_t n) { return memcmp(a, b, n); }
"""
KERNEL_LIKE = """
ENTRY(_start)
PHDRS { text PT_LOAD FILEHDR PHDRS FLAGS(5); rodata PT_LOAD FLAGS(4); data PT_LOAD FLAGS(6); }
SECTIONS {
  . = 0x400000 + SIZEOF_HEADERS;
  .text : { *(.text .text.*) } :text
  . = ALIGN(4096);
  .rodata : { *(.rodata .rodata.*) } :rodata
  .eh_frame : { *(.eh_frame) }
  .gcc_except_table : { *(.gcc_except_table*) }
  . = ALIGN(4096);
  .data.rel.ro : { *(.data.rel.ro*) } :data
  .data : { *(.data .data.*) }
  .got : { *(.got .got.plt) }
  .bss : { *(.bss .bss.*) *(COMMON) }
  /DISCARD/ : { *(.note.* .comment .llvm*) }
}
"""


@pytest.fixture
def linkers(tmp_path: Path) -> Path:
    """A directory for `gcc -B` whose ld is ours."""
    directory = tmp_path / "linkers"
    directory.mkdir()
    wrapper = directory / "ld"
    wrapper.write_text(
        f"#!{sys.executable}\nfrom orobuild.cli import oro_ld\nimport sys\nsys.exit(oro_ld())\n"
    )
    wrapper.chmod(0o755)
    return directory


def differences(ours: Path, theirs: Path) -> list[str]:
    first, second = (read(path.read_bytes(), path.name) for path in (ours, theirs))
    return compare(first, second, ignore_sections=[".note.gnu.build-id"])


@pytest.mark.parametrize(
    "compiler", [("gcc", "-static"), ("musl-gcc", "-static"), ("diet", "gcc")], ids=lambda c: c[0]
)
def test_a_static_program_equals_gnu_ld_and_runs(
    compiler: tuple[str, ...], linkers: Path, tmp_path: Path, tool
) -> None:
    tool(compiler[0])
    # dietlibc's start-up code calls no constructors.
    define = f"-DEXPECT_CONSTRUCTOR={int(compiler[0] != 'diet')}"
    (tmp_path / "main.c").write_text(PROGRAM)
    check(*compiler, "-O1", "-c", define, "main.c", "-o", "main.o", cwd=tmp_path)
    check(*compiler, "main.o", "-o", "theirs", cwd=tmp_path)
    check(*compiler, "-B", linkers, "main.o", "-o", "ours", cwd=tmp_path)
    result = run(tmp_path / "ours")
    assert (result.returncode, result.stdout) == (
        0,
        "linked 1 7 1.500 No such file or directory\n",
    )
    assert differences(tmp_path / "ours", tmp_path / "theirs") == []


@pytest.mark.parametrize("flags", [(), ("--gc-sections",)], ids=["everything", "gc"])
def test_a_rust_library_without_std_equals_gnu_ld_and_runs(
    flags: tuple[str, ...], tmp_path: Path, tool
) -> None:
    (tmp_path / "greet.rs").write_text(RUST)
    (tmp_path / "start.s").write_text(START)
    (tmp_path / "kernel.ld").write_text(KERNEL_LIKE)
    check(
        tool("rustc"), "--edition", "2021", "--crate-type", "staticlib", "-C", "panic=abort",
        "-C", "opt-level=2", "greet.rs", "-o", "libgreet.a", cwd=tmp_path,
    )  # fmt: skip
    check("as", "start.s", "-o", "start.o", cwd=tmp_path)
    compile_c(MEMORY_FUNCTIONS, tmp_path / "memory.o", "-O1", "-ffreestanding", "-fno-pie")
    words = ("-T", "kernel.ld", *flags, "start.o", "libgreet.a", "memory.o")
    check("ld", *words, "-o", "theirs", cwd=tmp_path)
    oro_ld = "from orobuild.cli import oro_ld; import sys; sys.exit(oro_ld())"
    check(sys.executable, "-c", oro_ld, *words, "-o", "ours", cwd=tmp_path)
    assert differences(tmp_path / "ours", tmp_path / "theirs") == []
    result = subprocess.run([tmp_path / "ours"], capture_output=True, timeout=10)
    assert (result.returncode, result.stdout) == (0, b"rust three 0x5000\n")

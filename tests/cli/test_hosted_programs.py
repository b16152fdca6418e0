"""Programs of the host's C library, linked through gcc by `oro-ld`: they run, and equal GNU ld's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orobuild.elf import compare_images, reader

THREADS = """
#include <pthread.h>
#include <stdio.h>
#include <string.h>
static _Thread_local int own = 5;
static void *work(void *text) { own += strlen(text); return (void *)(long)own; }
int main(void) {
  pthread_t thread; void *got; char copy[32];
  memcpy(copy, "seventeen letters", 18);
  pthread_create(&thread, 0, work, copy); pthread_join(thread, &got);
  printf("%ld %d %.2f\\n", (long)got, own, 1.5); return 0;
}
"""
EXCEPTIONS = """
#include <iostream>
#include <stdexcept>
#include <string>
struct Guard { ~Guard() { std::cout << "gone "; } };
static int check(int x) { Guard g; if (x > 1) throw std::runtime_error("caught"); return x; }
int main() {
  try { for (int i = 0;; i++) check(i); }
  catch (const std::exception &e) { std::cout << e.what() << std::endl; }
}
"""


class Host:
    """A directory with `oro-ld` where gcc finds its linker."""

    def __init__(self, path):
        self.path = path
        program = path / "bin" / "ld"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\nexec {sys.executable} -c "from orobuild.cli import oro_ld; oro_ld()" "$@"\n'
        )
        program.chmod(0o755)

    def run(self, *words, status=0):
        result = subprocess.run(
            [str(word) for word in words],
            cwd=self.path, check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert result.returncode == status, result.stderr
        return result

    def build(self, compiler, name, text, *flags):
        """Link with both linkers; what differs, the build-id apart."""
        (self.path / name).write_text(text)
        self.run(compiler, "-O2", "-c", name, "-o", "main.o", *flags)
        self.run(compiler, "-B", "bin", *flags, "main.o", "-o", "ours")
        self.run(compiler, *flags, "main.o", "-o", "theirs")
        images = [
            reader.read((self.path / image).read_bytes(), image) for image in ("ours", "theirs")
        ]
        return compare_images.compare(*images, ignore_sections=[".note.gnu.build-id"])


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_a_static_program_of_the_c_library_equals_gnu_ld_s(host):
    assert host.build("gcc", "threads.c", THREADS, "-static") == []
    assert host.run("./ours").stdout == "22 5 1.50\n"


def test_static_exceptions_are_caught(host):
    assert host.build("g++", "throw.cc", EXCEPTIONS, "-static") == []
    assert host.run("./ours").stdout == "gone gone gone caught\n"


@pytest.mark.parametrize(
    ("compiler", "name", "text", "said"),
    [
        ("gcc", "threads.c", THREADS, "22 5 1.50\n"),
        ("g++", "throw.cc", EXCEPTIONS, "gone gone gone caught\n"),
    ],
)
@pytest.mark.parametrize("packed", [(), ("-Wl,-z,pack-relative-relocs",)], ids=["rela", "relr"])
def test_a_position_independent_program_relocates_itself(host, compiler, name, text, said, packed):
    # Of GNU ld's there is a lazy PLT that nobody uses, so that addresses differ.
    host.build(compiler, name, text, "-static-pie", "-fPIE", *packed)
    assert host.run("./ours").stdout == said
    assert host.run("./theirs").stdout == said
    shown = host.run("readelf", "-lW", "ours").stdout
    assert "DYN (Position-Independent Executable file)" in shown
    assert "INTERP" not in shown


RUST = """
#![no_std]
#![no_main]
#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
static TABLE: [&str; 3] = ["one", "two", "three"];
#[no_mangle] pub extern "C" fn _start() -> ! {
    // Read at run time: the pointers need relocations.
    let table = unsafe { core::ptr::read_volatile(&TABLE) };
    let n: usize = table.iter().map(|s| s.len()).sum();
    unsafe { core::arch::asm!("syscall", in("rax") 60, in("rdi") n, options(noreturn)) }
}
"""


@pytest.mark.parametrize("model", ["static", "pie"])
def test_rustc_links_with_it_directly(host, model):
    (host.path / "main.rs").write_text(RUST)
    host.run(
        "rustc", "--edition", "2021", "-O", "-C", "panic=abort", "-C", "linker-flavor=ld",
        "-C", f"linker={host.path}/bin/ld", "-C", f"relocation-model={model}",
        "-C", "target-feature=+crt-static", "-C", "link-self-contained=no",
        "-C", "default-linker-libraries=no", "main.rs", "-o", "ours",
    )  # fmt: skip
    host.run("./ours", status=11)

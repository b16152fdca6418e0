"""Options of `oro-ld` that change the image: it is the one that GNU ld makes of the same ones."""

from __future__ import annotations

import subprocess

import pytest

from orobuild.cli.commands import oro_ld
from orobuild.elf import compare_images, reader
from orobuild.errors import UsageError

NOTE = '.section .note.GNU-stack, "", @progbits\n'
START = """
    .globl _start
    .section .text.b, "ax"
_start:
    mov counter@GOTPCREL(%rip), %rax
    call used
    .section .text.a, "ax"
    .balign 8
    ret
    .section .rodata.str1.1, "aMS", @progbits, 1
.Ltext: .asciz "text"
    .section .rodata.a, "a"
    .quad .Ltext
    .data
    .globl counter
counter: .quad 5
local: .quad 6
    .comm small, 1, 1
    .comm large, 64, 32
    .comm middle, 8, 8
    .bss
    .skip 32
    .section .note.GNU-stack, "", @progbits
"""
USED = """
    .text
    .globl used
used: ret
    .section .note.GNU-stack, "", @progbits
"""
WRAPPER = """
    .text
    .globl __wrap_used
__wrap_used: call __real_used
    ret
    .section .note.GNU-stack, "", @progbits
"""
SCRIPT = """
ENTRY(_start)
MEMORY { ram (rwx) : ORIGIN = 0x200000, LENGTH = 64K  rom (rx) : ORIGIN = 0x100000, LENGTH = 1M }
SECTIONS {
  .text SEGMENT_START("text", 0x100000) : { *(.text*) *(.rodata*) } >rom
  .data : { *(.data) } >ram AT>rom
  .bss : { *(.bss) *(COMMON) } >ram
}
"""


class Bench:
    def __init__(self, path, tool):
        self.path = path
        self.tool = tool
        self.object("start", START)
        self.object("used", USED)
        (path / "k.ld").write_text(SCRIPT)

    def object(self, name, text):
        (self.path / f"{name}.s").write_text(text)
        self.run("as", f"{name}.s", "-o", f"{name}.o")

    def run(self, program, *words):
        return subprocess.run(
            [self.tool(program), *words],
            cwd=self.path, check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def differing(self, *words, debug=False):
        """What differs between our image and GNU ld's."""
        assert oro_ld.run([*words, "-o", "ours"]) == 0
        self.run("ld", *words, "-o", "theirs")
        images = [reader.read((self.path / n).read_bytes(), n) for n in ("ours", "theirs")]
        return compare_images.compare(*images, debug=debug)


@pytest.fixture
def bench(tmp_path, tool, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Bench(tmp_path, tool)


BOTH = ("start.o", "used.o")


@pytest.mark.parametrize(
    "words",
    [
        ("-Ttext=0x500000",),
        ("-Ttext", "500000", "-Tdata=600000", "-Tbss=0x700000"),
        ("-T", "k.ld", "-Ttext=0x180000"),
        ("-Ttext-segment=0x800000",),
        ("-Trodata-segment=0x900000",),
        ("--section-start=.data=0x600000",),
        ("-z", "noseparate-code"),
        ("-z", "max-page-size=0x200000"),
        ("-z", "max-page-size=0x10000", "-z", "common-page-size=0x1000"),
        ("-z", "norelro", "-z", "max-page-size=0x10000"),
        ("-z", "now"),
        ("-z", "stack-size=0x10000", "-z", "execstack"),
        ("--no-relax",),
        ("-N",),
        ("-n",),
        ("--sort-section=name", "-T", "k.ld"),
        ("--sort-section=alignment", "-T", "k.ld"),
        ("--sort-common",),
        ("--sort-common=ascending",),
        ("-x",),
        ("-X",),
        ("--discard-none",),
        ("-s",),
        ("--defsym=extra=counter+4*2", "--defsym", "fixed=0x10"),
        ("--build-id=0x0123456789abcdef",),
        ("--unresolved-symbols=ignore-all",),
    ],
    ids=" ".join,
)
def test_the_image_is_gnu_ld_s(words, bench):
    found = bench.differing(*words, *BOTH)
    # See docs/linker-scripts.md: a headers-only segment is loaded where it says; -N says of
    # .text that it is writable, as its segment is.
    harmless = ("segment 0 p_paddr", "section .text sh_flags")
    assert [line for line in found if not line.startswith(harmless)] == []


def test_references_are_wrapped(bench):
    bench.object("wrapper", WRAPPER)
    assert bench.differing("--wrap=used", *BOTH, "wrapper.o") == []
    bench.run("ar", "rcs", "libused.a", "wrapper.o", "used.o")
    assert bench.differing("--wrap", "used", "start.o", "-L.", "-lused") == []


def test_a_file_is_linked_as_it_is(bench):
    (bench.path / "some-file.bin").write_bytes(b"as it is")
    words = ("-b", "binary", "some-file.bin", "-b", "elf64-x86-64", *BOTH)
    assert bench.differing(*words) == []
    names = bench.run("nm", "ours").stdout
    assert "_binary_some_file_bin_start" in names
    assert "0000000000000008 A _binary_some_file_bin_size" in names


def test_symbols_are_taken_from_an_image(bench):
    bench.differing(*BOTH)
    bench.object("other", ".globl _start\n_start: mov $counter, %eax\n" + NOTE)
    bench.run("ld", "-R", "theirs", "other.o", "-o", "with")
    oro_ld.run(["-R", "theirs", "other.o", "-o", "mine"])
    dumps = [bench.run("objdump", "-d", name).stdout.splitlines()[3:] for name in ("with", "mine")]
    assert dumps[0] == dumps[1]


def test_only_the_symbols_of_a_list_are_kept(bench):
    (bench.path / "keep").write_text("_start\nlocal\n")
    assert bench.differing("--retain-symbols-file=keep", *BOTH) == []


def test_a_script_with_insert_adds_to_the_built_in_one(bench):
    (bench.path / "more.ld").write_text(
        "SECTIONS { .mine : { mine_start = .; *(.text.a) } } INSERT AFTER .rodata;"
    )
    found = bench.differing("-T", "more.ld", *BOTH)
    assert [line for line in found if not line.startswith("segment 0 p_paddr")] == []


def test_duplicates_are_allowed_when_asked_for(bench):
    bench.object("again", ".globl used\nnop\nused: nop\n" + NOTE)
    for flag in (("--allow-multiple-definition",), ("-z", "muldefs")):
        assert bench.differing(*flag, *BOTH, "again.o") == []


@pytest.mark.parametrize(
    "words",
    [("--warn-unresolved-symbols",), ("--ignore-unresolved-symbol=used",), ("-z", "undefs")],
    ids=" ".join,
)
def test_an_undefined_symbol_is_zero_when_asked_for(words, bench, capsys):
    assert bench.differing(*words, "-Ttext=0x1000", "start.o") == []
    said = capsys.readouterr().err
    assert ("undefined symbol 'used'" in said) == (words[0] == "--warn-unresolved-symbols")


def test_the_cross_reference_table_is_gnu_ld_s(bench, capsys):
    oro_ld.run(["--cref", *BOTH, "-o", "ours"])
    ours = capsys.readouterr().out
    assert ours.split() == bench.run("ld", "--cref", *BOTH, "-o", "theirs").stdout.split()


def test_mentions_of_a_symbol_are_traced(bench, capsys):
    oro_ld.run(["-y", "used", *BOTH, "-o", "ours"])
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "start.o: reference to used",
        "used.o: definition of used",
    ]


def test_memory_usage_is_printed_as_gnu_ld_prints_it(bench, capsys):
    words = ("-T", "k.ld", "--print-memory-usage", *BOTH)
    oro_ld.run([*words, "-o", "ours"])
    assert capsys.readouterr().out == bench.run("ld", *words, "-o", "theirs").stdout


def test_the_script_is_printed(bench, capsys):
    oro_ld.run(["--verbose", "-T", "k.ld", *BOTH, "-o", "ours"])
    assert SCRIPT in capsys.readouterr().out
    oro_ld.run(["--verbose", *BOTH, "-o", "ours"])
    assert "PROVIDE(__executable_start" in capsys.readouterr().out


def test_make_is_told_the_inputs(bench):
    oro_ld.run(["--dependency-file=deps", "-T", "k.ld", *BOTH, "-o", "ours"])
    text = (bench.path / "deps").read_text()
    assert text.startswith("ours: \\\n  start.o \\\n  used.o \\\n  k.ld\n")
    assert "\nk.ld:\n" in text


def test_the_root_is_put_before_directories(bench, tmp_path):
    (tmp_path / "root" / "lib").mkdir(parents=True)
    bench.run("ar", "rcs", "root/lib/libused.a", "used.o")
    words = ("--sysroot", str(tmp_path / "root"), "start.o", "-lused", "-o", "ours")
    assert oro_ld.run(["-L=/lib", *words]) == 0
    assert oro_ld.run(["-L$SYSROOT/lib", *words]) == 0


def test_md5_names_the_image_too(bench):
    oro_ld.run(["--build-id=md5", *BOTH, "-o", "ours"])
    shown = bench.run("readelf", "-nW", "ours").stdout
    assert len(shown.split("Build ID: ")[1].split()[0]) == 32


def test_shared_libraries_are_refused_with_a_remedy(bench):
    with pytest.raises(UsageError) as caught:
        oro_ld.run(["-shared", *BOTH])
    (diagnostic,) = caught.value.diagnostics
    assert "-static -pie" in (diagnostic.hint or "")

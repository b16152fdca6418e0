"""`oro-ld` in the place of GNU ld. The programs that it links are run on this host."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

SCRIPT = """\
ENTRY(_start)
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS
{
    . = 0x400000;
    .text : { *(.text*) } :text
    . = ALIGN(0x1000);
    .data : { *(.data*) *(.bss*) } :data
    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame) }
}
"""

START = """\
    .text
    .globl _start
_start:
    call value
    movl %eax, %edi
    movl $60, %eax
    syscall
"""


def returns(value, name="value", calls=""):
    """Assembly of a function that returns `value`, or what another function returns."""
    body = f"jmp {calls}" if calls else f"movl ${value}, %eax\n    ret"
    return f'    .section .text.{name},"ax",@progbits\n    .globl {name}\n{name}:\n    {body}\n'


class Bench:
    """A directory with inputs, and the two linkers."""

    def __init__(self, path, tool):
        self.path = path
        self.tool = tool
        (path / "k.ld").write_text(SCRIPT)
        self.object("start", START)

    def object(self, name, text):
        (self.path / name).parent.mkdir(exist_ok=True)
        (self.path / f"{name}.s").write_text(text)
        self.run("as", f"{name}.s", "-o", f"{name}.o")

    def run(self, program, *arguments):
        return subprocess.run(
            [self.tool(program), *arguments],
            cwd=self.path, check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def ld(self, *arguments, status=0):
        result = subprocess.run(
            [sys.executable, "-c", "from orobuild.cli import oro_ld; oro_ld()", *arguments],
            cwd=self.path, check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert result.returncode == status, result.stderr
        assert "Traceback" not in result.stderr
        return result

    def result_of(self, program):
        """The status that a linked program ends with."""
        return subprocess.run([self.path / program], check=False, timeout=10).returncode

    def same_as_gnu(self, *arguments):
        """Link with both linkers; the status that both programs end with."""
        self.ld(*arguments, "-o", "ours")
        self.run("ld", *arguments, "-o", "theirs")
        assert self.symbols("ours") == self.symbols("theirs")
        assert self.result_of("ours") == self.result_of("theirs")
        return self.result_of("ours")

    def symbols(self, program):
        return sorted(self.run("nm", program).stdout.splitlines())


@pytest.fixture
def bench(tmp_path, tool):
    return Bench(tmp_path, tool)


def test_a_library_gives_what_is_missing(bench):
    bench.object("value", returns(5))
    bench.object("other", returns(6, "other"))
    bench.run("ar", "rcs", "libv.a", "other.o", "value.o")
    assert bench.same_as_gnu("-T", "k.ld", "start.o", "-L.", "-lv") == 5
    assert not any(line.endswith(" other") for line in bench.symbols("ours"))


def test_a_library_is_looked_for_in_the_order_of_directories(bench):
    for directory, value in (("a", 1), ("b", 2)):
        bench.object(f"{directory}/value", returns(value))
        bench.run("ar", "rcs", f"{directory}/libv.a", f"{directory}/value.o")
    assert bench.same_as_gnu("-Tk.ld", "start.o", "-L", "b", "-La", "-lv") == 2
    assert bench.same_as_gnu("-Tk.ld", "start.o", "-L", "b", "-La", "-l:libv.a") == 2


def test_a_library_before_its_user_gives_nothing(bench):
    bench.object("value", returns(5))
    bench.run("ar", "rcs", "libv.a", "value.o")
    said = bench.ld("-T", "k.ld", "-L.", "-lv", "start.o", status=1).stderr
    assert "undefined symbol 'value'" in said
    bench.same_as_gnu("-T", "k.ld", "-L.", "-u", "value", "-lv", "start.o")


def test_libraries_that_need_each_other_form_a_group(bench):
    bench.object("value", returns(0, calls="second"))
    bench.object("second", returns(0, "second", calls="third"))
    bench.object("third", returns(9, "third"))
    bench.run("ar", "rcs", "libone.a", "value.o", "third.o")
    bench.run("ar", "rcs", "libtwo.a", "second.o")
    bench.ld("-T", "k.ld", "start.o", "-L.", "-lone", "-ltwo", "-o", "x", status=1)
    assert not (bench.path / "x").exists()
    group = ("--start-group", "-lone", "-ltwo", "--end-group")
    assert bench.same_as_gnu("-T", "k.ld", "start.o", "-L.", *group) == 9
    assert bench.same_as_gnu("-T", "k.ld", "start.o", "-L.", "-(", "-lone", "-ltwo", "-)") == 9


def test_a_whole_archive_is_linked_and_the_state_returns(bench):
    bench.object("value", returns(5))
    bench.object("other", returns(6, "other"))
    bench.object("last", returns(7, "last"))
    bench.run("ar", "rcs", "libv.a", "value.o", "other.o")
    bench.run("ar", "rcs", "libw.a", "last.o")
    whole = ("--push-state", "--whole-archive", "libv.a", "--pop-state", "libw.a")
    bench.same_as_gnu("-T", "k.ld", "start.o", *whole)
    names = {line.split()[-1] for line in bench.symbols("ours")}
    assert "other" in names
    assert "last" not in names


def test_a_thin_archive_in_another_directory(bench):
    bench.object("lib/value", returns(4))
    subprocess.run(
        [bench.tool("ar"), "rcsT", "libv.a", "value.o"], cwd=bench.path / "lib", check=True
    )
    assert bench.same_as_gnu("-T", "k.ld", "start.o", "lib/libv.a") == 4


def test_an_input_that_is_text_names_inputs(bench):
    bench.object("value", returns(3))
    bench.run("ar", "rcs", "libv.a", "value.o")
    (bench.path / "libs").write_text("GROUP ( libv.a )\n")
    assert bench.same_as_gnu("-T", "k.ld", "start.o", "libs") == 3


def test_inputs_that_the_script_names(bench):
    bench.object("value", returns(3))
    (bench.path / "with.ld").write_text("INPUT(start.o value.o)\n" + SCRIPT)
    assert bench.same_as_gnu("-T", "with.ld") == 3


def test_the_script_is_looked_for_in_the_library_directories(bench):
    bench.object("value", returns(3))
    (bench.path / "scripts").mkdir()
    (bench.path / "k.ld").rename(bench.path / "scripts" / "far.ld")
    assert bench.same_as_gnu("-Lscripts", "-T", "far.ld", "start.o", "value.o") == 3
    said = bench.ld("-T", "none.ld", "-Lscripts", "start.o", status=1).stderr
    assert said.startswith("none.ld: error: ")
    assert "scripts" in said


def test_symbols_are_defined_by_numbers_and_expressions(bench):
    bench.object("value", returns("number"))
    arguments = ("-T", "k.ld", "start.o", "value.o", "--defsym")
    assert bench.same_as_gnu(*arguments, "number=010") == 8
    assert bench.same_as_gnu(*arguments, "base=0x10", "--defsym=number=base+2*3") == 22
    assert "NAME=EXPRESSION" in bench.ld(*arguments, "number", status=2).stderr


def test_collected_sections_are_named(bench):
    bench.object("value", returns(5) + returns(6, "unused"))
    bench.same_as_gnu("-T", "k.ld", "start.o", "value.o", "--gc-sections")
    said = bench.ld(
        "-T", "k.ld", "start.o", "value.o", "--gc-sections", "--print-gc-sections", "-o", "ours"
    ).stderr
    assert "removing unused section '.text.unused' in file 'value.o'" in said
    assert not any("unused" in line for line in bench.symbols("ours"))


def test_a_map_goes_where_it_is_asked_for(bench):
    bench.object("value", returns(5))
    arguments = ("-T", "k.ld", "start.o", "value.o", "-o", "out.elf")
    (bench.path / "maps").mkdir()
    bench.ld(*arguments, "-Map=maps")
    bench.ld(*arguments, "-Map", "here.map")
    text = (bench.path / "here.map").read_text()
    assert "_start" in text
    assert (bench.path / "maps" / "out.elf.map").read_text() == text
    assert bench.ld(*arguments, "-M").stdout == text


def test_a_placement_is_explained(bench):
    bench.object("value", returns(5))
    shown = bench.ld("-T", "k.ld", "start.o", "value.o", "-o", "x", "--why", "value").stdout
    assert "value.o" in shown
    assert "k.ld:6:" in shown


def test_stripped(bench):
    bench.object("value", returns(5))
    bench.ld("-T", "k.ld", "-s", "start.o", "value.o", "-o", "ours")
    assert "no symbols" in bench.run("nm", "ours").stderr
    assert bench.result_of("ours") == 5


def test_a_build_id_is_a_note_that_readelf_reads(bench):
    bench.object("value", returns(5))
    (bench.path / "k.ld").write_text(SCRIPT.replace("*(.note*)", ""))
    bench.ld("-T", "k.ld", "start.o", "value.o", "--build-id", "-o", "ours")
    shown = bench.run("readelf", "-n", "ours").stdout
    assert re.search("Build ID: [0-9a-f]{40}", shown)
    bench.ld("-T", "k.ld", "start.o", "value.o", "--build-id", "--build-id=none", "-o", "ours")
    assert "Build ID" not in bench.run("readelf", "-n", "ours").stdout
    said = bench.ld("-T", "k.ld", "start.o", "--build-id=uuid", "-o", "ours", status=2).stderr
    assert "differs from build to build" in said


def test_unknown_keywords_are_warnings_and_known_ones_are_read(bench):
    bench.object("value", returns(5))
    arguments = ("-T", "k.ld", "start.o", "value.o", "-o", "ours")
    said = bench.ld(*arguments, "-z", "max-page-sise=4096", "-z", "noexecstack", "-znow").stderr
    assert "-z max-page-sise=4096 ignored" in said
    assert "did you mean 'max-page-size'?" in said
    assert "noexecstack" not in said
    bench.ld(*arguments, "-z", "bogus", "--fatal-warnings", status=1)
    assert "invalid maximum page size" in bench.ld(*arguments, "-z", "max-page-size=3",
                                                   status=2).stderr  # fmt: skip
    bench.ld(*arguments, "-z", "max-page-size=0x200000")
    shown = bench.run("readelf", "-lW", "ours").stdout
    assert "0x200000" in shown


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (("--gc-section5",), 2, "did you mean '--gc-sections'?"),
        (("-shared", "start.o"), 2, "static"),
        (("-Ttext=here", "start.o"), 2, "'here' is not an address"),
        (("--noinhibit-exec", "start.o"), 2, "an image that is wrong is never written"),
        (("-m", "elf_x86_46", "start.o"), 2, "did you mean 'elf_x86_64'?"),
        (("--orphan-handling=eror", "start.o"), 2, "did you mean 'error'?"),
        ((), 2, "no input files"),
        (("-T", "k.ld", "start.o", "-lnone", "-L."), 1, "cannot find -lnone"),
        (("-T", "k.ld", "none.o"), 1, "none.o: error: cannot read"),
        (("-T", "k.ld", "--end-group"), 2, "without --start-group"),
        (("-T", "k.ld", "--start-group", "start.o"), 2, "without --end-group"),
        (("-T", "k.ld", "--pop-state"), 2, "without --push-state"),
        (("-T", "k.ld", "-T", "k.ld", "start.o"), 2, "2 linker scripts"),
        (("-z", "common", "-T", "k.ld", "start.o"), 2, "-z common"),
        (("-r", "-pie", "start.o"), 2, "an object is not an image"),
        (("-r", "--gc-sections", "start.o"), 2, "exclude each other"),
        (("-r", "-q", "start.o"), 2, "an object has all its relocations"),
        (("-r", "-s", "start.o"), 2, "needs the symbols that -s leaves out"),
        (("-q", "-s", "start.o"), 2, "needs the symbols that -s leaves out"),
        (("-pie", "--oformat=binary", "start.o"), 2, "a flat binary cannot say"),
        (("-r", "--oformat=binary", "start.o"), 2, "a flat binary cannot say"),
    ],
)
def test_what_cannot_be_is_refused_by_name(bench, arguments, status, expected):
    assert expected in bench.ld(*arguments, "-o", "x", status=status).stderr
    assert not (bench.path / "x").exists()


def test_without_a_script_it_links_as_gnu_ld_does(bench):
    bench.ld("start.o", "--defsym=value=5", "-o", "ours")
    bench.run("ld", "start.o", "--defsym=value=5", "-o", "theirs")
    assert bench.run("nm", "ours").stdout == bench.run("nm", "theirs").stdout


def test_linux_libtool_and_meson_find_what_they_look_for(bench):
    words = bench.ld("--version").stdout.splitlines()[0].split(" ")
    assert words[:2] == ["GNU", "ld"]
    assert words[-1] == "2.40"
    assert "GNU" in bench.ld("-v").stdout
    assert ": supported targets: elf64-x86-64" in bench.ld("--help").stdout


def test_options_can_be_probed_as_kbuild_does(bench):
    bench.ld("-m", "elf_x86_64", "-z", "noexecstack", "--no-warn-rwx-segments", "-v")
    bench.ld("-m", "elf_x86_64", "--no-such-option", "-v", status=2)


def test_gcc_with_oro_ld_as_its_linker(bench):
    directory = bench.path / "bin"
    directory.mkdir()
    program = directory / "ld"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from orobuild.cli import oro_ld; oro_ld()" "$@"\n'
    )
    program.chmod(0o755)
    (bench.path / "value.c").write_text("int value(void) { return 11; }\n")
    bench.run(
        "gcc", "-B", directory, "-static", "-nostdlib", "-O2", "-fno-pie", "-T", "k.ld", "start.s",
        "value.c", "-Wl,--gc-sections,-Map=out.map", "-o", "ours",
    )  # fmt: skip
    assert bench.result_of("ours") == 11
    assert (bench.path / "out.map").exists()

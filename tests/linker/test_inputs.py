"""What a link takes from its inputs: archive members, sections that are reachable, one of equals."""

from __future__ import annotations

from pathlib import Path

import pytest

from linker.linking import (
    LIKE_GNU,
    assemble,
    check,
    compile_c,
    differences,
    gnu_link,
    our_link,
    run,
)
from orobuild.elf.compare_images import compare
from orobuild.elf.reader import read
from orobuild.errors import InputError
from orobuild.linker import LinkInput, LinkOptions, link
from orobuild.linker.builtin import builtin_script
from orobuild.linker.explanations import why
from orobuild.linker.linkmap import LinkedImage
from orobuild.linker.map_text import render_map
from orobuild.linker.script import parse

SCRIPT = """
ENTRY(_start)
SECTIONS {
  . = 0x100000;
  .text : { *(.text .text.*) KEEP(*(.keep)) }
  . = ALIGN(4096);
  .rodata : { *(.rodata .rodata.*) }
  . = ALIGN(4096);
  .data : { *(.data .data.*) }
  .bss : { *(.bss .bss.* COMMON) }
  /DISCARD/ : { *(.eh_frame .note.*) }
}
"""


def libraries(directory: Path) -> None:
    """lib.a: one → two, unused, three; other.a: three → one."""
    for name, text in (
        ("one", ".globl one\none: call two\nret\n"),
        ("two", ".globl two\ntwo: ret\n"),
        ("unused", ".globl unused\nunused: call nowhere\n"),
        ("back", ".globl back\nback: call one\n"),
    ):
        assemble(text, directory / f"{name}.o")
    check("ar", "rcs", "lib.a", "unused.o", "two.o", "one.o", cwd=directory)
    check("ar", "rcS", "noindex.a", "unused.o", "two.o", "one.o", cwd=directory)
    check("ar", "rcsT", "thin.a", "unused.o", "two.o", "one.o", cwd=directory)
    check("ar", "rcs", "back.a", "back.o", cwd=directory)


def with_archives(directory: Path, script: str, *names: str, **fields: object) -> LinkedImage:
    inputs = [
        LinkInput(
            name,
            (directory / name).read_bytes(),
            read_member=lambda member: (directory / member).read_bytes(),
            **fields if name.endswith(".a") else {},  # type: ignore[arg-type]
        )
        for name in names
    ]
    return link(inputs, parse(script, "script.ld", read_file=lambda _: b""), LIKE_GNU)


@pytest.mark.parametrize("library", ["lib.a", "noindex.a", "thin.a"])
def test_members_join_when_they_are_needed(library: str, tmp_path: Path) -> None:
    libraries(tmp_path)
    assemble(".globl _start\n_start: call one\n", tmp_path / "main.o")
    image = with_archives(tmp_path, SCRIPT, "main.o", library)
    names = {symbol.name for symbol in image.map.symbols}
    assert {"one", "two"} <= names
    assert "unused" not in names
    (tmp_path / "gnu.ld").write_text(SCRIPT)
    check("ld", "-T", "gnu.ld", "main.o", "lib.a", "-o", "gnu.elf", cwd=tmp_path)
    assert image.elf is not None
    assert compare(image.elf, read((tmp_path / "gnu.elf").read_bytes(), "gnu")) == []


def test_an_archive_before_its_use_gives_nothing(tmp_path: Path) -> None:
    libraries(tmp_path)
    assemble(".globl _start\n_start: call one\n", tmp_path / "main.o")
    with pytest.raises(InputError, match="undefined symbol 'one'"):
        with_archives(tmp_path, SCRIPT, "lib.a", "main.o")


def test_a_group_is_searched_until_nothing_more_joins(tmp_path: Path) -> None:
    libraries(tmp_path)
    assemble(".globl _start\n_start: call back\n", tmp_path / "main.o")
    with pytest.raises(InputError, match="undefined symbol 'one'"):
        with_archives(tmp_path, SCRIPT, "main.o", "lib.a", "back.a")
    image = with_archives(tmp_path, SCRIPT, "main.o", "lib.a", "back.a", group=1)
    assert {"back", "one", "two"} <= {symbol.name for symbol in image.map.symbols}


def test_whole_archive_takes_every_member(tmp_path: Path) -> None:
    libraries(tmp_path)
    assemble(".globl _start, nowhere\n_start: nowhere: ret\n", tmp_path / "main.o")
    image = with_archives(tmp_path, SCRIPT, "main.o", "lib.a", whole_archive=True)
    assert {"one", "two", "unused"} <= {symbol.name for symbol in image.map.symbols}


def test_a_thin_archive_whose_member_is_gone_is_an_error(tmp_path: Path) -> None:
    libraries(tmp_path)
    assemble(".globl _start\n_start: call one\n", tmp_path / "main.o")
    (tmp_path / "one.o").unlink()
    with pytest.raises(InputError, match=r"thin\.a: error: cannot read the member 'one\.o'"):
        with_archives(tmp_path, SCRIPT, "main.o", "thin.a")


def test_archive_patterns_choose_members(tmp_path: Path) -> None:
    libraries(tmp_path)
    assemble(".globl _start\n_start: call one\n", tmp_path / "main.o")
    script = SCRIPT.replace(".text : {", ".first : { *lib.a:two.o(.text) } .text : {")
    image = with_archives(tmp_path, script, "main.o", "lib.a")
    (two,) = [symbol for symbol in image.map.symbols if symbol.name == "two"]
    assert (two.object, two.output) == ("lib.a(two.o)", ".first")


UNUSED = """
.section .text.used, "ax"
.globl used
used: ret
.section .text.unused, "ax"
.globl unused
unused: call only_here
.section .text.only_here, "ax"
.globl only_here
only_here: ret
.section .keep, "ax"
kept: ret
.section .data.by_data, "aw"
.globl by_data
by_data: .quad used
"""


def test_garbage_collection_keeps_what_is_reachable(tmp_path: Path) -> None:
    objects = [
        assemble(".globl _start\n_start: call used\nret\n", tmp_path / "main.o"),
        assemble(UNUSED, tmp_path / "unused.o"),
    ]
    options = LinkOptions(strict=False, orphan_handling="place", gc_sections=True)
    ours = our_link(SCRIPT, objects, options)
    theirs, result = gnu_link(SCRIPT, objects, "--gc-sections")
    assert theirs is not None, result.stderr
    assert ours.elf is not None
    assert compare(ours.elf, read(theirs, "gnu")) == []
    dropped = {d.section: d.reason for d in ours.map.discarded}
    assert ".text.unused" in dropped
    assert "--gc-sections" in dropped[".text.only_here"]
    assert ".keep" not in dropped


def test_the_first_of_equal_comdat_groups_is_kept(tmp_path: Path) -> None:
    text = """
    .section .text.shared, "axG", @progbits, shared, comdat
    .weak shared
    shared: mov ${0}, %eax
    ret
    .text
    .globl {1}
    {1}: call shared
    """
    objects = [
        assemble(text.format(1, "_start"), tmp_path / "a.o"),
        assemble(text.format(2, "other"), tmp_path / "b.o"),
    ]
    ours = our_link(SCRIPT, objects)
    theirs, result = gnu_link(SCRIPT, objects)
    assert theirs is not None, result.stderr
    assert ours.elf is not None
    assert compare(ours.elf, read(theirs, "gnu")) == []
    (dropped,) = [d for d in ours.map.discarded if d.section == ".text.shared"]
    assert (dropped.object, dropped.reason) == (
        "b.o",
        "its COMDAT group is already there from a.o",
    )


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_equal_strings_and_constants_are_kept_once(
    compiler: str, level: str, tmp_path: Path
) -> None:
    first = """
    const char *f(int i) { switch (i) { case 0: return "hello world"; case 1: return "world";
      case 2: return "abc"; case 3: return ""; default: return "dup"; } }
    double d(double x) { return x * 3.25 + 1.5; }
    const int *wide(void) { return L"wide"; }
    """
    second = """
    const char *f(int); double d2(double x) { return x * 1.5 + 7.75 + 3.25; }
    const char *g(int i) { return i ? "o world" : "dup"; }
    static const char *t[] = {"hello world", "wor", "rld", "a long string, aligned at eight bytes"};
    const char *tt(int i) { return t[i]; }
    void _start(void) { f(0); }
    """
    flags = ("-g", level, "-ffreestanding", "-fno-pic", "-fno-pie")
    objects = [
        compile_c(first, tmp_path / "first.o", *flags, compiler=compiler),
        compile_c(second, tmp_path / "second.o", *flags, compiler=compiler),
    ]
    ours = our_link(SCRIPT, objects)
    theirs, result = gnu_link(SCRIPT, objects)
    assert theirs is not None, result.stderr
    assert ours.elf is not None
    # gcc -O0 does not put strings into mergeable sections.
    assert ours.data.count(b"hello world\0") == (2 if (compiler, level) == ("gcc", "-O0") else 1)
    assert compare(ours.elf, read(theirs, "gnu"), debug=True) == []


def test_unwind_information_is_joined_as_gnu_ld_joins_it(tmp_path: Path) -> None:
    text = """
    extern int other{1}(int);
    __attribute__((section(".text.shared"), weak)) int shared(int x) {{ return x + 1; }}
    int function{0}(int x) {{ return other{1}(x) + shared(x); }}
    int other{0}(int x) {{ return x * {0}; }}
    """
    flags = ("-O2", "-ffreestanding", "-fno-pic", "-fno-pie", "-ffunction-sections")
    objects = [
        compile_c(text.format(i, (i + 1) % 3), tmp_path / f"o{i}.o", *flags) for i in range(3)
    ]
    objects.append(assemble(".globl _start\n_start: call function0\n", tmp_path / "start.o"))
    script = SCRIPT.replace("*(.eh_frame .note.*)", "*(.note.*)").replace(
        "  .data :", "  .eh_frame : { KEEP(*(.eh_frame)) }\n  .data :"
    )
    assert differences(script, objects) == []
    gc = LinkOptions(strict=False, orphan_handling="place", gc_sections=True)
    ours = our_link(script, objects, gc)
    theirs, result = gnu_link(script, objects, "--gc-sections")
    assert theirs is not None, result.stderr
    assert ours.elf is not None
    assert compare(ours.elf, read(theirs, "gnu")) == []


def test_the_built_in_script_lays_programs_out_as_gnu_ld_does(tmp_path: Path) -> None:
    text = """
    int counter = 3; int zeros[100]; const char *names[] = {"one", "two"};
    static long call(long n, long a) {
      long r; __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a) : "rcx", "r11"); return r; }
    void _start(void) { zeros[5] = counter; call(60, zeros[5] + names[1][0]); }
    """
    path = compile_c(text, tmp_path / "main.o", "-O1", "-fno-stack-protector", "-g")
    inputs = [LinkInput("main.o", path.read_bytes())]
    image = link(inputs, builtin_script(), LinkOptions())
    check("ld", "-z", "norelro", "main.o", "-o", "gnu", cwd=tmp_path)
    assert image.elf is not None
    assert compare(image.elf, read((tmp_path / "gnu").read_bytes(), "gnu")) == []
    program = tmp_path / "program"
    program.write_bytes(image.data)
    program.chmod(0o755)
    assert run(program).returncode == 3 + ord("t")


@pytest.mark.parametrize("mode", ["-m64", "-m32"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_position_independent_objects_need_no_got(mode: str, compiler: str, tmp_path: Path) -> None:
    text = """
    extern int value, *pointer; extern char __bss_start[]; int function(int);
    int (*indirect)(int) = function;
    void _start(void) { value = function(*pointer) + indirect(__bss_start[0]); }
    """
    other = "int value, *pointer = &value; int function(int x) { return x + value; }"
    objects = [
        compile_c(text, tmp_path / "a.o", mode, "-O2", "-fpic", compiler=compiler),
        compile_c(other, tmp_path / "b.o", mode, "-O2", "-fpic", compiler=compiler),
    ]
    script = SCRIPT.replace("{ *(.data ", "{ *(.got .got.plt) *(.data ").replace(
        "{ *(.bss", "{ __bss_start = .; *(.bss"
    )
    emulation = {"-m64": "elf_x86_64", "-m32": "elf_i386"}[mode]
    found = differences(script, objects, "-m", emulation)
    assert [line for line in found if "sh_entsize" not in line] == []


def test_code_ranges_of_discarded_sections_become_empty(tmp_path: Path) -> None:
    text = """
    .globl _start
    _start: ret
    .section .gone, "ax"
    gone: ret
    .section .oro.code
    .quad _start, 1
    .long 64, 0
    .quad gone, 1
    .long 64, 0
    """
    script = SCRIPT.replace("/DISCARD/ : {", "/DISCARD/ : { *(.gone)")
    elf = our_link(script, [assemble(text, tmp_path / "a.o")], LinkOptions()).elf
    assert elf is not None
    section = elf.section(".oro.code")
    assert section is not None
    data = bytes(elf.section_data(section))
    assert data[:24] == (0x100000).to_bytes(8, "little") + b"\1" + bytes(7) + b"\x40" + bytes(7)
    assert data[24:] == bytes(16) + b"\x40" + bytes(7)


def explained(tmp_path: Path) -> LinkedImage:
    libraries(tmp_path)
    assemble(".globl _start\n_start: call one\n.data\n.globl v\nv: .quad 1\n", tmp_path / "main.o")
    script = SCRIPT.replace("  .rodata", "  marker = .;\n  .rodata")
    return with_archives(tmp_path, script, "main.o", "lib.a")


def test_why_explains_symbols_sections_and_addresses(tmp_path: Path) -> None:
    linked = explained(tmp_path)
    text = why(linked, "one")
    assert "'one' = 0x" in text
    assert "defined by lib.a(one.o)" in text
    assert "placed by the rule at script.ld:5:13" in text
    assert "segment 'load0' with flags R E" in text
    assert "defined by the script, at script.ld:7:3" in why(linked, "marker")
    assert "main.o:(.data)" in why(linked, ".data")
    assert "0x100000 is _start+0x0, in main.o:(.text)" in why(linked, "0x100000")
    assert why(linked, "0x1") == "0x1 is in no segment\n"
    assert why(linked, "_strat").endswith("did you mean '_start'?\n")


def test_the_map_lists_segments_sections_symbols_and_what_is_gone(tmp_path: Path) -> None:
    text = render_map(explained(tmp_path).map)
    assert text.index("Segments") < text.index("Sections") < text.index("Symbols")
    assert "main.o  script.ld:5:13" in text
    assert "lib.a(two.o)" in text
    assert "marker" in text


def test_compressed_debug_sections_are_unpacked(tmp_path: Path) -> None:
    text = "int value = 3; void _start(void) { value++; }"
    flags = ("-g", "-O1", "-ffreestanding", "-fno-pic", "-fno-pie")
    plain = compile_c(text, tmp_path / "main.o", *flags)
    expected = our_link(SCRIPT, [plain]).elf
    packed = our_link(SCRIPT, [compile_c(text, tmp_path / "main.o", *flags, "-gz=zlib")]).elf
    assert expected is not None
    assert packed is not None
    differing = compare(packed, expected, debug=True, ignore_sections=[".debug_str"])
    assert differing == []


def test_slim_lto_objects_are_refused(tmp_path: Path) -> None:
    path = compile_c("int f(void) { return 1; }", tmp_path / "a.o", "-flto", "-fno-fat-lto-objects")
    with pytest.raises(InputError, match="compile without -flto"):
        our_link(SCRIPT, [path])


def test_the_build_id_is_the_hash_of_the_image(tmp_path: Path) -> None:
    objects = [assemble(".globl _start\n_start: ret\n", tmp_path / "a.o")]
    script = SCRIPT.replace(" .note.*", "").replace(
        "  .data :", "  .note.gnu.build-id : { *(.note.gnu.build-id) }\n  .data :"
    )
    first = our_link(script, objects, LinkOptions(build_id="sha1"))
    (tmp_path / "image").write_bytes(first.data)
    shown = check("readelf", "-nW", "image", cwd=tmp_path)
    assert "NT_GNU_BUILD_ID" in shown
    assert "Build ID: 0000" not in shown
    assert our_link(script, objects, LinkOptions(build_id="sha1")).data == first.data
    with pytest.raises(InputError, match=r"places section '\.note\.gnu\.build-id'"):
        our_link(SCRIPT.replace(" .note.*", ""), objects, LinkOptions(build_id="sha1"))


def test_start_and_stop_symbols_bound_their_section(tmp_path: Path) -> None:
    text = """
    .globl _start
    _start: mov $__start_table, %rax
    mov $__stop_table, %rbx
    .section table, "aw"
    .quad 1, 2, 3
    """
    script = SCRIPT.replace("  .bss :", "  table : { *(table) }\n  .bss :")
    objects = [assemble(text, tmp_path / "a.o")]
    found = differences(script, objects)
    # GNU ld marks the symbols protected, which means nothing in a static image.
    assert [line for line in found if "table: 0x101" not in line] == []


def test_a_segment_that_is_writable_and_executable_is_a_warning(tmp_path: Path) -> None:
    objects = [assemble(".globl _start\n_start: ret\n.data\n.quad 1\n", tmp_path / "a.o")]
    script = "ENTRY(_start) SECTIONS { .text : { *(.text) } .data : { *(.data) } }"
    (warning,) = our_link(script, objects, LinkOptions()).warnings
    assert warning.message == "segment 'load0' is readable, writable and executable (RWX)"
    assert our_link(script, objects, LinkOptions(warn_rwx_segments=False)).warnings == ()
    with pytest.raises(InputError, match="RWX"):
        our_link(script, objects, LinkOptions(fatal_warnings=True))
